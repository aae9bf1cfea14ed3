"""Looking for problems in the rows. Nothing is changed; each finding says what would mend it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from threading import Lock
from typing import Literal

import numpy as np
import pyarrow as pa
from pydantic import Field

from fintune_gui.dataset import cleaners
from fintune_gui.dataset.column import Mask, RowIds
from fintune_gui.dataset.keys import conflicting, repeated
from fintune_gui.dataset.label_sets import count_labels, renamed_cells, split_labels
from fintune_gui.dataset.labels import likely_misspellings, spelling_variants
from fintune_gui.dataset.measures import Values, values_of
from fintune_gui.dataset.picture import Picture
from fintune_gui.dataset.store import Dataset
from fintune_gui.dataset.text_facts import PLACEHOLDER, TextFacts, Wanted
from fintune_gui.project.document import LabelSeparator, Role
from fintune_gui.project.settings import Frozen

_ROWS_SHOWN = 1000
_SHORT_CHARACTERS = 10
_LONG_FACTOR = 10
"""A text is very long if it has so many times the characters of the middle text, and at least as many as below."""
_LONG_CHARACTERS = 1500
_MOST_LABELS = 1000
"""A column with more different values is no label, and nobody could look through their spelling."""
_MOST_CELLS = 50_000
"""With more different sets of labels than these, nothing is said about single labels."""

Severity = Literal["info", "warn", "bad"]
Check = Callable[[], None]


class CleaningStep(Frozen):
    """One cleaning step as data. No columns: all columns."""

    name: str
    columns: tuple[str, ...] = ()
    options: dict[str, str] = Field(default_factory=dict)


class Finding(Frozen):
    """A problem that was found in `count` rows.

    Attributes:
        row_ids: The first 1,000 of them.
        step: What would mend it; None if only a person can decide.
        safe: Whether the step can be done without looking.
        query: The filter that shows the rows; "" if they cannot be described by one.
    """

    check: str
    title: str
    count: int
    severity: Severity
    row_ids: tuple[int, ...]
    step: CleaningStep | None = None
    safe: bool = False
    query: str = ""


def find_problems(
    dataset: Dataset, roles: Mapping[Role, str], separator: LabelSeparator | None = None
) -> list[Finding]:
    """Everything worth knowing about the kept rows, the worst first.

    Args:
        roles: Which column plays which role. Without roles all columns are taken for texts.
        separator: What parts the labels of a cell where a text may have several or none; None: a cell is one label.
    """
    return Finder().find(dataset.picture, roles, separator=separator)


class Finder:
    """Finds problems again and again: only rows that changed meanwhile are looked at. One look at a time."""

    def __init__(self) -> None:
        self._facts: TextFacts | None = None
        self._lock = Lock()

    def find(
        self, rows: Picture, roles: Mapping[Role, str], check_cancelled: Check = lambda: None,
        separator: LabelSeparator | None = None,
    ) -> list[Finding]:  # fmt: skip
        """As `find_problems`. A look that was cancelled is gone on with by the next one."""
        roles = {role: column for role, column in roles.items() if column in rows.columns}
        with self._lock:
            check_cancelled()
            wanted = _wanted(rows.columns, roles, separator)
            if self._facts is None or self._facts.wanted != wanted:
                self._facts = TextFacts(wanted)
            self._facts.look(rows, check_cancelled)
            found = _findings(rows, self._facts, roles, check_cancelled)
        pa.default_memory_pool().release_unused()  # texts went through it that nobody needs again
        order = {"bad": 0, "warn": 1, "info": 2}
        return sorted((finding for finding in found if finding.count), key=lambda f: (order[f.severity], -f.count))


def _wanted(columns: tuple[str, ...], roles: Mapping[Role, str], separator: LabelSeparator | None) -> Wanted:
    label = roles.get(Role.LABEL)
    named = tuple(column for role, column in roles.items() if role is not Role.LABEL)
    texts = named or tuple(column for column in columns if column != label) or columns
    filled = dict.fromkeys((texts[0], *roles.values()))
    return Wanted(texts=texts, label=label, filled=tuple(filled), separator=separator)


def _findings(rows: Picture, facts: TextFacts, roles: Mapping[Role, str], check_cancelled: Check) -> list[Finding]:
    kept = ~rows.removed_mask
    separator = facts.wanted.separator
    found = [
        *_empty(facts, {r: c for r, c in roles.items() if r is not Role.LABEL or separator is None}, kept),
        *_duplicates(facts, kept, check_cancelled),
        *_broken_texts(facts, kept),
        *_lengths(facts, kept),
    ]
    if facts.wanted.label is not None:
        check_cancelled()
        filled = kept & ~facts.is_blank(facts.wanted.label)
        if separator is None:
            found += _labels(rows, facts.wanted.label, filled, check_cancelled)
        else:
            found += _several_labels(rows, facts.wanted.label, filled, separator, check_cancelled)
    return found


def _finding(
    check: str, title: str, rows: Mask, severity: Severity, step: CleaningStep | None = None, *, safe: bool = False,
    query: str = "",
) -> Finding:  # fmt: skip
    ids = np.flatnonzero(rows)
    return Finding(
        check=check,
        title=title,
        count=len(ids),
        severity=severity,
        row_ids=tuple(ids[:_ROWS_SHOWN].tolist()),
        step=step,
        safe=safe,
        query=query,
    )


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _column(name: str) -> str:
    return name if name.isidentifier() else _quoted(name)


def _any(columns: Iterable[str], condition: str) -> str:
    return " or ".join(f"{_column(column)} {condition}" for column in columns)


def _empty(facts: TextFacts, roles: Mapping[Role, str], kept: Mask) -> list[Finding]:
    findings = []
    optional = (Role.INPUT, Role.SYSTEM)
    for role, column in roles.items():
        if role in optional:
            continue
        step = CleaningStep(name="remove_empty", columns=(column,))
        title = f"Rows without a {role.value} (“{column}” is empty)"
        query = f"{_column(column)} is empty"
        rows = kept & facts.is_blank(column)
        findings.append(_finding(f"empty_{role.value}", title, rows, "bad", step, safe=True, query=query))
    return findings


def _labels(rows: Picture, column: str, filled: Mask, check_cancelled: Check) -> list[Finding]:
    values = values_of(rows.column_of(column), check_cancelled)
    _, counts = values.counts(filled)
    numbers = _numbers(rows, column, values, np.flatnonzero(counts))
    names = {label: int(counts[number]) for label, number in numbers.items()}
    variants = spelling_variants(names)
    misspelled = likely_misspellings(names)
    findings = []

    def among(these: RowIds) -> Mask:
        """The rows whose value has one of these numbers."""
        wanted = np.zeros(len(counts) + 1, bool)  # the last is for rows without a value: their number is -1
        wanted[these] = True
        return wanted[values.codes] & filled

    def named(labels: Iterable[str]) -> RowIds:
        return np.array([numbers[label] for label in labels], np.int64)

    if variants:
        step = CleaningStep(name="normalise_labels", columns=(column,))
        title = "Labels written in several ways"
        findings.append(_finding("label_variants", title, among(named(variants)), "bad", step, safe=True))
    if misspelled:
        step = CleaningStep(name="rename_values", columns=(column,), options=misspelled)
        shown = ", ".join(f"“{old}” → “{new}”" for old, new in list(misspelled.items())[:3])
        title = f"Labels that look misspelled ({shown})"
        findings.append(_finding("label_misspelled", title, among(named(misspelled)), "warn", step))
    if np.count_nonzero(counts) > 1:
        rare = (counts > 0) & (counts < 3)
        rare[named({**variants, **misspelled})] = False
        findings.append(
            _finding("rare_label", "Labels with fewer than three rows", among(np.flatnonzero(rare)), "warn")
        )
    return findings


def _several_labels(
    rows: Picture, column: str, filled: Mask, separator: LabelSeparator, check_cancelled: Check
) -> list[Finding]:
    """As `_labels`, for each label of cells that hold several; mended are whole cells."""
    values = values_of(rows.column_of(column), check_cancelled)
    _, counts = values.counts(filled)
    present = np.flatnonzero(counts)
    if len(present) > _MOST_CELLS:
        return []
    cells = {str(cell): number for (cell,), number in zip(
        rows.cells(values.first[present], [column]), present.tolist(), strict=True)}  # fmt: skip
    names = count_labels({cell: int(counts[number]) for cell, number in cells.items()}, separator)
    if len(names) > _MOST_LABELS:
        return []
    variants, misspelled = spelling_variants(names), likely_misspellings(names)
    rare = {label for label, count in names.items() if count < 3} - {*variants, *misspelled}

    def found(check: str, title: str, labels: Iterable[str], severity: Severity, *, safe: bool = False) -> Finding:
        those = frozenset(labels)
        numbers = [number for cell, number in cells.items() if not those.isdisjoint(split_labels(cell, separator))]
        wanted = np.zeros(len(counts) + 1, bool)  # the last is for rows without a value: their number is -1
        wanted[numbers] = True
        step = None
        if isinstance(labels, dict) and len(numbers) <= _MOST_LABELS:
            renamed = renamed_cells((cell for cell, number in cells.items() if wanted[number]), labels, separator)
            step = CleaningStep(name="rename_values", columns=(column,), options=renamed)
        safe = safe and step is not None
        return _finding(check, title, wanted[values.codes] & filled, severity, step, safe=safe)

    shown = ", ".join(f"“{old}” → “{new}”" for old, new in list(misspelled.items())[:3])
    return [
        found("label_variants", "Labels written in several ways", variants, "bad", safe=True),
        found("label_misspelled", f"Labels that look misspelled ({shown})", misspelled, "warn"),
        found("rare_label", "Labels with fewer than three rows", rare if len(names) > 1 else (), "warn"),
    ]


def _numbers(rows: Picture, column: str, values: Values, present: RowIds) -> dict[str, int]:
    """The labels of the values that are `present` by number; none if there are too many to look at their spelling."""
    if len(present) > _MOST_LABELS:
        return {}
    labels = rows.cells(values.first[present], [column])
    return {label: number for (label,), number in zip(labels, present.tolist(), strict=True) if label is not None}


def _duplicates(facts: TextFacts, kept: Mask, check_cancelled: Check) -> list[Finding]:
    texts, label = facts.wanted.texts, facts.wanted.label
    columns = texts if label is None else (*texts, label)
    filled = kept & ~facts.is_blank(texts[0])
    same_row = repeated(facts.whole_rows, filled)
    check_cancelled()
    loose = repeated(facts.words, filled) & ~same_row
    step = CleaningStep(name="remove_exact_duplicates", columns=columns)
    findings = [_finding("exact_duplicates", "Rows that repeat an earlier one", same_row, "warn", step, safe=True)]
    if label is not None:
        check_cancelled()
        conflict = conflicting(facts.same_texts, facts.labels, filled)
        loose &= ~conflict
        findings.append(_finding("conflicting_labels", "The same text with different labels", conflict, "bad"))
    findings.append(_finding("near_duplicates", "Texts that differ only in case, signs or spaces", loose, "info"))
    return findings


def _broken_texts(facts: TextFacts, kept: Mask) -> list[Finding]:
    """Dirt inside texts that a pattern or a cleaner can tell."""
    texts = facts.wanted.texts

    def query(pattern: str) -> str:
        return _any(texts, f"~ {_quoted(pattern)}")

    def found(
        check: str, title: str, severity: Severity, *, mend: str = "", safe: bool = False, pattern: str = "",
        without: str = "",
    ) -> Finding:  # fmt: skip
        rows = kept & facts.has(check)
        if without:
            rows &= ~facts.has(without)
        step = CleaningStep(name=mend, columns=texts) if mend else None
        return _finding(check, title, rows, severity, step, safe=safe, query=query(pattern) if pattern else "")

    mask = "mask_personal_data"
    return [
        found("mojibake", "Broken characters (Ã¼ for ü)", "warn", mend="repair_mojibake", safe=True),
        found("control_characters", "Invisible characters", "warn", mend="remove_control_characters", safe=True,
              pattern=cleaners.CONTROL),
        found("html_entities", "HTML codes (&amp; for &)", "warn", mend="decode_html", safe=True,
              pattern=cleaners.HTML_ENTITY),
        found("html_tags", "HTML tags", "warn", mend="strip_html_tags", pattern=cleaners.HTML_TAG),
        found("white_space", "White space at the ends", "info", mend="trim_white_space", safe=True,
              pattern=cleaners.WHITE_SPACE),
        found("several_spaces", "Several spaces in a row", "info", pattern=cleaners.SEVERAL_SPACES),
        found("chat_marks", "Marks of a chat template inside texts", "bad", pattern=cleaners.CHAT_MARKS),
        found("placeholder", "Placeholders instead of a text", "warn", pattern=PLACEHOLDER),
        found("e_mail", "E-mail addresses", "warn", mend=mask, pattern=cleaners.E_MAIL),
        found("card_number", "Numbers of payment cards", "warn", mend=mask),
        found("phone_number", "Phone numbers", "warn", mend=mask, pattern=cleaners.PHONE, without="card_number"),
    ]  # fmt: skip


def _lengths(facts: TextFacts, kept: Mask) -> list[Finding]:
    texts, lengths = facts.wanted.texts, facts.lengths
    filled = kept & (lengths > 0)
    if not filled.any():
        return []
    limit = max(_LONG_CHARACTERS, int(_LONG_FACTOR * np.median(lengths[filled])))
    one = len(texts) == 1
    total = f"length({_column(texts[0])})"
    short = f"{total} < {_SHORT_CHARACTERS} and {total} > 0" if one else ""
    return [
        _finding("very_short", f"Texts of fewer than {_SHORT_CHARACTERS} characters", filled
                 & (lengths < _SHORT_CHARACTERS), "info", query=short),
        _finding("very_long", f"Texts of more than {limit:,} characters", filled & (lengths > limit), "info",
                 query=f"{total} > {limit}" if one else ""),
    ]  # fmt: skip
