"""How progress and figures are written."""

from __future__ import annotations

import io
import sys

import pytest

from fintune_gui.cli.output import Output, ProgressLine, counted, duration, size
from fintune_gui.project.events import Decided, Log, Paused, Progress, Validated


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_that_a_terminal_shows_one_line_that_is_rewritten(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = _Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setattr("fintune_gui.cli.output._REWRITE_EVERY_S", 0)
    line = ProgressLine()
    for done in (1, 2):
        line(Progress(stage="reading", done=done * 1e6, total=4e6, unit="bytes"))
    line(Decided(what="precision", value="fp32", reason="bf16 is slower here."))
    line.end()
    shown = terminal.getvalue()
    assert shown.count("\n") == 1
    assert "reading · 2 MB of 4 MB · 50%" in shown
    assert shown.endswith("precision: fp32 (bf16 is slower here)\n")


def test_that_a_file_gets_a_line_now_and_then(capsys: pytest.CaptureFixture[str]) -> None:
    line = ProgressLine()
    for done in range(1000):
        line(Progress(stage="reading", done=done, total=1000, unit="rows"))
    line(Progress(stage="writing", done=0))
    line(Validated(step=5, epoch=1, loss=0.5, metrics={"f1": 0.75}, best=True))
    line(Paused(step=5))
    line(Paused(step=5, why="The battery is nearly empty."))
    line(Log(level="info", message="a detail"))
    line(Log(level="warning", message="Some rows are long."))
    line.end()
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.splitlines() == [
        "reading · 0 of 1,000 rows · 0%",
        "writing",
        "validation after step 5: loss 0.5, f1 0.75, the best so far",
        "The battery is nearly empty.",
        "Some rows are long.",
    ]


def test_that_json_is_all_there_is_when_it_is_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    output = Output(as_json=True)
    output.say("words")
    output.table([("a", "b")])
    output.finish({"naïve": 1})
    assert capsys.readouterr().out == '{"naïve": 1}\n'


def test_that_tables_stand_in_columns(capsys: pytest.CaptureFixture[str]) -> None:
    Output(as_json=False).table([("a", 1), ("long", 200)], header=("name", "n"), right=(1,))
    assert capsys.readouterr().out == "name    n\na       1\nlong  200\n"


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0 s"), (89, "89 s"), (90, "2 min"), (5300, "88 min"), (5400, "1 h 30 min")]
)
def test_that_durations_are_short(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_that_counts_and_sizes_are_readable() -> None:
    assert [counted(n, "row") for n in (0, 1, 1234)] == ["0 rows", "1 row", "1,234 rows"]
    assert [size(n) for n in (12, 3400, 5.6e6, 7.25e9)] == ["12 bytes", "3.4 kB", "5.6 MB", "7.25 GB"]
