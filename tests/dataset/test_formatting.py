"""Roles, and rows as conversations."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fintune_gui.dataset.formatting import check_format, label_values, propose_roles, to_messages
from fintune_gui.project.document import FormatSettings, Metric, Objective, Role, Task
from fintune_gui.project.errors import DataError

Make = Any
TURNS = '[{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]'


@pytest.mark.parametrize(
    ("columns", "row", "task", "roles"),
    [
        (["id", "text", "label"], {}, Task.CLASSIFICATION, {"text": "text", "label": "label"}),
        (["Review", "Sentiment"], {}, Task.CLASSIFICATION, {"text": "Review", "label": "Sentiment"}),
        (["instruction", "input", "output"], {}, Task.INSTRUCTION,
         {"instruction": "instruction", "input": "input", "answer": "output"}),
        (["question", "answer", "topic"], {}, Task.INSTRUCTION, {"instruction": "question", "answer": "answer"}),
        (["prompt", "completion", "system"], {}, Task.INSTRUCTION,
         {"instruction": "prompt", "answer": "completion", "system": "system"}),
        (["input", "output"], {}, Task.INSTRUCTION, {"instruction": "input", "answer": "output"}),
        (["id", "messages"], {}, Task.CHAT, {"messages": "messages"}),
        (["id", "talk"], {"id": "1", "talk": TURNS}, Task.CHAT, {"messages": "talk"}),
        (["id", "story"], {"id": "1", "story": "Once upon a time"}, Task.TEXT, {"text": "story"}),
        (["id"], {}, Task.CHAT, {}),
        (["prompt", "chosen", "rejected"], {"prompt": "x", "chosen": "y", "rejected": "z"}, Task.INSTRUCTION,
         {"instruction": "prompt", "answer": "chosen"}),
        (["rejected", "chosen"], {"chosen": TURNS, "rejected": TURNS}, Task.CHAT, {"messages": "chosen"}),
        (["input", "preferred_output", "non_preferred_output"],
         {"input": TURNS, "preferred_output": TURNS, "non_preferred_output": TURNS}, Task.INSTRUCTION,
         {"instruction": "input", "answer": "preferred_output"}),
        (["messages", "chosen", "rejected"], {"messages": TURNS, "chosen": TURNS, "rejected": TURNS},
         Task.INSTRUCTION, {"instruction": "messages", "answer": "chosen"}),
        (["label", "completion", "prompt"], {"prompt": "x", "completion": "y", "label": "true"}, Task.INSTRUCTION,
         {"instruction": "prompt", "answer": "completion"}),
        (["article", "summary"], {"article": "x", "summary": "y"}, Task.INSTRUCTION,
         {"instruction": "article", "answer": "summary"}),
        (["message_1", "message_2"], {"message_1": "x", "message_2": "y"}, Task.INSTRUCTION,
         {"instruction": "message_1", "answer": "message_2"}),
    ],
)  # fmt: skip
def test_that_roles_are_proposed_by_name_and_content(
    columns: list[str], row: dict[str, str], task: Task, roles: dict[str, str]
) -> None:
    assert propose_roles(columns, [row], task) == roles


def test_that_a_label_without_a_telling_name_is_found_by_its_few_values() -> None:
    rows = [{"a": f"A long text with the number {i}", "b": "xy"[i % 2], "c": str(i)} for i in range(20)]
    assert propose_roles(["a", "b", "c"], rows, Task.CLASSIFICATION) == {"text": "a", "label": "b"}


def test_that_a_row_becomes_a_conversation() -> None:
    roles = {Role.INSTRUCTION: "q", Role.INPUT: "i", Role.ANSWER: "a", Role.SYSTEM: "s"}
    settings = FormatSettings(roles=roles, system_prompt="Be kind")

    def written(row: dict[str, str | None]) -> list[tuple[str, str]]:
        return [(message.role, message.content) for message in to_messages(row, settings, Task.INSTRUCTION)]

    assert written({"q": " Sum up ", "i": "this", "a": " ok\n"}) == [
        ("system", "Be kind"), ("user", "Sum up\n\nthis"), ("assistant", "ok"),
    ]  # fmt: skip
    assert written({"q": "Why?", "i": " ", "a": "So", "s": "Be short"})[:2] == [
        ("system", "Be short"), ("user", "Why?"),
    ]  # fmt: skip
    chat = FormatSettings(roles={Role.MESSAGES: "m"}, system_prompt="Be kind")
    assert [m.role for m in to_messages({"m": TURNS}, chat, Task.CHAT)] == ["system", "user", "assistant"]
    own = json.dumps([{"role": "system", "content": "Mine"}, *json.loads(TURNS)])
    assert to_messages({"m": own}, chat, Task.CHAT)[0].content == "Mine"


def test_that_questions_and_answers_written_as_conversations_become_turns() -> None:
    settings = FormatSettings(roles={Role.INSTRUCTION: "prompt", Role.ANSWER: "chosen"})
    asked, answered = (json.dumps([turn]) for turn in json.loads(TURNS))
    for row in ({"prompt": asked, "chosen": answered}, {"prompt": "Hi", "chosen": answered},
                {"prompt": asked, "chosen": "Hello"}):  # fmt: skip
        messages = to_messages(row, settings, Task.INSTRUCTION)
        assert [(m.role, m.content) for m in messages] == [("user", "Hi"), ("assistant", "Hello")]


def test_that_an_answer_which_only_calls_a_tool_is_not_learned_silently() -> None:
    turns = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "", "tool_calls": [{"id": "1"}]}]
    with pytest.raises(DataError) as error:
        to_messages({"m": json.dumps(turns)}, FormatSettings(roles={Role.MESSAGES: "m"}), Task.CHAT)
    assert error.value.problem.code == "data.calls_tools"


def test_that_labels_are_counted_without_removed_and_empty_ones(make_dataset: Make) -> None:
    dataset = make_dataset([["1", "a"], ["2", "b"], ["3", "b"], ["4", ""], ["5", " "], ["6", "c"]])
    dataset.remove([5])
    assert label_values(dataset, "label") == {"b": 2, "a": 1}


def codes(pf: Any, dataset: Any) -> list[str]:
    return [problem.code for problem in check_format(pf.project, dataset)]


def test_that_all_problems_of_a_format_are_told_at_once(make_project: Make) -> None:
    pf, dataset = make_project([["a", "x"], ["b", "y"], ["c", "x"]])
    assert codes(pf, dataset) == []
    pf.save(pf.project.with_(format=FormatSettings(roles={Role.TEXT: "gone", Role.LABEL: "gone"})))
    assert codes(pf, dataset) == ["data.no_column", "data.no_column", "data.column_twice"]
    pf.save(pf.project.with_(format=FormatSettings()))
    assert codes(pf, dataset) == ["data.missing_role", "data.missing_role"]


def test_that_one_label_and_too_few_rows_are_told(make_project: Make) -> None:
    pf, dataset = make_project([["a", "x"], ["", "x"], ["c", ""]])
    assert codes(pf, dataset) == ["data.too_few_rows", "data.one_label"]


def test_that_a_column_that_holds_no_conversations_is_told(make_project: Make) -> None:
    rows = [[TURNS, "x"], [TURNS, "y"], ["not a conversation", "z"]]
    pf, dataset = make_project(rows, ["messages", "id"], objective=Objective(task=Task.CHAT, metric=Metric.PERPLEXITY))
    problems = check_format(pf.project, dataset)
    assert [problem.code for problem in problems] == ["data.bad_conversation"]
    assert problems[0].what.startswith("Row 2:")
    dataset.remove([2])
    assert codes(pf, dataset) == ["data.too_few_rows"]


def test_that_a_conversation_without_answer_is_said() -> None:
    chat = FormatSettings(roles={Role.MESSAGES: "m"})
    with pytest.raises(DataError) as error:
        to_messages({"m": '[{"role": "user", "content": "Hi"}]'}, chat, Task.CHAT)
    assert error.value.problem.code == "data.no_answer"
