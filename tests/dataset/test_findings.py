"""Finding problems again and again, against a plain model in Python that looks at everything every time."""

from __future__ import annotations

import html
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median

import ftfy
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from fintune_gui.dataset import bulk, cleaners
from fintune_gui.dataset.column import Column, RowIds
from fintune_gui.dataset.findings import Finder, Finding, find_problems
from fintune_gui.dataset.importing import add_files, import_files
from fintune_gui.dataset.keys import normalised, words_only
from fintune_gui.dataset.store import Dataset
from fintune_gui.dataset.text_facts import TextFacts
from fintune_gui.project.document import Role
from fintune_gui.project.errors import CancelledError

Make = Callable[..., Dataset]
Found = dict[str, set[int]]
ROLES = {Role.TEXT: "text", Role.LABEL: "label"}
ROWS = 8

characters = st.text("aB zZ09.,-!é\u0301ÉßﬁЖ½ \t\n\u00a0\u2028", max_size=12)
pieces = ["word", "Word", " ", "  ", "\n", ".", "é", "E\u0301", "&amp;", "&nosuch;", "Ã¼", "Ñandú", "<b>", "a < b"]
pieces += [
    "<|im_end|>",
    "x@y.org",
    "card 4111 1111 1111 1111,",
    "order 4111 1111 1111 1112,",
    "long " * 400,
    "none",
    "N/A",
]
texts = st.none() | st.lists(st.sampled_from(pieces), max_size=4).map("".join)
labels = st.none() | st.sampled_from(["bug", "Bug", "b-u g", "how to", "", " "])
edits = st.tuples(st.integers(0, ROWS - 1), texts, labels)


@given(st.lists(st.none() | characters))
def test_that_texts_are_compared_without_case_spaces_signs_and_accents(values: list[str | None]) -> None:
    array = pa.array(values, pa.large_string())
    assert normalised(array).to_pylist() == [value if value is None else plain(value) for value in values]
    assert words_only(array).to_pylist() == [value if value is None else plain_words(value) for value in values]


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dataset]:
    folder = tmp_path_factory.mktemp("findings")
    source = folder / "rows.csv"
    source.write_text("text,label\n" + "".join(f"text number {n},bug\n" for n in range(ROWS)))
    import_files([source], folder / "dataset")
    with Dataset.open(folder / "dataset") as dataset:
        yield dataset


@pytest.fixture(scope="module")
def finder() -> Finder:
    return Finder()


@settings(max_examples=25)
@given(st.lists(edits, max_size=6), st.sets(st.integers(0, ROWS - 1), max_size=3))
@example([(0, "card 4111 1111 1111 1111,", "bug"), (1, "same", "bug"), (2, "Same ", "Bug"), (3, "sa-me", "b-u g")], {5})
def test_that_a_finder_that_knew_the_rows_before_finds_what_a_look_at_everything_finds(
    rows: Dataset, finder: Finder, changes: list[tuple[int, str | None, str | None]], removed: set[int]
) -> None:
    for row, text, label in changes:
        rows.edit(row, "text", text)
        rows.edit(row, "label", label)
    rows.remove(removed, "No")
    assert by_check(finder.find(rows.picture, ROLES)) == expected(rows)
    while rows.undo():
        pass
    assert by_check(finder.find(rows.picture, ROLES)) == expected(rows)


def test_that_changed_columns_added_rows_and_undo_are_noticed(
    make_dataset: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "FEWEST_CELLS_FOR_FILE", 2)
    dataset = make_dataset([[f"see the <b> text {n}", "ab"[n % 2]] for n in range(9)])
    more = tmp_path / "more.csv"
    more.write_text("text,label\nwrite to a@b.org,a\nsee the <b> text 1,b\n")
    finder = Finder()

    def same_as_new() -> bool:
        return finder.find(dataset.picture, ROLES) == find_problems(dataset, ROLES)

    assert same_as_new()
    upper = {"text": pc.utf8_upper}
    dataset.transform("step", lambda cells, rows: "Upper", upper)
    assert same_as_new()
    add_files(tmp_path / "dataset", [more])
    dataset.close()
    with Dataset.open(tmp_path / "dataset") as dataset:
        assert same_as_new()
        dataset.append_rows([{"text": "c@d.org", "label": "z"}], label="One more")
        assert same_as_new()
        while dataset.undo():
            assert same_as_new()
        assert finder.find(dataset.picture, {Role.TEXT: "label"}) == find_problems(dataset, {Role.TEXT: "label"})


def test_that_only_changed_rows_are_looked_at_again(make_dataset: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = make_dataset([[f"text {n}", "a"] for n in range(50)])
    looked_at: list[list[int]] = []
    learn = TextFacts._learn

    def listed(facts: TextFacts, ids: RowIds, arrays: dict[str, pa.Array]) -> None:
        looked_at.append(ids.tolist())
        learn(facts, ids, arrays)

    monkeypatch.setattr(TextFacts, "_learn", listed)
    finder = Finder()
    finder.find(dataset.picture, ROLES)
    dataset.edit(7, "text", "another")
    dataset.remove([8], "No")
    finder.find(dataset.picture, ROLES)
    finder.find(dataset.picture, ROLES)
    assert looked_at == [list(range(50)), [7]]


def test_that_a_cancelled_look_is_gone_on_with(make_dataset: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = make_dataset([[f"text {n}", "a"] for n in range(5)])
    dataset.append_rows([{"text": "x@y.org", "label": "a"}], label="One more")  # a batch of its own
    finder, calls = Finder(), 0

    def cancel_in_the_second_batch() -> None:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise CancelledError

    with pytest.raises(CancelledError):
        finder.find(dataset.picture, {Role.TEXT: "text"}, cancel_in_the_second_batch)
    asked: list[int] = []
    current = Column.current

    def listed(column: Column, batch: int) -> pa.LargeStringArray:
        asked.append(batch)
        return current(column, batch)

    monkeypatch.setattr(Column, "current", listed)
    found = finder.find(dataset.picture, {Role.TEXT: "text"})
    assert 0 not in asked
    assert by_check(found)["e_mail"] == {5}


def by_check(findings: list[Finding]) -> Found:
    assert all(finding.count == len(finding.row_ids) for finding in findings)
    return {finding.check: set(finding.row_ids) for finding in findings if finding.check in MODEL}


MODEL = {
    "empty_text", "empty_label", "exact_duplicates", "conflicting_labels", "near_duplicates", "label_variants",
    "rare_label", "mojibake", "html_entities", "html_tags", "chat_marks", "e_mail", "card_number", "very_short",
    "very_long",
}  # fmt: skip


def expected(dataset: Dataset) -> Found:
    kept = {row_id: (row["text"] or "", row["label"] or "") for row_id, row in dataset.rows()}
    filled = {row_id: cells for row_id, cells in kept.items() if cells[0].strip()}
    middle = median(len(text) for text, _ in kept.values() if text) if any(text for text, _ in kept.values()) else 0
    tests: dict[str, Callable[[str], object]] = {
        "empty_text": lambda text: not text.strip(),
        "mojibake": lambda text: ftfy.fix_encoding(text) != text,
        "html_entities": lambda text: html.unescape(text) != text,
        "html_tags": re.compile(cleaners.HTML_TAG).search,
        "chat_marks": re.compile(cleaners.CHAT_MARKS).search,
        "e_mail": re.compile(cleaners.E_MAIL).search,
        "card_number": lambda text: "4111 1111 1111 1111" in text,
        "very_short": lambda text: 0 < len(text) < 10,
        "very_long": lambda text: len(text) > max(1500, int(10 * middle)),
    }
    found = {check: {row for row, (text, _) in kept.items() if test(text)} for check, test in tests.items()}
    found["empty_label"] = {row_id for row_id, (_, label) in kept.items() if not label.strip()}
    found["exact_duplicates"] = again(filled, lambda cells: cells)
    of_text = defaultdict(set)
    for text, label in filled.values():
        of_text[plain(text)].add(re.sub(r"[\s_-]", "", plain(label)))
    found["conflicting_labels"] = {row for row, (text, _) in filled.items() if len(of_text[plain(text)]) > 1}
    near = again(filled, lambda cells: plain_words(cells[0]))
    found["near_duplicates"] = near - found["exact_duplicates"] - found["conflicting_labels"]
    counts = Counter(label for _, label in kept.values() if label.strip())
    groups = defaultdict(list)
    for label in counts:
        groups[re.sub(r"[\s_-]", "", label).lower()].append(label)
    best = {max(group, key=lambda label: (counts[label], True, label)) for group in groups.values()}
    found["label_variants"] = {row for row, (_, label) in kept.items() if label.strip() and label not in best}
    if len(counts) > 1:
        found["rare_label"] = {row for row, (_, label) in kept.items() if label in best and counts[label] < 3}
    return {check: ids for check, ids in found.items() if ids}


def again(rows: dict[int, tuple[str, str]], key: Callable[[tuple[str, str]], object]) -> set[int]:
    first: dict[object, int] = {}
    return {row_id for row_id, cells in rows.items() if first.setdefault(key(cells), row_id) != row_id}


def plain(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).lower().replace("ß", "ss").split())


def plain_words(text: str) -> str:
    letters = unicodedata.normalize("NFKD", plain(text))
    return " ".join("".join(c for c in letters if c == " " or unicodedata.category(c)[0] in "LN").split())
