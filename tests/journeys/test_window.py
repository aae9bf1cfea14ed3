"""The main job through the window: real events on real widgets, real training in child processes, and kills."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from PySide6.QtWidgets import QApplication, QTableView, QTextEdit

from fintune_gui.project.events import CheckpointSaved, Ended, Event, Started, TrainStep, read_events
from fintune_gui.project.flow import Step
from fintune_gui.project.history import read_history
from fintune_gui.project.report import read_report
from fintune_gui.project.spec import EVENTS_FILE
from fintune_gui.ui.pages.train import TrainPage
from fintune_gui.ui.services.notifications import notifications
from fintune_gui.ui.widgets.feedback import VerdictBanner
from fintune_gui.ui.widgets.live_plot import LivePlot
from fintune_gui.ui.window import MainWindow
from tests.helpers.runs import ready_project
from tests.helpers.terminal import ROOT, Terminal
from tests.helpers.user import User
from tests.helpers.windows import main_window

TINY_BASE = ROOT / "resources" / "models" / "tiny-base"
PLAIN_PEFT = """
import sys
from peft import PeftModel; from transformers import AutoModelForSequenceClassification, AutoTokenizer
base = AutoModelForSequenceClassification.from_pretrained(sys.argv[1], num_labels=7)
model = PeftModel.from_pretrained(base, sys.argv[2])
tokenizer = AutoTokenizer.from_pretrained(sys.argv[2])
logits = model.eval()(**tokenizer("I was charged twice this month.", return_tensors="pt")).logits
print(*logits.flatten().tolist())
"""


WINDOW_THAT_TRAINS = """
import sys
from PySide6.QtCore import Qt, QTimer
from PySide6.QtTest import QTest
from fintune_gui.project.flow import Step
from fintune_gui.ui import app

class Window(app.MainWindow):
    def open_project(self, path):
        opened = super().open_project(path)
        QTest.mouseClick(self.rail.items[Step.TRAIN], Qt.MouseButton.LeftButton)
        self._looking = QTimer(self, interval=100, timeout=self.start_training)
        self._looking.start()
        return opened

    def start_training(self):
        button = self.pages.page.header.primary
        if button.text() == "Start training" and button.isEnabled():
            self._looking.stop()
            QTest.mouseClick(button, Qt.MouseButton.LeftButton)

app.MainWindow = Window
sys.exit(app.main(sys.argv[1:]))
"""


@pytest.fixture(autouse=True)
def _silence() -> Iterator[None]:
    yield
    notifications()._waiting.clear()  # what no window has shown is not for the next test


@pytest.fixture
def window(qtbot) -> Iterator[MainWindow]:
    with main_window(qtbot) as made:
        yield made


@pytest.fixture
def user(qtbot, window: MainWindow) -> User:
    return User(qtbot, window)


def _states(window: MainWindow) -> dict[str, str]:
    """What the rail says of each step: "done", "to do" …"""
    names = [window.rail.items[step].accessibleName().split(", ") for step in Step]
    return {name[1]: name[2] for name in names}


def _points(user: User) -> list[float]:
    """Where the training curve on screen has points."""
    return user.named(LivePlot, "Loss…").curves["training"].points.x.tolist()


@pytest.mark.slow
def test_that_a_new_user_comes_from_home_to_an_adapter(window: MainWindow, user: User, tmp_path: Path) -> None:
    user.press("Try Support tickets…")
    user.press("Continue to Data")
    user.press("Continue to Clean")
    _clean(user)
    project = window.session.folder
    user.press("Continue to Format")
    user.wait(lambda: user.sees("Next row"), "the tokens of a row")
    tokens = user.named(QTextEdit, "What the model sees")
    first = tokens.toPlainText()
    assert len(first) > 10
    user.press("Next row")
    user.wait(lambda: tokens.toPlainText() not in ("", first), "the tokens of another row")
    user.press("Continue to Split")
    user.press("Split")
    user.press("Continue to Model")
    user.press("Continue to Train")
    user.write("Epochs, passes", "1")
    _train(user)
    user.press("Continue to Evaluate")
    user.press("Measure on the test rows")
    user.wait_for("Continue to Export")
    assert user.named(VerdictBanner, "Better…").isVisible()
    user.press("Continue to Export")
    adapter = tmp_path / "adapter"
    user.write("Folder of the export", str(adapter))
    user.press("Export the adapter")
    user.wait_to_read("Loaded in a fresh process with plain peft")
    user.wait(lambda: set(_states(window).values()) == {"done"}, "all steps to be done")

    report = read_report(project.run_folder(1))
    assert report is not None
    f1 = {scores.contender: scores.metrics["f1"].value for scores in report.scores}
    assert f1["tuned"] > max(f1["untuned"], f1["majority"])
    assert report.verdict.outcome == "better"
    logits = Terminal(tmp_path).python(PLAIN_PEFT, TINY_BASE, adapter).split()
    assert len(logits) == 7
    assert all(math.isfinite(float(logit)) for logit in logits)


def _clean(user: User) -> None:
    """Fix what is safe, mend the misspelled labels, edit a cell by hand and take that back."""
    user.press("Fix all safe ones…")
    user.wait(lambda: not user.sees("Fix all safe ones…") and user.sees("Undo"), "all that is safe to be fixed")
    user.press("Fix: Misspelled labels")
    user.wait(lambda: not user.sees("Fix: Misspelled labels") and user.sees("Undo"), "the labels to be mended")
    table = user.named(QTableView, "Rows")
    before = table.model().index(2, 1).data()
    user.edit_cell(table, 2, 1, "Written by hand")
    user.wait(lambda: table.model().index(2, 1).data() == "Written by hand", "the edited cell")
    user.press("Undo")
    user.wait(lambda: table.model().index(2, 1).data() == before, "the cell as it was")


def _train(user: User) -> None:
    """Start, watch, pause, continue, and wait for the end."""
    user.press("Start training")
    user.wait(lambda: user.sees("Pause") and len(_points(user)) >= 5, "a live curve")
    assert user.named(TrainPage, "Train page").isAncestorOf(QApplication.focusWidget())
    user.press("Pause")
    user.wait_for("Continue")
    at_rest = _points(user)
    user.press("Continue")
    user.wait_for("Continue to Evaluate")
    points = _points(user)
    assert len(points) > len(at_rest)
    assert points == list(range(1, len(points) + 1))


def _events(run: Path) -> list[Event]:
    path = run / EVENTS_FILE
    return list(read_events(path)) if path.exists() else []


def _outcomes(run: Path) -> list[str]:
    return [event.outcome for event in _events(run) if isinstance(event, Ended)]


def _trainer(run: Path) -> int:
    return [event.pid for event in _events(run) if isinstance(event, Started)][-1]


def _has_gone_on_from_a_checkpoint(run: Path) -> bool:
    kinds = [type(event) for event in _events(run)]
    return CheckpointSaved in kinds and TrainStep in kinds[kinds.index(CheckpointSaved) :]


@pytest.mark.slow
def test_that_a_killed_trainer_is_said_and_resumed(window: MainWindow, user: User, tmp_path: Path) -> None:
    ready_project(tmp_path / "project", rows=200).close()
    run = tmp_path / "project" / "runs" / "0001"
    window.open_project(tmp_path / "project")
    user.press("7, Train…")
    user.write("Epochs, passes", "5")
    user.write("Patience, evaluations", "0")
    user.press("Start training")
    user.wait(lambda: _has_gone_on_from_a_checkpoint(run), "a checkpoint")
    os.kill(_trainer(run), signal.SIGKILL)

    user.wait_to_read("Run 1 was interrupted.")
    assert "is saved; the run can go on from there." in user.read()
    user.press("Resume")
    user.wait_for("Continue to Evaluate")
    assert "Run 1 was interrupted." not in user.read()
    assert _outcomes(run) == ["interrupted", "completed"]
    history = read_history(run)
    assert history.plan is not None
    assert list(history.steps) == list(range(1, history.plan.total_steps + 1))
    assert _points(user) == list(history.steps)


@pytest.mark.slow
def test_that_a_killed_window_loses_nothing(qtbot, tmp_path: Path) -> None:
    with ready_project(tmp_path / "project", rows=200) as made:
        long = made.project.training.model_copy(
            update={"epochs": 500.0, "early_stopping_patience": 0, "checkpoint_minutes": 0.01}
        )
        made.save(made.project.with_(training=long))
        project, run = made.folder, made.run_folder(1)
    command = [sys.executable, "-P", "-c", WINDOW_THAT_TRAINS, str(project)]
    with subprocess.Popen(command, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}) as killed:
        try:
            qtbot.waitUntil(lambda: _has_gone_on_from_a_checkpoint(run), timeout=60_000)
        finally:
            killed.kill()
    qtbot.waitUntil(lambda: not psutil.pid_exists(_trainer(run)), timeout=30_000)
    assert _outcomes(run) == ["interrupted"]

    with main_window(qtbot) as window:
        user = User(qtbot, window)
        user.wait_to_read("Run 1 of Support routing")
        user.press("Resume")
        user.wait_to_read("All changes saved")
        user.wait(lambda: _works_again(run), "the run to go on")
        user.press("Stop and keep best")
        user.wait_for("Continue to Evaluate")
        assert window.session.project.training.epochs == 500
        assert window.session.facts.rows_kept == 200
    assert _outcomes(run) == ["interrupted", "stopped"]
    steps = list(read_history(run).steps)
    assert steps == list(range(1, len(steps) + 1))


def _works_again(run: Path) -> bool:
    kinds = [type(event) for event in _events(run)]
    return TrainStep in kinds[kinds.index(Ended) :]
