"""Cells that hold several labels: recognised, counted, divided, and looked through label by label."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fintune_gui.dataset.cleaning import apply_step
from fintune_gui.dataset.findings import find_problems
from fintune_gui.dataset.formatting import check_format, label_rows, label_separator, propose_roles, usable_rows
from fintune_gui.dataset.importing import import_files
from fintune_gui.dataset.label_sets import count_labels, join_labels, recognise_separator, split_labels
from fintune_gui.dataset.label_strata import divide_label_sets
from fintune_gui.dataset.runs import create_run
from fintune_gui.dataset.splitting import make_split, split_rows
from fintune_gui.dataset.store import Dataset
from fintune_gui.project.document import FormatSettings, LabelSeparator, Metric, Objective, Project, Role, Task
from fintune_gui.project.flow import Facts, input_fingerprints
from fintune_gui.project.spec import PARTS, TrainSpec, read_spec
from fintune_gui.project.store import ProjectFolder
from tests.helpers.rows import tiny_base

SEMICOLON, COMMA, BAR, LIST = LabelSeparator
KINDS = ("red; round", "red", "green; round", "green; square; large", "", "large")
FORMAT = FormatSettings(roles={Role.TEXT: "text", Role.LABEL: "tags"})


def project_with(folder: Path, cells: list[str], format_: FormatSettings = FORMAT) -> ProjectFolder:
    """A project whose rows have these cells as labels."""
    lines = [
        f'A thing with the number {number},"{cell.replace(chr(34), chr(34) * 2)}"' for number, cell in enumerate(cells)
    ]
    (folder / "things.csv").write_text("text,tags\n" + "\n".join(lines) + "\n", encoding="utf-8")
    objective = Objective(task=Task.MULTI_LABEL, metric=Metric.MICRO_F1)
    opened = ProjectFolder.create(folder / "project", Project(name="Things", objective=objective, format=format_))
    import_files([folder / "things.csv"], opened.dataset)
    return opened


@pytest.mark.parametrize(
    ("cells", "separator"),
    [
        (["a;b", "b; c", "c", "a"], SEMICOLON),
        (["a,b", "b, c", "c", "a"], COMMA),
        (["a|b", "b|c", "c", "a"], BAR),
        (['["a", "b"]', "['b']", "[]"], LIST),
        (["New York, NY; Boston, MA", "Boston, MA; Reno, NV", "Reno, NV; New York, NY"], SEMICOLON),
    ],
)
def test_that_what_parts_labels_is_recognised(cells: list[str], separator: LabelSeparator) -> None:
    found = recognise_separator(cells)
    assert found.separator is separator
    assert found.sure >= 0.9
    assert found.sentence.startswith(f"Labels are surely parted by {separator.display_name}")


def test_that_a_guess_is_called_one() -> None:
    assert recognise_separator(["a", "b"]).sure == 0
    assert "taken as one label" in recognise_separator(["a", "b"]).sentence
    unsure = recognise_separator(["Well, no", "Hm, perhaps, no", "Never"])
    assert 0 < unsure.sure < 0.6
    assert "perhaps" in unsure.sentence


@pytest.mark.parametrize("separator", list(LabelSeparator))
def test_that_a_cell_is_read_as_it_was_written(separator: LabelSeparator) -> None:
    labels = ("red", "very round", "ü")
    assert split_labels(join_labels(labels, separator), separator) == labels
    assert split_labels(join_labels((), separator), separator) == ()
    assert split_labels(None, separator) == split_labels("  ", separator) == ()


def test_that_labels_are_counted_once_a_row() -> None:
    assert split_labels(" red ;; round;red", SEMICOLON) == ("red", "round")
    assert split_labels("[1, 2, null, true]", LIST) == ("1", "2", "True")
    assert split_labels('["a", ', LIST) == ('["a",',)
    assert count_labels({"a;b": 3, "b;b": 2, "": 9}, SEMICOLON) == {"b": 5, "a": 3}


def test_that_columns_with_several_labels_are_proposed() -> None:
    rows = [{"body": f"A text, number {n}, of its own", "kinds": kind} for n, kind in enumerate(KINDS * 3)]
    assert propose_roles(["body", "kinds"], rows, Task.MULTI_LABEL) == {Role.TEXT: "body", Role.LABEL: "kinds"}


def test_that_every_label_keeps_its_share_and_duplicates_stay_together(tmp_path: Path) -> None:
    pf = project_with(tmp_path, [KINDS[n % len(KINDS)] + ("; rare" if n in (4, 5, 7) else "") for n in range(240)])
    with pf, Dataset.open(pf.dataset) as dataset:
        dataset.edit(1, "text", dataset.row(0)["text"] or "")
        assert label_separator(dataset, pf.project.format, Task.MULTI_LABEL) is SEMICOLON
        assert usable_rows(dataset, pf.project.format, Task.MULTI_LABEL).all()  # no label is legal
        manifest = make_split(pf, dataset)
        assert manifest.by_label
        assert manifest.duplicates_kept_together == 1
        parts = {part: split_rows(pf, manifest, part) for part in PARTS}
        assert any({0, 1} <= set(rows.tolist()) for rows in parts.values())
        counts = label_rows(dataset, pf.project.format, Task.MULTI_LABEL)
    assert sum(manifest.counts.values()) == 240
    assert manifest.labels["train"]["round"] == pytest.approx(0.7 * counts["round"], abs=2)
    assert manifest.labels["test"][""] == pytest.approx(0.15 * (40 - 1), abs=2)
    assert all(manifest.labels[part]["rare"] == 1 for part in PARTS)


def test_that_a_split_is_out_of_date_when_labels_are_read_otherwise(tmp_path: Path) -> None:
    before = Project(name="x", objective=Objective(task=Task.MULTI_LABEL, metric=Metric.MICRO_F1), format=FORMAT)
    after = before.with_(format=FORMAT.model_copy(update={"label_separator": BAR}))
    single = before.with_(objective=Objective(task=Task.CLASSIFICATION, metric=Metric.F1))
    splits = {input_fingerprints(project, Facts())["split"] for project in (before, after, single)}
    assert len(splits) == 3


def test_that_groups_of_rows_are_never_divided() -> None:
    random_ = np.random.default_rng(1)
    groups = np.sort(random_.integers(0, 40, 200))
    groups = np.unique(groups, return_inverse=True)[1]
    strata = random_.integers(0, 3, 200)
    parts = divide_label_sets(groups, strata, [("a", "b"), ("b",), ("",)], (0.7, 0.15, 0.15), seed=1)
    assert len(parts) == groups.max() + 1
    assert np.bincount(parts[groups], minlength=3) / 200 == pytest.approx([0.7, 0.15, 0.15], abs=0.05)


def test_that_a_run_keeps_how_labels_are_read(tmp_path: Path) -> None:
    pf = project_with(tmp_path, list(KINDS) * 10)
    with pf, Dataset.open(pf.dataset) as dataset:
        pf.save(pf.project.with_(model=tiny_base()))
        make_split(pf, dataset)
        spec = read_spec(create_run(pf, dataset))
    assert isinstance(spec, TrainSpec)
    assert spec.format.label_separator is SEMICOLON
    assert spec.labels == ("green", "large", "red", "round", "square")


@pytest.mark.parametrize(
    ("cells", "separator", "code"),
    [
        ([""] * 6, None, "data.no_label"),
        (["a"] * 6, None, "data.one_label"),
        (["a", '["b"]'] * 3, LIST, "data.no_list_of_labels"),
        (["a", ""] * 3, None, None),
    ],
)
def test_that_what_cannot_be_learned_is_said(
    tmp_path: Path, cells: list[str], separator: LabelSeparator | None, code: str | None
) -> None:
    pf = project_with(tmp_path, cells, FORMAT.model_copy(update={"label_separator": separator}))
    with pf, Dataset.open(pf.dataset) as dataset:
        assert [problem.code for problem in check_format(pf.project, dataset)] == ([code] if code else [])


def test_that_findings_speak_of_single_labels(tmp_path: Path) -> None:
    cells = ["red; round", "Red", "round; red"] * 60 + ["", "gren", "green; red", "red; rund"] + ["green"] * 80
    pf = project_with(tmp_path, cells)
    with pf, Dataset.open(pf.dataset) as dataset:
        first = dataset.row(0)["text"] or ""
        dataset.edit(2, "text", first)  # the same labels in another order
        found = {finding.check: finding for finding in find_problems(dataset, FORMAT.roles, SEMICOLON)}
        assert "empty_label" not in found
        assert "conflicting_labels" not in found
        assert found["label_variants"].count == 60
        assert found["label_misspelled"].count == 2
        assert "rare_label" not in found
        for check in ("label_variants", "label_misspelled"):
            step = found[check].step
            assert step is not None
            apply_step(dataset, step)
        assert label_rows(dataset, FORMAT, Task.MULTI_LABEL) == {"red": 182, "round": 121, "green": 82}
        dataset.edit(1, "text", first)
        dataset.edit(1, "tags", "green")
        dataset.edit(5, "tags", "huge; red")
        found = {finding.check: finding for finding in find_problems(dataset, FORMAT.roles, SEMICOLON)}
        assert found["conflicting_labels"].count == 3
        assert found["rare_label"].row_ids == (5,)
