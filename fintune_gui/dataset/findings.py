"""Looking for problems in the rows. Nothing is changed; each finding says what would mend it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from fintune_gui.dataset import cleaners
from fintune_gui.dataset.column import Mask, differs
from fintune_gui.dataset.formatting import label_values
from fintune_gui.dataset.keys import Keys, normalised, text_keys, words_only
from fintune_gui.dataset.labels import likely_misspellings, spelling_variants
from fintune_gui.dataset.store import Dataset
from fintune_gui.project.document import Role
from fintune_gui.project.settings import Frozen

_ROWS_SHOWN = 1000
_SHORT_CHARACTERS = 10
_LONG_FACTOR = 10
"""A text is very long if it has so many times the characters of the middle text, and at least as many as below."""
_LONG_CHARACTERS = 1500
_PLACEHOLDER = (
    r"(?i)^(?:n/?a|none|null|nil|nan|tbd|todo|test|testing|asdf\w*|xx+|-+|\.+|\?+|lorem ipsum.*|test ticket.*)$"
)

Severity = Literal["info", "warn", "bad"]


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


def find_problems(dataset: Dataset, roles: Mapping[Role, str]) -> list[Finding]:
    """Everything worth knowing about the kept rows, the worst first.

    Args:
        roles: Which column plays which role. Without roles all columns are taken for texts.
    """
    label = roles.get(Role.LABEL)
    named = [column for role, column in roles.items() if role is not Role.LABEL and column in dataset.columns]
    texts = tuple(named or (column for column in dataset.columns if column != label))
    kept = ~dataset.removed_mask
    findings = [
        *_empty(dataset, roles, kept),
        *(_labels(dataset, label) if label in dataset.columns and label else ()),
        *_duplicates(dataset, texts, label if label in dataset.columns else None, kept),
        *_broken_texts(dataset, texts, kept),
        *_lengths(dataset, texts, kept),
    ]
    order = {"bad": 0, "warn": 1, "info": 2}
    return sorted((finding for finding in findings if finding.count), key=lambda f: (order[f.severity], -f.count))


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


def matching(dataset: Dataset, columns: Iterable[str], test: Callable[[pa.LargeStringArray], Mask], kept: Mask) -> Mask:
    """For each row whether it is kept and any of its `columns` passes a test of whole batches."""
    found = np.zeros(dataset.total_rows, bool)
    for start, arrays in dataset.batches(tuple(columns)):
        for array in arrays:
            found[start : start + len(array)] |= test(array)
    return found & kept


def blank(array: pa.LargeStringArray) -> Mask:
    """Which texts are missing or only white space."""
    trimmed = cleaners.trim_white_space(pc.fill_null(array, ""))
    return np.asarray(pc.equal(pc.binary_length(trimmed), 0).to_numpy(zero_copy_only=False), bool)


def repeated(keys: Keys, kept: Mask) -> Mask:
    """Which kept rows have an earlier kept row with the same key."""
    rows = np.flatnonzero(kept)
    _, first = np.unique(keys[rows], return_index=True)
    again = np.zeros(len(keys), bool)
    again[rows] = True
    again[rows[first]] = False
    return again


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _column(name: str) -> str:
    return name if name.isidentifier() else _quoted(name)


def _any(columns: Iterable[str], condition: str) -> str:
    return " or ".join(f"{_column(column)} {condition}" for column in columns)


def _empty(dataset: Dataset, roles: Mapping[Role, str], kept: Mask) -> list[Finding]:
    findings = []
    optional = (Role.INPUT, Role.SYSTEM)
    for role, column in roles.items():
        if role in optional or column not in dataset.columns:
            continue
        rows = matching(dataset, [column], blank, kept)
        step = CleaningStep(name="remove_empty", columns=(column,))
        title = f"Rows without a {role.value} (“{column}” is empty)"
        query = f"{_column(column)} is empty"
        findings.append(_finding(f"empty_{role.value}", title, rows, "bad", step, safe=True, query=query))
    return findings


def _labels(dataset: Dataset, column: str) -> list[Finding]:
    kept = ~dataset.removed_mask
    counts = label_values(dataset, column)
    findings = []
    variants = spelling_variants(counts)
    if variants:
        rows = matching(dataset, [column], _is_in(variants), kept)
        step = CleaningStep(name="normalise_labels", columns=(column,))
        findings.append(_finding("label_variants", "Labels written in several ways", rows, "bad", step, safe=True))
    misspelled = likely_misspellings(counts)
    if misspelled:
        rows = matching(dataset, [column], _is_in(misspelled), kept)
        step = CleaningStep(name="rename_values", columns=(column,), options=misspelled)
        shown = ", ".join(f"“{old}” → “{new}”" for old, new in list(misspelled.items())[:3])
        findings.append(_finding("label_misspelled", f"Labels that look misspelled ({shown})", rows, "warn", step))
    if len(counts) > 1:
        rare = [label for label, count in counts.items() if count < 3 and label not in {**variants, **misspelled}]
        rows = matching(dataset, [column], _is_in(rare), kept)
        findings.append(_finding("rare_label", "Labels with fewer than three rows", rows, "warn"))
    return findings


def _is_in(values: Iterable[str]) -> Callable[[pa.LargeStringArray], Mask]:
    wanted = pa.array(list(values), pa.large_string())
    return lambda array: np.asarray(pc.is_in(array, wanted).to_numpy(zero_copy_only=False), bool)


def _duplicates(dataset: Dataset, texts: tuple[str, ...], label: str | None, kept: Mask) -> list[Finding]:
    filled = kept & ~matching(dataset, texts[:1], blank, kept)
    columns = texts if label is None else (*texts, label)
    same_row = repeated(text_keys(dataset, columns, form=None), filled)
    text_key = text_keys(dataset, texts)
    loose = repeated(text_keys(dataset, texts, form=words_only), filled) & ~same_row
    step = CleaningStep(name="remove_exact_duplicates", columns=columns)
    findings = [_finding("exact_duplicates", "Rows that repeat an earlier one", same_row, "warn", step, safe=True)]
    if label is not None:
        conflicting = _conflicting(text_key, text_keys(dataset, [label], form=_label_form), filled)
        loose &= ~conflicting
        findings.append(_finding("conflicting_labels", "The same text with different labels", conflicting, "bad"))
    findings.append(_finding("near_duplicates", "Texts that differ only in case, signs or spaces", loose, "info"))
    return findings


def _label_form(array: pa.LargeStringArray) -> pa.LargeStringArray:
    return pc.replace_substring_regex(normalised(array), r"[\s_-]+", "")


def _conflicting(texts: Keys, labels: Keys, rows: Mask) -> Mask:
    """Rows whose text also occurs with another label."""
    ids = np.flatnonzero(rows)
    pairs = np.unique(np.stack([texts[ids], labels[ids]], axis=1), axis=0)
    values, counts = np.unique(pairs[:, 0], return_counts=True)
    found = np.zeros(len(texts), bool)
    found[ids] = np.isin(texts[ids], values[counts > 1])
    return found


def _broken_texts(dataset: Dataset, texts: tuple[str, ...], kept: Mask) -> list[Finding]:
    """Dirt inside texts that a pattern or a cleaner can tell."""

    def matches(pattern: str) -> Mask:
        def test(array: pa.LargeStringArray) -> Mask:
            found = pc.fill_null(pc.match_substring_regex(array, pattern), False)
            return np.asarray(found.to_numpy(zero_copy_only=False), bool)

        return matching(dataset, texts, test, kept)

    def changed_by(clean: Callable[[pa.LargeStringArray], pa.LargeStringArray]) -> Mask:
        return matching(dataset, texts, lambda array: differs(array, clean(array)), kept)

    def query(pattern: str) -> str:
        return _any(texts, f"~ {_quoted(pattern)}")

    def step(name: str) -> CleaningStep:
        return CleaningStep(name=name, columns=texts)

    cards = matching(dataset, texts, _has_card, kept)
    personal = [
        ("e_mail", "E-mail addresses", matches(cleaners.E_MAIL), query(cleaners.E_MAIL)),
        ("card_number", "Numbers of payment cards", cards, ""),
        ("phone_number", "Phone numbers", matches(cleaners.PHONE) & ~cards, query(cleaners.PHONE)),
    ]
    mojibake = changed_by(cleaners.repair_mojibake)
    entities = changed_by(cleaners.decode_html)
    tags, control = matches(cleaners.HTML_TAG), matches(cleaners.CONTROL)
    ends, spaces = matches(cleaners.WHITE_SPACE), matches(cleaners.SEVERAL_SPACES)
    placeholders, marks = matches(_PLACEHOLDER), matches(cleaners.CHAT_MARKS)
    return [
        _finding("mojibake", "Broken characters (Ã¼ for ü)", mojibake, "warn", step("repair_mojibake"), safe=True),
        _finding("control_characters", "Invisible characters", control, "warn", step("remove_control_characters"),
                 safe=True, query=query(cleaners.CONTROL)),
        _finding("html_entities", "HTML codes (&amp; for &)", entities, "warn", step("decode_html"), safe=True,
                 query=query(cleaners.HTML_ENTITY)),
        _finding("html_tags", "HTML tags", tags, "warn", step("strip_html_tags"), query=query(cleaners.HTML_TAG)),
        _finding("white_space", "White space at the ends", ends, "info", step("trim_white_space"), safe=True,
                 query=query(cleaners.WHITE_SPACE)),
        _finding("several_spaces", "Several spaces in a row", spaces, "info", query=query(cleaners.SEVERAL_SPACES)),
        _finding("chat_marks", "Marks of a chat template inside texts", marks, "bad",
                 query=query(cleaners.CHAT_MARKS)),
        _finding("placeholder", "Placeholders instead of a text", placeholders, "warn", query=query(_PLACEHOLDER)),
        *(_finding(check, title, rows, "warn", step("mask_personal_data"), query=shown)
          for check, title, rows, shown in personal),
    ]  # fmt: skip


def _has_card(array: pa.LargeStringArray) -> Mask:
    candidates = pc.fill_null(pc.match_substring_regex(array, cleaners.CARD), False).to_numpy(zero_copy_only=False)
    found = np.zeros(len(array), bool)
    places = np.flatnonzero(candidates)
    found[places] = [cleaners.has_card_number(text) for text in array.take(pa.array(places)).to_pylist()]
    return found


def _lengths(dataset: Dataset, texts: tuple[str, ...], kept: Mask) -> list[Finding]:
    lengths = np.zeros(dataset.total_rows, np.int64)
    for start, arrays in dataset.batches(texts):
        for array in arrays:
            lengths[start : start + len(array)] += pc.fill_null(pc.utf8_length(array), 0).to_numpy()
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
