"""The fixtures that watch all other tests: each must catch what it is there for."""

from __future__ import annotations

import pytest

pytest_plugins = ["pytester"]


@pytest.fixture
def suite(pytester: pytest.Pytester, pytestconfig: pytest.Config, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A suite of its own in a fresh process, with our conftest and our settings."""
    monkeypatch.delenv("CI", raising=False)
    root = pytestconfig.rootpath
    monkeypatch.setenv("PYTHONPATH", str(root))
    pytester.makepyprojecttoml((root / "pyproject.toml").read_text(encoding="utf-8"))
    pytester.makeconftest((root / "tests" / "conftest.py").read_text(encoding="utf-8"))
    return pytester


ALONE = ("-n", "0", "-p", "no:cacheprovider")
"""Without the workers of our settings, which take longer to start than these few tests to run."""


def test_that_everything_a_test_leaves_behind_makes_it_fail(suite: pytest.Pytester) -> None:
    suite.makepyfile(
        """
        import logging, threading, time
        import pytest

        KEPT = []

        def test_thread():
            threading.Thread(target=time.sleep, args=(60,), daemon=True, name="sleeper").start()

        def test_log():
            logging.getLogger("fintune_gui").warning("something is odd")

        @pytest.mark.expects_log("something is odd")
        def test_announced_log():
            logging.getLogger("fintune_gui").warning("something is odd")

        def test_timer(qapp):
            from PySide6.QtCore import QTimer
            timer = QTimer(); timer.setObjectName("clock"); timer.start(10_000); KEPT.append(timer)

        def test_qthread(qapp):
            from PySide6.QtCore import QThread
            thread = QThread(); thread.setObjectName("spinner"); thread.start(); KEPT.append(thread)

        def test_widget(qapp):
            from PySide6.QtWidgets import QLabel
            label = QLabel("hello"); label.setObjectName("orphan"); label.show(); KEPT.append(label)

        def test_qt_warning(qapp):
            from PySide6.QtCore import qWarning
            qWarning("Qt does not like this")

        def test_tidy(qtbot):
            from PySide6.QtCore import QTimer
            from PySide6.QtWidgets import QLabel
            label = QLabel("hello"); qtbot.addWidget(label); label.show()
            timer = QTimer(label); timer.start(1000)
        """
    )
    result = suite.runpytest_subprocess(*ALONE)
    result.assert_outcomes(passed=7, failed=1, errors=5)
    result.stdout.fnmatch_lines_random(
        [
            "threads left behind: sleeper",
            "unexpected log records:*",
            "Qt objects left behind: QTimer “clock”",
            "Qt objects left behind: QThread “spinner”",
            "Qt objects left behind: QLabel “orphan”",
            "FAILED *test_qt_warning*",
        ]
    )


def test_that_a_skipped_network_test_fails_only_in_ci(suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    suite.makepyfile(
        """
        import pytest

        @pytest.mark.network
        def test_download():
            pytest.skip("no index can be reached")

        def test_other():
            pytest.skip("not on this system")
        """
    )
    suite.runpytest_subprocess(*ALONE).assert_outcomes(skipped=2)
    monkeypatch.setenv("CI", "true")
    suite.runpytest_subprocess(*ALONE).assert_outcomes(skipped=1, failed=1)


def test_that_every_test_has_an_empty_home_of_its_own(suite: pytest.Pytester) -> None:
    suite.makepyfile(
        """
        import pytest
        from fintune_gui.project.paths import config_folder
        from fintune_gui.project.recent import recent_projects, remember_project
        from fintune_gui.project.store import PROJECT_FILE

        @pytest.mark.parametrize("time", [1, 2])
        def test_home(time, tmp_path):
            assert not list(tmp_path.iterdir())
            assert not config_folder().exists()
            (tmp_path / PROJECT_FILE).touch()
            remember_project(tmp_path)
            assert recent_projects() == [tmp_path]
        """
    )
    suite.runpytest_subprocess(*ALONE).assert_outcomes(passed=2)
