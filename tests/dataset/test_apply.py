"""The project document follows what happens to the rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fintune_gui.dataset.apply import follow_dataset
from fintune_gui.project.document import Role, SplitSettings

Make = Callable[..., Any]


def test_that_roles_and_split_stay_with_a_renamed_column(make_project: Make) -> None:
    pf, dataset = make_project([["one", "a"], ["two", "b"]], split=SplitSettings(stratify="label"))
    before = dataset.keys
    dataset.rename("label", "topic")
    project = follow_dataset(pf.project, before, dataset)
    assert project.format.roles[Role.LABEL] == "topic"
    assert project.split.stratify == "topic"
    renamed = dataset.keys
    dataset.undo()
    assert follow_dataset(project, renamed, dataset) == pf.project


def test_that_an_edit_changes_nothing_in_the_document(make_project: Make) -> None:
    pf, dataset = make_project([["one", "a"], ["two", "b"]])
    before = dataset.keys
    dataset.edit(0, "text", "new")
    assert follow_dataset(pf.project, before, dataset) == pf.project
