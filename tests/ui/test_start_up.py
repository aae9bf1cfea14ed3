"""What the start of the window costs: libraries that only jobs need are never imported for it."""

from __future__ import annotations

import json
import locale
import os
import subprocess
import sys
from pathlib import Path

import pytest

from fintune_gui.project.document import Metric, Objective, Project, Task
from fintune_gui.project.store import ProjectFolder
from fintune_gui.ui.app import read_arguments

HEAVY = (
    "torch", "transformers", "peft", "accelerate", "datasets", "pandas", "pyarrow", "duckdb", "sklearn", "scipy",
    "tokenizers", "pyqtgraph",
)  # fmt: skip


def test_that_no_heavy_library_is_imported_before_the_window_is_shown() -> None:
    script = """
import json, sys
import fintune_gui.ui.window
from fintune_gui.ui.app import make_application
app = make_application()
window = fintune_gui.ui.window.MainWindow()
window.show()
app.processEvents()
print(json.dumps(sorted({name.split(".")[0] for name in sys.modules})))
window.close()
"""
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
    command = [sys.executable, "-c", script]
    result = subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment, check=False)
    assert result.returncode == 0, result.stderr
    imported = set(json.loads(result.stdout.splitlines()[-1]))
    assert imported & set(HEAVY) == set()
    assert "PySide6" in imported


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        ([], (None, None)),
        (["--sample"], ("tickets", None)),
        (["--sample", "faq"], ("faq", None)),
        (["--sample", "my project"], ("tickets", Path("my project"))),
        (["project"], (None, Path("project"))),
    ],
)
def test_that_the_command_line_says_what_to_open(argv: list[str], expected: tuple[str | None, Path | None]) -> None:
    assert read_arguments(argv) == expected


def test_that_numbers_keep_their_point_in_a_locale_with_commas(qapp: object) -> None:
    assert locale.localeconv()["decimal_point"] == "."


def test_that_the_program_shows_a_project_and_ends_with_zero(tmp_path: Path) -> None:
    """The whole way in and out, in a process of its own."""
    objective = Objective(task=Task.CLASSIFICATION, metric=Metric.F1)
    ProjectFolder.create(tmp_path / "p", Project(name="Support routing", objective=objective)).close()
    script = f"""
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication
import fintune_gui.ui.app as app
from fintune_gui.ui.window import MainWindow
def look():
    window = next(w for w in QApplication.topLevelWidgets() if isinstance(w, MainWindow))
    print(window.windowTitle(), window.isVisible())
    window.close()
make = app.make_application
def made():
    application = make()
    QTimer.singleShot(1500, look)
    return application
app.make_application = made
raise SystemExit(app.main([{str(tmp_path / "p")!r}]))
"""
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
    command = [sys.executable, "-c", script]
    result = subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment, check=False)
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip() == "Support routing – Fintune True"
    assert "Traceback" not in result.stderr
