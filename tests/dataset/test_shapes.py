"""Recognising formats of rows, and conversations in all their spellings."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fintune_gui.dataset.conversations import (
    BadConversation,
    Message,
    conversation_of,
    parse_chatml,
    parse_text,
    parse_turns,
    to_text,
    with_turn,
)
from fintune_gui.dataset.shapes import as_texts, chatml_column, recognise, with_chatml

TURNS = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]
SHARE = [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Hello"}]
CANONICAL = '[{"role":"user","content":"Hi"},{"role":"assistant","content":"Hello"}]'
CHATML = "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nHello<|im_end|>\n"


@pytest.mark.parametrize(
    ("row", "name", "columns"),
    [
        ({"instruction": "x", "input": "", "output": "y"}, "Alpaca", ("instruction", "input", "output")),
        ({"instruction": "x", "input": "", "output": "y", "history": [["a", "b"]], "system": "s"}, "Alpaca",
         ("instruction", "input", "output", "system", "history")),
        ({"id": "1", "conversations": SHARE}, "ShareGPT", ("conversations",)),
        ({"messages": TURNS, "tools": []}, "OpenAI messages", ("messages",)),
        ({"messages": TURNS, "prompt": "Hi", "prompt_id": "7"}, "OpenAI messages", ("messages",)),
        ({"messages": CANONICAL}, "OpenAI messages", ("messages",)),
        ({"id": "1", "text": CHATML}, "ChatML text", ("text",)),
        ({"prompt": "x", "completion": "y"}, "prompt and completion", ("prompt", "completion")),
        ({"prompt": TURNS[:1], "completion": TURNS[1:]}, "prompt and completion", ("prompt", "completion")),
        ({"prompt": "x", "chosen": "y", "rejected": "z"}, "preference pairs", ("prompt", "chosen", "rejected")),
        ({"chosen": TURNS, "rejected": TURNS}, "preference pairs without a prompt", ("chosen", "rejected")),
        ({"conversations": SHARE[:1], "chosen": SHARE[1], "rejected": SHARE[1]}, "preference pairs",
         ("conversations", "chosen", "rejected")),
        ({"instruction": "x", "chosen_response": "y", "rejected_response": "z"}, "preference pairs",
         ("instruction", "chosen_response", "rejected_response")),
        ({"input": {"messages": TURNS[:1]}, "preferred_output": TURNS[1:], "non_preferred_output": TURNS[1:]},
         "OpenAI preference pairs", ("input", "preferred_output", "non_preferred_output")),
        ({"prompt": "x", "completion": "y", "label": True}, "KTO", ("prompt", "completion", "label")),
        ({"text": "x", "label": "y"}, "text and label", ("text", "label")),
        ({"Review": "x", "Sentiment": "y"}, "text and label", ("Review", "Sentiment")),
        ({"question": "x", "answer": "y", "topic": "z"}, "question and answer", ("question", "answer")),
        ({"system_prompt": "s", "question": "x", "response": "y"}, "question and answer", ("question", "response")),
        ({"message_1": "x", "message_2": "y"}, "question and answer", ("message_1", "message_2")),
        ({"article": "x", "summary": "y"}, "article and summary", ("article", "summary")),
        ({"prompt": "x", "generation": "y"}, "question and answer", ("prompt", "generation")),
        ({"text": "Once upon a time"}, "plain text", ("text",)),
    ],
)  # fmt: skip
def test_that_each_known_format_is_recognised_and_explained(row: dict[str, Any], name: str, columns: Any) -> None:
    found = recognise([row] * 4)
    assert found is not None
    assert (found.name, found.columns) == (name, columns)
    assert 0.7 <= found.sure <= 1
    assert found.why.endswith(".")


def test_that_a_row_of_no_known_format_is_not_forced_into_one() -> None:
    assert recognise([]) is None
    assert recognise([{"id": "1", "when": "2020"}]) is None


def test_that_certainty_falls_with_the_rows_that_do_not_fit() -> None:
    whole = recognise([{"prompt": "x", "completion": "y"}] * 4)
    half = recognise([{"prompt": "x", "completion": "y"}, {"prompt": "x"}] * 2)
    assert whole is not None
    assert half is not None
    assert (whole.sure, half.sure) == (1.0, 0.75)
    assert "50% of the rows lack one of them" in half.why


def test_that_labels_which_never_recur_make_unsure() -> None:
    recurring = recognise([{"text": str(i), "label": "ab"[i % 2]} for i in range(10)])
    unique = recognise([{"text": str(i), "label": str(i)} for i in range(10)])
    assert recurring is not None
    assert unique is not None
    assert recurring.sure > 0.9
    assert unique.sure < 0.7


def test_that_what_training_does_not_learn_is_said() -> None:
    weighted = [TURNS[0], TURNS[1] | {"weight": 0}]
    for row, said in (
        ({"prompt": "x", "chosen": "y", "rejected": "z"}, "rejected ones are not trained"),
        ({"prompt": "x", "completion": "y", "label": "false"}, "bad answers are learned too"),
        ({"messages": TURNS, "tools": [{}]}, "cannot be learned yet"),
        ({"messages": weighted}, "weight 0"),
        ({"instruction": "x", "output": "y", "history": []}, "not trained"),
    ):
        found = recognise([row])
        assert found is not None
        assert said in found.advice


@pytest.mark.parametrize(
    ("speaker", "role"),
    [("human", "user"), ("User", "user"), ("gpt", "assistant"), ("bot", "assistant"), ("model", "assistant"),
     ("function_call", "assistant"), ("observation", "tool"), ("function", "tool"), ("developer", "system")],
)  # fmt: skip
def test_that_every_name_of_a_speaker_is_mapped(speaker: str, role: str) -> None:
    assert parse_turns([{"from": speaker, "value": "x"}]) == [Message(role=role, content="x")]


def test_that_what_a_turn_carries_beside_its_text_is_kept_in_a_fixed_order() -> None:
    call = {"type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}
    turns = [
        {"tool_calls": [call], "content": None, "role": "assistant"},
        {"zebra": 1, "tool_call_id": "c", "name": "f", "value": "7", "from": "tool"},
        {"weight": 0, "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}], "role": "assistant"},
    ]
    messages = parse_turns(turns)
    text = to_text(messages)
    assert [list(turn) for turn in json.loads(text)] == [
        ["role", "content", "tool_calls"],
        ["role", "content", "name", "tool_call_id", "zebra"],
        ["role", "content", "weight"],
    ]
    assert messages[0].calls_tools
    assert messages[2].content == "ab"
    assert to_text(parse_text(text)) == text


@pytest.mark.parametrize(
    ("turns", "reason"),
    [
        ([], "The conversation is empty"),
        ({}, "The conversation is no list of turns"),
        (["Hi"], "Turn 1 of the conversation is no object with a role and a text"),
        ([*TURNS, {"content": "x"}], "Turn 3 does not say whose it is: it has neither “role” nor “from”"),
        ([{"from": "hummany", "value": "x"}], "Turn 1 has the unknown role “hummany”; perhaps “human” is meant"),
        ([{"role": "zzz", "content": "x"}], "Turn 1 has the unknown role “zzz”"),
        ([{"role": "user"}], "Turn 1 (user) has no text"),
        ([{"role": "user", "content": 3}], "The text of turn 1 (user) is no text but 3"),
        ([{"role": "user", "content": [{"type": "image_url"}]}],
         "Turn 1 holds something other than text, for example an image"),
    ],
)  # fmt: skip
def test_that_each_bad_conversation_has_its_own_reason(turns: Any, reason: str) -> None:
    with pytest.raises(BadConversation) as error:
        parse_turns(turns)
    assert str(error.value) == reason


def test_that_chatml_is_parsed_only_if_all_of_it_is() -> None:
    assert parse_chatml(CHATML) == parse_turns(TURNS)
    assert parse_chatml("\n<|im_start|>user\na\n\nb") == [Message(role="user", content="a\n\nb")]
    for text in ("Hi", f"Hi {CHATML}", f"{CHATML} and more", "<|im_start|>nobody\nx<|im_end|>", "<|im_start|>user"):
        assert parse_chatml(text) is None


def test_that_a_column_of_chatml_becomes_messages_beside_its_text() -> None:
    rows: list[dict[str, str | None]] = [{"text": CHATML}, {"text": None}]
    assert chatml_column(rows) == "text"
    assert [with_chatml(row, "text")["messages"] for row in rows] == [CANONICAL, None]
    assert with_chatml(rows[0], "text")["text"] == CHATML
    assert chatml_column([*rows, {"text": "Hi"}]) is None
    assert chatml_column([{"text": CHATML, "messages": "x"}]) is None
    with pytest.raises(BadConversation, match="no ChatML text"):
        with_chatml({"text": "Hi"}, "text")


def test_that_conversations_go_into_messages_and_preferences_keep_their_columns() -> None:
    assert as_texts({"conversations": SHARE}) == {"messages": CANONICAL}
    assert as_texts({"conversations": SHARE, "messages": TURNS[:1]}) == {
        "messages": CANONICAL, "messages_2": '[{"role":"user","content":"Hi"}]',
    }  # fmt: skip
    pair = as_texts({"prompt": TURNS[:1], "chosen": SHARE[1], "rejected": [TURNS[1]]})
    assert pair == {
        "prompt": '[{"role":"user","content":"Hi"}]',
        "chosen": '[{"role":"assistant","content":"Hello"}]',
        "rejected": '[{"role":"assistant","content":"Hello"}]',
    }
    openai = as_texts({"input": {"messages": SHARE[:1], "tools": [1]}, "preferred_output": TURNS[1:]})
    assert openai == {
        "input": '[{"role":"user","content":"Hi"}]', "tools": "[1]",
        "preferred_output": '[{"role":"assistant","content":"Hello"}]',
    }  # fmt: skip
    assert as_texts({"row_id": 1, "": "x"}) == {"row_id_column": "1", "column": "x"}


def test_that_one_turn_can_be_shown_and_edited() -> None:
    turns = conversation_of(CANONICAL)
    assert turns is not None
    assert [(turn.role, turn.content) for turn in turns] == [("user", "Hi"), ("assistant", "Hello")]
    assert with_turn(CANONICAL, 1, "Hello") == CANONICAL
    assert with_turn(CANONICAL, 0, 'Say "hi"\n') == CANONICAL.replace('"Hi"', r'"Say \"hi\"\n"')
    for text in (None, "", "Hi", "[1]", "[{", '[{"a": 1}]', '{"role": "user"}'):
        assert conversation_of(text) is None


texts = st.text(st.characters(exclude_categories=["Cs"]))


@given(st.lists(st.tuples(st.sampled_from(["system", "user", "assistant", "tool"]), texts), min_size=1, max_size=6))
def test_that_any_conversation_survives_its_text(turns: list[tuple[str, str]]) -> None:
    messages = [Message(role=role, content=content) for role, content in turns]
    assert conversation_of(to_text(messages)) == messages


@given(st.text(max_size=200))
def test_that_no_text_breaks_the_view_of_a_conversation(text: str) -> None:
    for tried in (text, "[{" + text, f"<|im_start|>{text}"):
        conversation_of(tried)
        parse_chatml(tried)
