"""What every test gets: a home of its own, an offscreen window system, and a look for what it left behind.

A test fails when it leaves a thread, a running QThread, an active QTimer or a top-level widget, and when the code logs
a warning that the test did not announce with ``@pytest.mark.expects_log("regular expression")``.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import count

import hypothesis
import pytest

from tests.helpers.leaks import QtLeaks, left_threads, running_threads
from tests.helpers.logs import WarningRecorder

_homes = count()

# the machines of the tests are shared: a slow example says nothing about the code
hypothesis.settings.register_profile("fintune", deadline=None)
hypothesis.settings.load_profile("fintune")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--headed", action="store_true", help="show the windows on the real screen")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "expects_log(pattern, ...): log records of level WARNING and above that are right"
    )
    if not config.getoption("--headed"):
        os.environ["QT_QPA_PLATFORM"] = "offscreen"
    # as in a job's process: threads that wait must sleep, or torch crawls while anything else is running
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with slow tests come first: begun last, one of them would keep all processes but its own waiting."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


@pytest.fixture(autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings, caches and recent projects of the program go into a folder of this test, which is made on first use."""
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.fail.Keyring")  # the user's own stays untouched
    monkeypatch.setenv("FINTUNE_HOME", str(tmp_path_factory.getbasetemp() / f"home-{next(_homes)}"))


@pytest.fixture(autouse=True)
def _no_unexpected_log_warnings(request: pytest.FixtureRequest) -> Iterator[None]:
    patterns = [pattern for marker in request.node.iter_markers("expects_log") for pattern in marker.args]
    with WarningRecorder(patterns) as recorder:
        yield
    if recorder.unexpected:
        pytest.fail("unexpected log records:\n" + "\n".join(recorder.unexpected), pytrace=False)


@pytest.fixture(autouse=True)
def _no_left_threads() -> Iterator[None]:
    before = running_threads()
    yield
    if left := left_threads(before):
        pytest.fail("threads left behind: " + ", ".join(left), pytrace=False)


@pytest.fixture(autouse=True)
def _no_left_qt_objects(request: pytest.FixtureRequest) -> Iterator[None]:
    if "qapp" not in request.fixturenames:
        yield
        return
    request.getfixturevalue("qapp")
    leaks = QtLeaks()
    yield
    if left := leaks.find():
        pytest.fail("Qt objects left behind: " + ", ".join(left), pytrace=False)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Where CI runs, the network is there: a network test that was skipped did not do its work."""
    report = yield
    if report.skipped and item.get_closest_marker("network") and os.environ.get("CI") == "true":
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} needs the network and was skipped, which CI does not allow"
    return report
