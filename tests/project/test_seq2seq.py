"""What a model of two halves cannot do is said before a run, all of it at once."""

from __future__ import annotations

from fintune_gui.project.document import (
    FormatSettings,
    LearnFrom,
    Metric,
    ModelChoice,
    Objective,
    Project,
    Task,
    Template,
)
from fintune_gui.project.seq2seq import seq2seq_problems
from fintune_gui.project.settings import Method

T5 = ModelChoice(
    name="t5", folder="/t5", fingerprint="", parameters=1, context_length=512, architecture="T5",
    has_chat_template=False, seq2seq=True,
)  # fmt: skip


def test_that_all_that_stands_in_the_way_is_told_at_once() -> None:
    project = Project(name="x", objective=Objective(task=Task.INSTRUCTION, metric=Metric.ROUGE_L), model=T5)
    assert seq2seq_problems(project) == []
    wrong = project.with_(
        objective=Objective(task=Task.CHAT, metric=Metric.ROUGE_L),
        format=FormatSettings(template=Template.MODEL, learn_from=LearnFrom.ALL),
        model=T5.model_copy(update={"method": Method.QLORA}),
    )
    codes = [problem.code for problem in seq2seq_problems(wrong)]
    assert codes == ["model.wrong_task", "model.no_qlora", "data.no_chat_template", "data.only_answers"]
    assert seq2seq_problems(wrong.with_(model=T5.model_copy(update={"seq2seq": False}))) == []
