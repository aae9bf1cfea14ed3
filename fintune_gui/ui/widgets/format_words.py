"""A measured format in words: the lines of checks, and the line of status."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fintune_gui.project.document import Task
from fintune_gui.ui.widgets.check_list import CheckLine
from fintune_gui.ui.widgets.words import counted

if TYPE_CHECKING:
    from fintune_gui.dataset.measuring import Check, FormatMeasure


def check_lines(measure: FormatMeasure, task: Task) -> list[CheckLine]:
    """One line for each promise: how many rows keep it, or how many do not, with the first of them."""
    readable = measure.rows - len(measure.failed.get("readable", ()))
    lines = []
    if measure.failed.get("readable"):
        text = measure.problem.what if measure.problem else "The row cannot be read"
        lines.append(_failing(measure, "readable", text.rstrip(".")))
    if not task.generates:
        lines.append(_promise(measure, "learned", "Every text has at least one token", readable))
        lines.append(_cut(measure, f"Texts cut off at {measure.max_length:,} tokens"))
    else:
        lines.append(_promise(measure, "learned", "Every row has at least one token to learn", readable))
        lines.append(
            _promise(measure, "prefix", "The prompt is a prefix of prompt and answer, token by token", readable)
        )
        lines.append(_promise(measure, "end_mark", "One end mark after each answer", readable))
        lines.append(_cut(measure, f"Answers cut off at {measure.max_length:,} tokens"))
        if measure.apart:
            lines.append(_cut(measure, f"Prompts cut off at {measure.max_length:,} tokens", "prompt_cut"))
    if measure.left_out:
        lines.append(CheckLine("Left out: a column that is needed is empty", f"{measure.left_out:,}", "warn"))
    return lines


def _promise(measure: FormatMeasure, check: Check, text: str, total: int) -> CheckLine:
    failing = len(measure.failed.get(check, ()))
    if failing:
        return _failing(measure, check, text)
    return CheckLine(text, f"{total:,}", "good")


def _failing(measure: FormatMeasure, check: Check, text: str) -> CheckLine:
    rows = measure.failed[check]
    return CheckLine(text, f"not in {len(rows):,}" if check != "readable" else f"{len(rows):,}", "bad", rows[0])


def _cut(measure: FormatMeasure, text: str, check: Check = "cut") -> CheckLine:
    rows = measure.failed.get(check, [])
    return CheckLine(text, f"{len(rows):,}", "warn" if rows else "good", rows[0] if rows else None)


def sample_sentence(measure: FormatMeasure) -> str:
    """That only a sample was measured, if so."""
    if not measure.is_sample:
        return ""
    return f"Checked on {measure.rows:,} of {measure.usable:,} rows, evenly drawn; training checks every row again."


def status_words(measure: FormatMeasure, task: Task) -> list[str]:
    """What the page's status says beside the number of rows."""
    nothing = len(measure.failed.get("learned", ())) + len(measure.failed.get("readable", ()))
    many = counted(nothing, "row")
    has = "has" if nothing == 1 else "have"
    words = [f"{many} {has} nothing to learn" if nothing else "every row has something to learn"]
    if not task.generates:
        cut = len(measure.failed.get("cut", ()))
        words.append(f"{counted(cut, 'text')} cut off" if cut else "no text is cut off")
    else:
        share = 100 * measure.cut_answer_tokens / max(1, measure.answer_tokens)
        words.append(f"{share:.1f} % of answer tokens are cut off" if share else "no answer is cut off")
    return words
