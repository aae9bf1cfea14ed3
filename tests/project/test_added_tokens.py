"""Tokens that the user adds, as they are written, kept and told."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from fintune_gui.project.added_tokens import change_tokens, tokens_in
from fintune_gui.project.document import FormatSettings, Metric, Objective, Project, Task
from fintune_gui.project.errors import DataError
from fintune_gui.project.flow import Facts, changed_inputs, input_fingerprints


def test_that_tokens_keep_their_order_and_stand_once() -> None:
    assert tokens_in("<b>\n\n  Acme Cloud \r\n<b>\n製品") == ("<b>", "Acme Cloud", "製品")
    assert change_tokens(("a", "b"), ["c", "a"], ["b"]) == ("a", "c")


@pytest.mark.parametrize("text", ["x" * 65, "two\nlines", "a\tb"])
def test_that_a_text_that_cannot_be_one_piece_is_refused(text: str) -> None:
    with pytest.raises(DataError) as failure:
        change_tokens((), [text])
    assert failure.value.problem.code == "data.bad_token"
    with pytest.raises(ValidationError):
        FormatSettings(added_tokens=(text,))


def test_that_too_many_tokens_are_refused() -> None:
    with pytest.raises(DataError) as failure:
        change_tokens((), map(str, range(501)))
    assert failure.value.problem.code == "data.too_many_tokens"


def test_that_a_token_that_is_not_there_cannot_be_taken_away() -> None:
    with pytest.raises(DataError, match="None was added yet"):
        change_tokens((), (), ["<b>"])


def test_that_runs_stay_fresh_until_a_token_is_added() -> None:
    project = Project(name="x", objective=Objective(task=Task.TEXT, metric=Metric.PERPLEXITY))
    document = project.model_dump(mode="json")
    del document["format"]["added_tokens"]  # as it was written before tokens could be added
    before = input_fingerprints(Project.model_validate(document), Facts())
    assert changed_inputs(before, input_fingerprints(project, Facts())) == []
    grown = project.with_(format=project.format.model_copy(update={"added_tokens": ("<b>",)}))
    assert changed_inputs(before, input_fingerprints(grown, Facts())) == ["format"]
