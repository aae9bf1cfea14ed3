"""The main job from a terminal: fresh processes, real training, and kills in between."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from fintune_gui.project.events import CheckpointSaved, Started, TrainStep, read_events
from fintune_gui.project.history import read_history
from fintune_gui.project.spec import EVENTS_FILE
from tests.helpers import foreign
from tests.helpers.terminal import ROOT, Terminal

TINY_BASE = ROOT / "resources" / "models" / "tiny-base"
TICKETS = ROOT / "resources" / "samples" / "support_tickets" / "tickets.csv"

USE_IT = """
logits = model.eval()(**tokenizer("I was charged twice this month, please pay it back.", return_tensors="pt")).logits
lora = sum("lora" in name for name, _ in model.named_parameters())
print(lora, *(f"{number:.4f}" for number in logits.flatten()[:4].tolist()))
"""


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    return Terminal(tmp_path)


def _use_as_its_card_says(terminal: Terminal, export: str) -> int:
    """Run the four lines of plain peft in the model card, and use what they load: its number of LoRA tensors."""
    card = (terminal.folder / export / "README.md").read_text(encoding="utf-8")
    lines = card.split("```python\n")[1].split("```")[0].strip().splitlines()
    assert len(lines) == 4
    script = "\n".join(lines).replace("THIS_FOLDER", export).replace("BASE_MODEL", str(TINY_BASE))
    tensors, *logits = terminal.python(script + USE_IT).split()
    assert all(math.isfinite(float(number)) for number in logits)
    return int(tensors)


def _outcomes(project: Path, run: int = 1) -> list[str]:
    lines = (project / "runs" / f"{run:04d}" / EVENTS_FILE).read_text().splitlines()
    return [line.split('"outcome":"')[1].split('"')[0] for line in lines if '"outcome":"' in line]


@pytest.mark.slow
def test_that_a_file_becomes_an_adapter_that_plain_peft_loads(terminal: Terminal) -> None:
    fintune = terminal.fintune
    fintune("new", "tickets", "--task", "classification", "--goal", "F1 >= 0.85")
    assert fintune("import", "tickets", TICKETS)["rows"] == 1500
    assert len(fintune("check", "tickets")["findings"]) > 5
    assert fintune("clean", "tickets", "--safe")["rows_kept"] < 1500
    fintune("format", "tickets", "--map", "text=text", "--map", "label=topic", "--max-length", 128)
    counts = fintune("split", "tickets", "--ratios", "70/15/15")["counts"]
    fintune("model", "tickets", "sample:tiny-base", "--method", "lora")
    dry = fintune("fit", "tickets", "--no-cheaper")
    assert dry["peak_memory_bytes"] > 10_000_000
    assert dry["tokens_per_second"] > 0
    # five times the usual rate, so that one pass shows what three do in the sample's journey through the window
    trained = fintune("train", "tickets", "--set", "epochs=1", "--set", "learning_rate=1e-3")
    assert trained["outcome"] == "completed"

    report = fintune("evaluate", "tickets")
    f1 = {scores["contender"]: scores["metrics"]["f1"]["value"] for scores in report["scores"]}
    assert report["rows"] == counts["test"]
    assert f1["tuned"] > max(f1["untuned"], f1["majority"])
    assert report["verdict"]["outcome"] == "better"

    exported = fintune("export", "tickets", "--run", 1, "--kind", "adapter", "--to", "adapter")
    assert exported["verified_rows"] > 0
    assert _use_as_its_card_says(terminal, "adapter") > 0

    states = {step["step"]: step["state"] for step in fintune("status", "tickets")["steps"]}
    assert set(states.values()) == {"done"}, states


@pytest.mark.slow
def test_that_no_kill_and_no_key_loses_a_run(terminal: Terminal, tmp_path: Path) -> None:
    """The trainer is killed, then the command, then Ctrl+C is pressed; the run goes on after each."""
    rows = foreign.many_labels_csv(tmp_path / "rows.csv", labels=4, rows=400)
    project = tmp_path / "p"
    run = project / "runs" / "0001"
    for arguments in (
        ["new", project, "--task", "classification"], ["import", project, rows], ["split", project],
        ["format", project, "--max-length", 32], ["model", project, "sample:tiny-base"],
    ):  # fmt: skip
        terminal.fintune(*arguments)
    long = ["--set", "epochs=200", "--set", "checkpoint_minutes=0.01", "--set", "early_stopping_patience=0"]

    with terminal.start("train", project, *long) as command:
        _wait_for_progress(run, processes=1)
        os.kill(_trainer(run), signal.SIGKILL)
        err = command.communicate(timeout=60)[1]
    assert command.returncode == 1
    assert "Resume it" in err
    assert _outcomes(project) == ["interrupted"]

    with terminal.start("train", project, "--resume") as command:
        _wait_for_progress(run, processes=2)
        command.kill()
    _eventually(lambda: not psutil.pid_exists(_trainer(run)), "the trainer lives on without its parent")
    assert _outcomes(project) == ["interrupted"] * 2

    with terminal.start("train", project, "--resume") as command:
        _wait_for_progress(run, processes=3)
        command.send_signal(signal.SIGINT)
        out, err = command.communicate(timeout=60)
    assert command.returncode == 0, err
    assert "was stopped" in out
    assert _outcomes(project) == ["interrupted", "interrupted", "stopped"]

    history = read_history(run)
    assert list(history.steps) == list(range(1, len(history.steps) + 1))
    assert history.best is not None
    assert terminal.fintune("evaluate", project)["run"] == 1


def _trainer(run: Path) -> int:
    return [event.pid for event in read_events(run / EVENTS_FILE) if isinstance(event, Started)][-1]


def _wait_for_progress(run: Path, processes: int) -> None:
    """Wait until process number `processes` of this run has saved a checkpoint and gone on from it."""

    def gone_on() -> bool:
        events = list(read_events(run / EVENTS_FILE))
        starts = [place for place, event in enumerate(events) if isinstance(event, Started)]
        if len(starts) < processes:
            return False
        kinds = [type(event) for event in events[starts[-1] :]]
        return CheckpointSaved in kinds and TrainStep in kinds[kinds.index(CheckpointSaved) :]

    _eventually(gone_on, "the run makes no progress")


def _eventually(condition: Callable[[], bool], complaint: str, patience_s: float = 120.0) -> None:
    deadline = time.monotonic() + patience_s
    while not condition():
        assert time.monotonic() < deadline, complaint
        time.sleep(0.05)


@pytest.mark.slow
def test_that_somebody_elses_alpaca_file_is_trained_and_exported(terminal: Terminal, tmp_path: Path) -> None:
    fintune = terminal.fintune
    fintune("new", "numbers", "--task", "instruction", "--goal", "perplexity <= 50")
    assert fintune("import", "numbers", foreign.alpaca_json(tmp_path / "alpaca.json", rows=120))["shape"] == "Alpaca"
    fintune("split", "numbers")
    fintune("model", "numbers", "sample:tiny-base")
    fintune("train", "numbers", "--set", "epochs=3", "--set", "learning_rate=2e-3")
    report = fintune("evaluate", "numbers")
    perplexity = {scores["contender"]: scores["metrics"].get("perplexity") for scores in report["scores"]}
    assert perplexity["tuned"]["value"] < perplexity["untuned"]["value"] / 2
    assert report["generated_rows"] > 0
    fintune("export", "numbers", "--to", "adapter")
    assert _use_as_its_card_says(terminal, "adapter") > 0


def test_that_the_program_lies_on_no_path_but_its_own(terminal: Terminal) -> None:
    """What the journeys rely on: their processes run this checkout and nothing that is installed."""
    (terminal.folder / "torch.py").write_text("raise SystemExit('the wrong torch')")
    script = "import fintune_gui, sys; print(fintune_gui.__file__)"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    found = subprocess.run(
        [sys.executable, "-P", "-c", script], cwd=terminal.folder, env=environment, text=True, capture_output=True,
        check=True,
    )  # fmt: skip
    assert Path(found.stdout.strip()).is_relative_to(ROOT)
