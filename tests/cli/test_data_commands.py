"""import, check, clean, format, split and preview, with good and with bad input."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fintune_gui.project.document import Role
from fintune_gui.project.store import read_project
from tests.cli.conftest import Fintune


def test_that_import_reads_rows_and_proposes_roles(fintune: Fintune, project: Path, tickets_csv: Path) -> None:
    answer = fintune("import", project, tickets_csv, "--json")
    assert answer.json["rows"] == 120
    assert answer.json["columns"] == ["body", "topic"]
    assert answer.json["roles"] == {"text": "body", "label": "topic"}
    assert answer.json["missing_roles"] == []
    assert read_project(project).sources[0].rows == 120


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("missing.csv", None, "data.missing_file"),
        ("empty.csv", b"", "data.empty_file"),
        ("header.csv", b"text,label\n", "data.no_rows"),
        ("picture.csv", bytes(range(256)) * 20, None),
        ("broken.jsonl", b'{"text": \nnothing here\n', None),
    ],
)
def test_that_a_file_that_cannot_be_read_leaves_the_rows_alone(
    fintune: Fintune, project: Path, name: str, content: bytes | None, code: str | None
) -> None:
    tmp_path = project.parent
    if content is not None:
        (tmp_path / name).write_bytes(content)
    answer = fintune("import", project, tmp_path / name, "--json")
    assert answer.code == 1
    problem = answer.json["error"]
    assert problem["what"]
    assert problem["todo"]
    assert code in (None, problem["code"])
    assert fintune("status", project, "--json").json["rows"] == 120


def test_that_broken_lines_are_kept_apart(fintune: Fintune, project: Path, tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"body": "one", "topic": "a"}\n{"body": "two", \n{"body": "three", "topic": "b"}\n')
    answer = fintune("import", project, path)
    assert "1 row could not be read" in answer.out
    assert fintune("status", project, "--json").json["rows"] == 2


def test_that_check_finds_and_clean_mends_and_undo_takes_back(fintune: Fintune, project: Path) -> None:
    before = (project / "dataset").stat().st_mtime_ns, fintune("check", project, "--json").json
    checks = {finding["check"] for finding in before[1]["findings"]}
    assert len(checks) >= 3, checks
    cleaned = fintune("clean", project, "--safe", "--json").json
    assert cleaned["operations"]
    assert cleaned["rows_kept"] < 120
    again = fintune("clean", project, "--safe", "--json").json
    assert again == {"rows_kept": cleaned["rows_kept"], "operations": [], "left_out": []}
    for _ in cleaned["operations"]:
        assert fintune("clean", project, "--undo").code == 0
    assert "nothing to take back" in fintune("clean", project, "--undo").out
    assert fintune("check", project, "--json").json == before[1]


def test_that_a_recipe_does_the_same_on_other_rows(
    fintune: Fintune, project: Path, tmp_path: Path, tickets_csv: Path
) -> None:
    kept = fintune("clean", project, "--safe", "--json").json["rows_kept"]
    fintune("note", project, "Look again", "--row", 3)
    recipe = tmp_path / "recipe.json"
    assert fintune("clean", project, "--save", recipe).code == 0
    other = tmp_path / "other"
    fintune("new", other, "--task", "classification")
    fintune("import", other, tickets_csv)
    assert fintune("clean", other, "--recipe", recipe, "--json").json["rows_kept"] == kept
    assert fintune("rows", other, "--filter", "note contains again", "--json").json["matching"] == 1
    third = tmp_path / "third"
    fintune("new", third, "--task", "classification")
    tickets_csv.write_text("body,topic\nSomething else,billing\n", encoding="utf-8")
    fintune("import", third, tickets_csv)
    told = fintune("clean", third, "--recipe", recipe)
    assert told.code == 0
    assert "Left out: Wrote a note: 1 row of 1 is not here." in told.out
    answer = fintune("clean", other, "--recipe", tmp_path / "missing.json")
    assert answer.code == 1
    assert "missing.json" in answer.err


def test_that_a_damaged_recipe_changes_nothing(fintune: Fintune, project: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.json"
    for content in ("", "[1, 2", '{"steps": [{"name": "explode"}]}'):
        recipe.write_text(content)
        assert fintune("clean", project, "--recipe", recipe).code == 1
    assert fintune("status", project, "--json").json["rows_kept"] == 120


def test_that_format_maps_columns_and_refuses_unknown_ones(fintune: Fintune, project: Path) -> None:
    answer = fintune("format", project, "--map", "text=body", "--map", "label=topic", "--max-length", 64, "--json")
    assert answer.json["roles"] == {"text": "body", "label": "topic"}
    assert read_project(project).format.max_length == 64
    unknown = fintune("format", project, "--map", "text=boddy")
    assert unknown.code == 1
    assert "body, topic" in unknown.err
    assert fintune("format", project, "--map", "answer=body").code == 2
    assert fintune("format", project, "--map", "text").code == 2
    assert read_project(project).format.roles == {Role.TEXT: "body", Role.LABEL: "topic"}


def test_that_split_divides_every_row_once(fintune: Fintune, project: Path) -> None:
    counts = fintune("split", project, "--ratios", "80/10/10", "--seed", 7, "--json").json["counts"]
    assert set(counts) == {"train", "validation", "test"}
    assert counts["train"] > counts["test"]
    assert fintune("split", project, "--json").json["seed"] == 7
    table = fintune("split", project).out
    assert "billing" in table


@pytest.mark.parametrize("ratios", ["70/30", "a/b/c", "70/30/0", "70/40/-10", ""])
def test_that_ratios_that_make_no_sense_are_a_usage_error(fintune: Fintune, project: Path, ratios: str) -> None:
    answer = fintune("split", project, "--ratios", ratios)
    assert answer.code == 2
    assert not (project / "splits").exists()


def test_that_a_split_that_cannot_be_made_changes_no_setting(fintune: Fintune, project: Path) -> None:
    before = read_project(project)
    answer = fintune("split", project, "--group", "customer", "--seed", 9)
    assert answer.code == 1
    assert "customer" in answer.err
    assert read_project(project) == before


@pytest.mark.parametrize(
    ("rows", "words"),
    [(["one,a", "two,b"], "At least 3 rows"), (["one,a", "two,a", "three,a", "four,a"], "label")],
)
def test_that_too_little_to_learn_from_is_told(
    fintune: Fintune, project: Path, tmp_path: Path, rows: list[str], words: str
) -> None:
    path = tmp_path / "few.csv"
    path.write_text("body,topic\n" + "\n".join(rows) + "\n")
    assert fintune("import", project, path).code == 0
    answer = fintune("split", project)
    assert answer.code == 1
    assert words in answer.err


def test_that_rows_must_be_there_first(fintune: Fintune, tmp_path: Path) -> None:
    fintune("new", tmp_path / "p", "--task", "text")
    for command in ("check", "split", "format", "preview", "fit", "train"):
        answer = fintune(command, tmp_path / "p")
        assert answer.code == 1, command
        assert "fintune import" in answer.err


def test_that_preview_shows_what_is_learned_token_by_token(fintune: Fintune, tmp_path: Path) -> None:
    rows = [{"question": f"What is {n}?", "answer": f"The number {n}."} for n in range(5)]
    path = tmp_path / "faq.json"
    path.write_text(json.dumps(rows))
    project = tmp_path / "faq"
    fintune("new", project, "--task", "instruction")
    fintune("import", project, path)
    refused = fintune("preview", project)
    assert refused.code == 1
    assert "fintune model" in refused.err
    chosen = fintune("model", project, "sample:tiny-base", "--method", "full", "--json")
    assert chosen.code == 0, chosen.err
    assert chosen.json["method"] == "full"
    answer = fintune("preview", project, "--row", 4, "--json").json
    learned = "".join(span["text"] for span in answer["spans"] if span["kind"] == "trained")
    context = "".join(span["text"] for span in answer["spans"] if span["kind"] == "context")
    assert "The number 3." in learned
    assert "What is 3?" in context
    assert answer["tokens"] == len(answer["ids"])
    assert 0 < answer["learned"] < answer["tokens"]
    text = fintune("preview", project, "--row", 4).out
    assert f"{answer['learned']} of them learned" in text
    assert "[" in text
    assert fintune("preview", project, "--row", 6).code == 1


def test_that_a_model_that_cannot_be_used_leaves_the_choice_alone(
    fintune: Fintune, project: Path, tmp_path: Path
) -> None:
    (tmp_path / "weightless").mkdir()
    (tmp_path / "weightless" / "config.json").write_text("{}")
    for name in (tmp_path / "weightless", "not a model"):
        answer = fintune("model", project, name, "--json")
        assert answer.code == 1
        assert answer.json["error"]["code"].startswith("model.")
    assert read_project(project).model is None


def test_that_tokens_are_added_suggested_and_taken_away(fintune: Fintune, tmp_path: Path) -> None:
    rows = tmp_path / "tags.csv"
    rows.write_text("body,topic\n" + "".join(f"<ticket>{n} Zendomat stuck,{'ab'[n % 2]}\n" for n in range(20)))
    project = tmp_path / "tags"
    fintune("new", project, "--task", "classification")
    fintune("import", project, rows)
    fintune("format", project, "--map", "text=body", "--map", "label=topic")
    refused = fintune("format", project, "--suggest-tokens")
    assert refused.code == 1
    assert "No model is chosen yet" in refused.err
    assert fintune("model", project, "sample:tiny-base").code == 0
    found = fintune("format", project, "--suggest-tokens", "--json").json["token_uses"]
    assert {"<ticket>", "Zendomat"} <= {use["text"] for use in found["suggested"]}
    before = fintune("preview", project, "--row", 1, "--json").json["tokens"]

    told = fintune("format", project, "--add-token", "<ticket>", "--add-token", "nowhere")
    assert "In 20 rows, “<ticket>” stands 20 times and saves" in told.out
    assert "“nowhere” stands nowhere" in told.out
    assert read_project(project).format.added_tokens == ("<ticket>", "nowhere")
    seen = fintune("preview", project, "--row", 1, "--json").json
    assert seen["tokens"] < before
    assert [span["text"] for span in seen["spans"] if span["added"]] == ["<ticket>"]
    assert "+<ticket>" in fintune("preview", project, "--row", 1).out

    wrong = fintune("format", project, "--remove-token", "<tickets>")
    assert wrong.code == 1
    assert "“<ticket>”, “nowhere”" in wrong.err
    assert fintune("format", project, "--add-token", "x" * 65).code == 1
    fintune("format", project, "--remove-token", "<ticket>", "--remove-token", "nowhere")
    assert read_project(project).format.added_tokens == ()
    assert fintune("preview", project, "--row", 1, "--json").json["tokens"] == before
