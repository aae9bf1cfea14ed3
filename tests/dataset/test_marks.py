"""Flags, stars and notes; saved views; and text that is still being typed."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from fintune_gui.dataset.store import Dataset, Draft, RowMarks
from fintune_gui.project.errors import DataError

ROWS = [["one", "a"], ["two", "b"], ["three", "a"]]
Make = Callable[..., Dataset]


def test_that_marks_are_kept_and_undone_but_do_not_change_the_rows(make_dataset: Make) -> None:
    dataset = make_dataset(ROWS)
    before, revision = dataset.fingerprint, dataset.revision
    flagged = dataset.mark([0, 2], flag=True)
    assert flagged is not None
    assert flagged.label == "Flagged 2 rows"
    dataset.mark([2], star=True)
    dataset.set_note(2, " ask Ida ")
    assert dataset.fingerprint == before
    assert dataset.revision != revision
    with Dataset.open(dataset.folder, read_only=True) as again:
        assert again.flagged_mask.tolist() == [True, False, True]
        assert again.marks_of(2) == RowMarks(flag=True, star=True, note="ask Ida")
        assert again.noted_mask().tolist() == [False, False, True]
    assert dataset.mark([0], flag=True) is None
    assert dataset.set_note(1, "") is None
    for _ in range(3):
        dataset.undo()
    assert dataset.marks_of(2) == RowMarks()
    dataset.redo()
    assert dataset.flagged_mask.tolist() == [True, False, True]
    dataset.mark([0, 1, 2], flag=False)
    assert not dataset.flagged_mask.any()
    dataset.undo()
    assert dataset.flagged_mask.tolist() == [True, False, True]


def test_that_the_fingerprint_still_follows_edits_made_after_marks(make_dataset: Make) -> None:
    dataset = make_dataset(ROWS)
    dataset.edit(0, "text", "new")
    edited = dataset.fingerprint
    dataset.undo()
    dataset.mark([0], star=True)
    dataset.edit(0, "text", "new")
    assert dataset.fingerprint == edited


def test_that_a_mark_on_no_row_is_refused(make_dataset: Make) -> None:
    dataset = make_dataset(ROWS)
    with pytest.raises(DataError, match="no row 9"):
        dataset.mark([8], flag=True)
    with pytest.raises(DataError, match="no row 9"):
        dataset.set_note(8, "x")


def test_that_views_and_drafts_stay_outside_the_history(make_dataset: Make) -> None:
    dataset = make_dataset(ROWS)
    dataset.save_view("Long ones", {"text": "length > 400"})
    dataset.save_view("Other", {"text": ""})
    dataset.save_view("Other", None)
    draft = Draft(row_id=1, column="text", text="half a sen", cursor=10, time=5.0)
    dataset.save_draft(draft)
    dataset.close()
    with Dataset.open(dataset.folder) as again:
        assert again.saved_views() == {"Long ones": {"text": "length > 400"}}
        assert again.draft() == draft
        assert again.history() == []
        again.save_draft(None)
        assert again.draft() is None
