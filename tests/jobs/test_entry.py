"""Which role? The entry points, each in a fresh process."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from fintune_gui.project.events import Ended, parse_event


def _run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if name not in ("DISPLAY", "WAYLAND_DISPLAY")}
    clean.pop("QT_QPA_PLATFORM", None)
    return subprocess.run(
        [sys.executable, "-m", "fintune_gui", *arguments],
        env={**clean, **environment}, text=True, capture_output=True, timeout=60, check=False,
    )  # fmt: skip


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere there is always a display")
def test_that_a_machine_without_a_display_gets_a_sentence_and_the_way_that_works() -> None:
    result = _run()
    assert result.returncode == 1
    assert "no display" in result.stderr
    assert "fintune sample" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere Qt brings everything with it")
def test_that_libraries_that_qt_lacks_are_named_as_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    from fintune_gui import __main__ as entry

    monkeypatch.delenv("QT_QPA_PLATFORM", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setattr(entry, "_can_be_loaded", lambda library: "xcb" not in library)
    sentence = entry._obstacle_to_windows()
    assert "apt-get install libxcb-cursor0" in sentence
    assert "libegl1" not in sentence
    monkeypatch.setattr(entry, "_can_be_loaded", lambda library: True)
    assert entry._obstacle_to_windows() == ""


def test_that_help_needs_no_display() -> None:
    result = _run("--help")
    assert result.returncode == 0
    assert "fintune-gui [--sample" in result.stdout


@pytest.mark.parametrize("role", ["engine", "data"])
def test_that_a_role_without_a_job_ends_in_a_code_and_not_in_a_window(role: str, tmp_path: object) -> None:
    result = _run(role, f"{tmp_path}/missing")
    assert result.returncode == 1
    assert [type(parse_event(line)) for line in result.stdout.splitlines()] == [Ended] * (role == "engine")


def test_that_starting_imports_nothing_heavy() -> None:
    script = (
        "import sys, fintune_gui.__main__, fintune_gui.cli.app, fintune_gui.jobs.process; "
        "heavy = {'torch', 'transformers', 'peft', 'pandas', 'pyarrow', 'duckdb', 'PySide6', 'numpy'}; "
        "print(sorted(heavy & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", script], text=True, capture_output=True, check=True)
    assert result.stdout.strip() == "[]"
