"""Training, validation and test rows."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fintune_gui.dataset.facts import gather_facts
from fintune_gui.dataset.splitting import current_split, divide, leaks, make_split, split_rows
from fintune_gui.dataset.store import Dataset
from fintune_gui.project.document import Role, SplitSettings
from fintune_gui.project.errors import DataError
from fintune_gui.project.flow import Step, step_states
from fintune_gui.project.spec import PARTS
from fintune_gui.project.store import ProjectFolder

Make = Any


def parts_of(pf: ProjectFolder) -> list[set[int]]:
    manifest = current_split(pf)
    assert manifest is not None
    return [set(split_rows(pf, manifest, part).tolist()) for part in PARTS]


def test_that_all_usable_rows_are_divided_by_the_ratios_and_labels_keep_their_shares(make_project: Make) -> None:
    rows = [[f"text {i}", "abc"[i % 3] if i % 10 else "rare"] for i in range(400)] + [["", "a"], ["x", ""]]
    pf, dataset = make_project(rows)
    dataset.remove([5])
    manifest = make_split(pf, dataset)
    parts = parts_of(pf)
    assert set.union(*parts) == set(range(400)) - {5}
    assert sum(map(len, parts)) == 399
    assert manifest.left_out == 2
    assert [manifest.counts[part] for part in PARTS] == [len(part) for part in parts]
    assert manifest.counts["train"] == pytest.approx(0.7 * 399, abs=2)
    for label, count in Counter(row[1] for i, row in enumerate(rows[:400]) if i != 5).items():
        assert manifest.labels["test"][label] == pytest.approx(0.15 * count, abs=2)


def test_that_a_seed_gives_the_same_split_and_another_seed_another(make_project: Make) -> None:
    pf, dataset = make_project([[f"text {i}", "ab"[i % 2]] for i in range(50)])
    first = make_split(pf, dataset)
    rows = parts_of(pf)
    assert make_split(pf, dataset).id == first.id
    assert parts_of(pf) == rows
    pf.save(pf.project.with_(split=SplitSettings(seed=7)))
    assert make_split(pf, dataset).id != first.id
    assert parts_of(pf) != rows


def test_that_duplicates_are_never_divided(make_project: Make) -> None:
    variants = ["Straße  {}", "STRASSE {}", " strasse\u00a0{}", "ｓtrasse {}"]
    rows = [[variants[i % 4].format(i // 4), "ab"[i % 2]] for i in range(120)]
    pf, dataset = make_project(rows)
    manifest = make_split(pf, dataset)
    for part in parts_of(pf):
        assert len({row // 4 for row in part}) * 4 == len(part)
    assert manifest.duplicates_kept_together == 90
    assert leaks(dataset, pf, manifest) == 0


def test_that_a_leak_is_counted_when_rows_become_equal_later(make_project: Make) -> None:
    pf, dataset = make_project([[f"text {i}", "ab"[i % 2]] for i in range(20)])
    manifest = make_split(pf, dataset)
    train, _, test = (sorted(part) for part in parts_of(pf))
    dataset.edit(test[0], "text", dataset.row(train[0])["text"])
    assert leaks(dataset, pf, manifest) == 1


def test_that_groups_stay_together_also_through_duplicates(make_project: Make) -> None:
    # customer 0 and 1 share a text, so all their rows hang together
    rows = [[f"text {i}", "ab"[i % 2], f"customer {i % 10}"] for i in range(60)]
    rows[1][0] = rows[0][0]
    pf, dataset = make_project(rows, ["text", "label", "customer"])
    pf.save(pf.project.with_(split=SplitSettings(group="customer")))
    make_split(pf, dataset)
    parts = parts_of(pf)
    for customer in range(10):
        assert sum(any(row % 10 == customer for row in part) for part in parts) == 1
    assert sum(any(row % 10 in (0, 1) for row in part) for part in parts) == 1


def test_that_a_changed_row_makes_the_split_stale_and_undo_makes_it_good_again(make_project: Make) -> None:
    pf, dataset = make_project([[f"text {i}", "ab"[i % 2]] for i in range(20)])
    make_split(pf, dataset)

    def state() -> str:
        return next(s.state for s in step_states(pf.project, gather_facts(pf)) if s.step is Step.SPLIT)

    assert state() == "done"
    dataset.edit(0, "text", "changed")
    assert state() == "stale"
    dataset.undo()
    assert state() == "done"


@pytest.mark.parametrize(
    ("rows", "code"),
    [
        ([["a", "x"], ["b", "y"]], "data.too_few_rows"),
        ([["a", "x"], ["b", "y"], ["", "y"]], "data.too_few_rows"),
        ([["a", "x"], ["A ", "y"], ["a", "y"], ["b", "x"]], "data.too_few_groups"),
        ([["a", "x"], ["b", "x"], ["c", "x"]], "data.one_label"),
    ],
)
def test_that_rows_that_cannot_be_divided_are_refused(make_project: Make, rows: list[list[str]], code: str) -> None:
    pf, dataset = make_project(rows)
    with pytest.raises(DataError) as error:
        make_split(pf, dataset)
    assert error.value.problem.code == code
    assert current_split(pf) is None


def test_that_missing_roles_and_columns_are_refused(make_project: Make) -> None:
    pf, dataset = make_project([[f"text {i}", "ab"[i % 2]] for i in range(9)])
    pf.save(pf.project.with_(split=SplitSettings(group="nope")))
    with pytest.raises(DataError, match="no column “nope” to keep together"):
        make_split(pf, dataset)
    format_ = pf.project.format.model_copy(update={"roles": {Role.TEXT: "gone"}})
    pf.save(pf.project.with_(format=format_))
    with pytest.raises(DataError) as error:
        make_split(pf, dataset)
    assert {line.split(":")[0] for line in error.value.problem.details.split("\n")} == {
        "data.missing_role",
        "data.no_column",
    }


def test_that_three_rows_are_one_each_and_77_labels_of_few_rows_fill_every_part(make_project: Make) -> None:
    pf, dataset = make_project([["one", "a"], ["two", "b"], ["three", "a"]])
    assert set(make_split(pf, dataset).counts.values()) == {1}
    pf, dataset = make_project([[f"text {i}", f"label {i % 77}"] for i in range(154)], name="many")
    counts = make_split(pf, dataset).counts
    assert counts["validation"] == pytest.approx(0.15 * 154, abs=4)
    assert counts["test"] == pytest.approx(0.15 * 154, abs=4)


def test_that_a_damaged_split_is_said(make_project: Make) -> None:
    pf, dataset = make_project([[f"text {i}", "ab"[i % 2]] for i in range(9)])
    manifest = make_split(pf, dataset)
    (pf.splits / manifest.id / "train.npy").write_bytes(b"\x93NUMPY")
    with pytest.raises(DataError) as error:
        split_rows(pf, manifest, "train")
    assert error.value.problem.code == "data.no_split_rows"
    (pf.splits / manifest.id / "manifest.json").write_text("{")
    assert current_split(pf) is None


@given(
    sizes=st.lists(st.integers(1, 6), min_size=3, max_size=40),
    strata=st.integers(1, 5),
    ratios=st.sampled_from([(0.7, 0.15, 0.15), (0.8, 0.1, 0.1), (0.34, 0.33, 0.33), (0.02, 0.96, 0.02)]),
    seed=st.integers(0, 3),
)
def test_that_any_groups_fill_all_parts_near_their_ratio(
    sizes: list[int], strata: int, ratios: tuple[float, float, float], seed: int
) -> None:
    groups = np.repeat(np.arange(len(sizes)), sizes)
    parts = divide(groups, groups % strata, ratios, seed)
    rows = np.bincount(parts[groups], minlength=3)
    assert (np.bincount(parts, minlength=3) > 0).all()
    # no part is off by more than a few whole groups for each stratum
    assert (np.abs(rows - np.asarray(ratios) * len(groups)) <= (max(sizes) + 2) * (strata + 1)).all()
    assert (divide(groups, groups % strata, ratios, seed) == parts).all()


def test_that_a_split_is_made_from_a_dataset_that_is_opened_again(make_project: Make, tmp_path: Path) -> None:
    pf, dataset = make_project([[f"text {i}", "ab"[i % 2]] for i in range(30)])
    first = make_split(pf, dataset)
    with Dataset.open(pf.dataset, read_only=True) as again:
        assert make_split(pf, again).id == first.id
