"""Finding dirt, mending it, and doing the same again from a recipe."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from fintune_gui.dataset import bulk, cleaners
from fintune_gui.dataset.cleaning import (
    STEPS,
    CleaningStep,
    Finding,
    apply_recipe,
    apply_recipe_file,
    apply_step,
    find_problems,
    recipe_of,
    safe_steps,
)
from fintune_gui.dataset.importing import import_files
from fintune_gui.dataset.labels import likely_misspellings, spelling_variants
from fintune_gui.dataset.query import Query, Replace
from fintune_gui.dataset.store import Dataset
from fintune_gui.project.document import Role
from fintune_gui.project.errors import DataError
from fintune_gui.project.paths import resource

Make = Callable[..., Dataset]
ROLES = {Role.TEXT: "text", Role.LABEL: "label"}


@pytest.mark.parametrize(
    ("clean", "before", "after"),
    [
        (cleaners.trim_white_space, "\u00a0 a  b\t\n", "a  b"),
        (cleaners.decode_html, "a &amp; b &#39;c&#39; AT&T &nosuch;", "a & b 'c' AT&T &nosuch;"),
        (cleaners.repair_mojibake, "schÃ¶n und gut", "schön und gut"),
        (cleaners.repair_mojibake, "schön, naïve, Ñandú", "schön, naïve, Ñandú"),
        (cleaners.remove_control_characters, "a\x08b\u200bc\ufeff\nd\te\u200d.", "abc\nd\te."),
        (cleaners.remove_control_characters, "👩\u200d🚒 می\u200cخواهم", "👩\u200d🚒 می\u200cخواهم"),
        (cleaners.strip_html_tags, "<p>one</p>\n<p>two<br/>three</p> 1 < 2 > 0 <T>", "one\ntwo\nthree 1 < 2 > 0 <T>"),
        (cleaners.mask_personal_data, "me+x@ex-ample.co.uk or (415) 555-0198", "[email] or [phone]"),
        (
            cleaners.mask_personal_data,
            "4111 1111 1111 1111, not 4111 1111 1111 1112",
            "[card], not 4111 1111 1111 1112",
        ),
        (cleaners.mask_personal_data, "order 20418, 49.00, 2025-01-06 12:53", "order 20418, 49.00, 2025-01-06 12:53"),
    ],
)
def test_that_each_cleaner_mends_what_it_says_and_leaves_the_rest(
    clean: Callable[[pa.Array], pa.Array], before: str, after: str
) -> None:
    cleaned = clean(pa.array([before, None, "plain"], pa.large_string()))
    assert cleaned.to_pylist() == [after, None, "plain"]
    assert clean(cleaned).to_pylist() == cleaned.to_pylist()


def test_that_label_variants_become_the_most_frequent_spelling() -> None:
    counts = {"How-To": 2, "how-to": 90, "how to": 1, " bug": 5, "bug": 4, "other": 3}
    assert spelling_variants(counts) == {"How-To": "how-to", "how to": "how-to", " bug": "bug"}


def test_that_misspelled_labels_are_guessed_only_when_they_are_rare() -> None:
    counts = {"billing": 300, "biling": 2, "Biling": 1, "bug": 280, "bugs": 250}
    assert likely_misspellings(counts) == {"biling": "billing", "Biling": "billing"}


@pytest.fixture
def tickets(tmp_path: Path) -> Dataset:
    import_files([resource("samples", "support_tickets", "tickets.csv")], tmp_path / "dataset")
    return Dataset.open(tmp_path / "dataset")


def planted() -> dict[str, set[int]]:
    rows: dict[str, set[int]] = defaultdict(set)
    for flaw in json.loads(resource("samples", "support_tickets", "dirt.json").read_text()):
        rows[flaw["kind"]].add(flaw["row"])
    return rows


def test_that_the_dirt_planted_in_the_sample_is_found_and_nothing_else(tickets: Dataset) -> None:
    dirt = planted()
    with tickets:
        found = {f.check: f for f in find_problems(tickets, {Role.TEXT: "text", Role.LABEL: "topic"})}
    exact = {
        "mojibake": dirt["mojibake"],
        "html_entities": dirt["html_entity"],
        "html_tags": dirt["html_tag"],
        "control_characters": dirt["control_character"] | dirt["zero_width"],
        "empty_text": dirt["empty_text"],
        "empty_label": dirt["empty_label"],
        "e_mail": dirt["email_address"],
        "card_number": dirt["card_number"],
        "phone_number": dirt["phone_number"],
        "exact_duplicates": dirt["duplicate_row"] | dirt["duplicate_text"],
    }
    assert {check: set(found[check].row_ids) for check in exact} == exact
    assert set(found["label_variants"].row_ids) | set(found["label_misspelled"].row_ids) == dirt["label_variant"]
    assert dirt["duplicate_conflicting_label"] <= set(found["conflicting_labels"].row_ids)
    assert dirt["leading_space"] | dirt["trailing_space"] <= set(found["white_space"].row_ids)


def test_that_the_filter_of_a_finding_shows_its_rows(tickets: Dataset) -> None:
    with tickets:
        findings = [f for f in find_problems(tickets, {Role.TEXT: "text", Role.LABEL: "topic"}) if f.query]
        assert len(findings) > 8
        for finding in findings:
            assert tickets.view(Query(text=finding.query)).tolist() == list(finding.row_ids), finding.check


def test_that_the_safe_steps_mend_what_they_found_and_can_be_undone(tickets: Dataset) -> None:
    roles = {Role.TEXT: "text", Role.LABEL: "topic"}
    with tickets:
        before = tickets.fingerprint
        findings = find_problems(tickets, roles)
        operations = apply_recipe(tickets, safe_steps(findings))
        assert len(operations) >= 7
        assert [f.check for f in find_problems(tickets, roles) if f.safe] == []
        assert all(any(character.isdigit() for character in operation.label) for operation in operations)
        while tickets.undo():
            pass
        assert tickets.fingerprint == before


def test_that_removals_keep_the_first_row_and_give_their_reason(make_dataset: Make) -> None:
    dataset = make_dataset([["a", "x"], ["a", "x"], ["", "x"], ["a", "y"], ["  ", "y"], ["", "x"]])
    apply_step(dataset, CleaningStep(name="remove_exact_duplicates", columns=("text", "label")))
    assert dataset.view().tolist() == [0, 2, 3, 4, 5]  # empty rows are another matter
    assert dataset.removal_reason(1) == "Repeats an earlier row"
    apply_step(dataset, CleaningStep(name="remove_empty", columns=("text",)))
    assert dataset.view().tolist() == [0, 3]
    assert apply_step(dataset, CleaningStep(name="remove_empty", columns=("text",))) is None


def test_that_a_recipe_replays_to_the_same_rows(
    make_dataset: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "FEWEST_CELLS_FOR_FILE", 2)
    rows = [[f" cat {i} &amp; dog ", "A" if i % 3 else "a"] for i in range(12)]
    first, second = make_dataset(rows, name="first"), make_dataset(rows, name="second")
    apply_step(first, CleaningStep(name="trim_white_space"))
    first.replace(Replace(find="cat", replacement="bird"), first.view(Query(text='text ~ "[0-4] &"')))
    first.edit(3, "text", "by hand")
    first.edit(4, "text", "taken back")
    first.undo()
    first.remove([5, 6], "No")
    first.restore([6])
    apply_step(first, CleaningStep(name="normalise_labels", columns=("label",)))
    path = tmp_path / "recipe.json"
    path.write_text(recipe_of(first).model_dump_json())
    operations = apply_recipe_file(second, path)
    assert [operation.kind for operation in operations] == ["step", "replace", "edit", "remove", "restore", "step"]
    assert list(second.rows()) == list(first.rows())
    assert recipe_of(second) == recipe_of(first)


def test_that_hand_work_is_left_out_where_something_else_stands(make_dataset: Make, tmp_path: Path) -> None:
    first = make_dataset([["one", "a"], ["two", "b"], ["three", "a"]], name="first")
    first.edit(0, "text", "ONE")
    first.remove([1], "No")
    path = tmp_path / "recipe.json"
    path.write_text(recipe_of(first).model_dump_json())
    other = make_dataset([["eins", "a"], ["zwei", "b"]], name="other")
    assert apply_recipe_file(other, path) == []


def test_that_a_bad_recipe_or_step_is_said(make_dataset: Make, tmp_path: Path) -> None:
    dataset = make_dataset([["a", "b"]])
    path = tmp_path / "recipe.json"
    for content in (None, "no json", '{"version": 9}', '{"steps": [{"kind": "magic"}]}'):
        if content is not None:
            path.write_text(content)
        with pytest.raises(DataError) as error:
            apply_recipe_file(dataset, path)
        assert error.value.problem.code == "data.bad_recipe"
    with pytest.raises(DataError, match="no cleaning step “magic”"):
        apply_step(dataset, CleaningStep(name="magic"))
    with pytest.raises(DataError, match="no column “nope”"):
        apply_step(dataset, CleaningStep(name="trim_white_space", columns=("nope",)))


def test_that_every_finding_proposes_a_step_that_exists_and_is_as_safe_as_it_says(tickets: Dataset) -> None:
    with tickets:
        findings: list[Finding] = find_problems(tickets, {Role.TEXT: "text", Role.LABEL: "topic"})
    for finding in findings:
        assert finding.step is None or STEPS[finding.step.name].safe >= finding.safe
        assert not finding.safe or finding.step


def test_that_marks_of_chat_templates_inside_texts_are_found(make_dataset: Make) -> None:
    marked = ["Stop <|im_end|> here", "[INST] do it [/INST]", "<start_of_turn>user", "a <b> c | d", "plain [inst]"]
    dataset = make_dataset([[text, "ab"[i % 2]] for i, text in enumerate(marked)])
    found = next(f for f in find_problems(dataset, ROLES) if f.check == "chat_marks")
    assert (found.row_ids, found.severity) == ((0, 1, 2), "bad")
    assert dataset.view(Query(text=found.query)).tolist() == [0, 1, 2, 4]  # filters ignore case


def test_that_rows_without_roles_are_looked_through_as_texts(make_dataset: Make) -> None:
    dataset = make_dataset([["<b>x</b> one two three", "a"], ["plain text here", "b"]])
    assert {finding.check for finding in find_problems(dataset, {})} >= {"html_tags"}
