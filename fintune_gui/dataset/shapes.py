"""Known shapes of rows, and turning what a file holds into columns of text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from fintune_gui.dataset import conversations
from fintune_gui.dataset.json_rows import CONVERSATION_KEYS

MESSAGES = "messages"
"""The column into which conversations go."""
RESERVED = ("row_id",)
"""Names that snapshots need for themselves; a column of this name is renamed."""

QUESTION_NAMES = ("question", "prompt", "query", "instruction", "user", "input", "request", "frage")
ANSWER_NAMES = ("answer", "output", "response", "completion", "reply", "assistant", "target", "antwort")
TEXT_NAMES = ("text", "message", "content", "sentence", "review", "body", "comment", "description", "title", "tweet")
LABEL_NAMES = ("label", "category", "topic", "class", "intent", "sentiment", "target", "tag", "labels", "label_text")


def recognise(rows: Sequence[Mapping[str, Any]]) -> str | None:
    """The name of the shape of `rows` as read, or None if it is none of the known ones."""
    if not rows:
        return None
    first = rows[0]
    for key in CONVERSATION_KEYS:
        turns = first.get(key)
        if conversations.is_conversation(turns):
            return "ShareGPT" if isinstance(turns, list) and "from" in turns[0] else "OpenAI messages"
    names = {name.lower() for row in rows for name in row}
    if {"instruction", "output"} <= names:
        return "Alpaca"
    if names & set(TEXT_NAMES) and names & set(LABEL_NAMES):
        return "text and label"
    if names & set(QUESTION_NAMES) and names & set(ANSWER_NAMES):
        return "question and answer"
    return None


def as_texts(values: Mapping[str, Any]) -> dict[str, str | None]:
    """A row as read, as columns of text. Nested values become JSON text; a conversation becomes ``messages``.

    Raises:
        conversations.BadConversation: if the row holds a conversation that cannot be used.
    """
    texts: dict[str, str | None] = {}
    for name, value in values.items():
        if name in CONVERSATION_KEYS and conversations.is_conversation(value):
            texts[MESSAGES] = conversations.to_text(conversations.parse_turns(value))
            continue
        column = f"{name}_column" if name in RESERVED else name or "column"
        if isinstance(value, str) or value is None:
            texts[column] = value
        else:
            texts[column] = orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()
    return texts
