"""What commands say: sentences and tables for people on standard output, or one JSON object for programs."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer

from fintune_gui.project.events import Decided, Event, Log, Paused, Plan, Progress, TrainStep, Validated

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on the last line of standard output.")]

_LINE_EVERY_S = 5.0
_REWRITE_EVERY_S = 0.1


class Output:
    """The answers of one command. With `as_json` only the result is printed, else only the words."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json

    def say(self, text: str = "") -> None:
        """A line for people."""
        if not self._as_json:
            typer.echo(text)

    def table(self, rows: Sequence[Sequence[object]], *, header: Sequence[str] = (), right: Sequence[int] = ()) -> None:
        """Columns of text; those named by `right` stand flush right."""
        texts = [[str(cell) for cell in row] for row in ([header] if header else []) + list(rows)]
        if not texts:
            return
        widths = [max(len(row[column]) for row in texts) for column in range(len(texts[0]))]
        for row in texts:
            cells = [
                cell.rjust(width) if column in right else cell.ljust(width)
                for column, (cell, width) in enumerate(zip(row, widths, strict=True))
            ]
            self.say("  ".join(cells).rstrip())

    def finish(self, result: Mapping[str, Any]) -> None:
        """The result as JSON, if that was asked for."""
        if self._as_json:
            typer.echo(json.dumps(result, ensure_ascii=False, default=str))


class ProgressLine:
    """Shows on standard error what a job says: a single rewritten line on a terminal, else a line now and then."""

    def __init__(self) -> None:
        self._live = sys.stderr.isatty()
        self._shown = 0.0
        self._stage = ""
        self._plan: Plan | None = None
        self._line_is_open = False

    def __call__(self, event: Event) -> None:
        match event:
            case Plan():
                self._plan = event
                share = event.trainable_parameters / max(1, event.total_parameters)
                self.keep(
                    f"{counted(event.total_steps, 'step')} over {counted(event.training_rows, 'row')}; "
                    f"{event.trainable_parameters:,} of {event.total_parameters:,} parameters learn ({share:.1%})"
                )
            case Decided():
                self.keep(f"{event.what}: {event.value} ({event.reason.rstrip('.')})")
            case Validated():
                metrics = "".join(f", {name} {value:.4g}" for name, value in event.metrics.items())
                best = ", the best so far" if event.best else ""
                self.keep(f"validation after step {event.step}: loss {event.loss:.4g}{metrics}{best}")
            case Log(level="warning" | "error"):
                self.keep(event.message)
            case Paused(why=why) if why:
                self.keep(why)
            case TrainStep():
                self._update("training", self._step(event))
            case Progress():
                self._update(event.stage, _progress(event))
            case _:
                pass

    def end(self) -> None:
        """Leave the cursor on a fresh line."""
        if self._line_is_open:
            typer.echo("", err=True)
            self._line_is_open = False

    def _step(self, event: TrainStep) -> str:
        total = f" of {self._plan.total_steps:,}" if self._plan else ""
        left = f" · {duration(event.seconds_left)} left" if event.seconds_left is not None else ""
        return f"step {event.step:,}{total} · loss {event.loss:.4g} · {event.tokens_per_second:,.0f} tokens/s{left}"

    def _update(self, stage: str, text: str) -> None:
        wait = _REWRITE_EVERY_S if self._live else _LINE_EVERY_S
        now = time.monotonic()
        if stage == self._stage and now - self._shown < wait:
            return
        self._stage, self._shown = stage, now
        if self._live:
            typer.echo(f"\r{text}\x1b[K", err=True, nl=False)
            self._line_is_open = True
        else:
            typer.echo(text, err=True)

    def keep(self, text: str) -> None:
        """A line that stays."""
        if self._line_is_open:
            typer.echo("\r\x1b[K", err=True, nl=False)
            self._line_is_open = False
        typer.echo(text, err=True)


def counted(number: int, noun: str) -> str:
    """ "1 row", "1,200 rows"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def duration(seconds: float) -> str:
    """ "40 s", "12 min", "3 h 20 min"."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


def size(number_of_bytes: float) -> str:
    """ "12 kB", "3.4 MB", "1.2 GB"."""
    for unit, factor in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if number_of_bytes >= factor:
            return f"{number_of_bytes / factor:.3g} {unit}"
    return f"{number_of_bytes:.0f} bytes"


def _progress(event: Progress) -> str:
    def amount(number: float) -> str:
        return size(number) if event.unit == "bytes" else f"{number:,.0f}"

    unit = f" {event.unit}" if event.unit and event.unit != "bytes" else ""
    if event.total is None:
        return event.stage if not event.done else f"{event.stage} · {amount(event.done)}{unit}"
    share = f" · {event.done / event.total:.0%}" if event.total else ""
    return f"{event.stage} · {amount(event.done)} of {amount(event.total)}{unit}{share}"
