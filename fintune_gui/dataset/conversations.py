"""Conversations as canonical JSON text: ``[{"role": "user", "content": "..."}, ...]``."""

from __future__ import annotations

from typing import Any

import orjson

from fintune_gui.project.settings import Frozen

ROLES = {
    "user": "user",
    "human": "user",
    "prompter": "user",
    "assistant": "assistant",
    "gpt": "assistant",
    "model": "assistant",
    "bot": "assistant",
    "chatgpt": "assistant",
    "system": "system",
    "developer": "system",
    "tool": "tool",
    "function": "tool",
    "observation": "tool",
}
"""The names that people use for the speakers of a conversation, and what chat templates call them."""


class Message(Frozen):
    """One turn of a conversation."""

    role: str
    """"system", "user", "assistant" or "tool"."""
    content: str


class BadConversation(ValueError):
    """A value that is no conversation; its text says why, for people."""


def is_conversation(value: Any) -> bool:
    """Whether `value` looks like a list of turns, well-formed or not."""
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(turn, dict) and (turn.keys() & {"role", "from"}) for turn in value)
    )


def parse_turns(value: Any) -> list[Message]:
    """The turns in a list of objects with role/content (OpenAI) or from/value (ShareGPT).

    Raises:
        BadConversation: for an unknown speaker or a turn without text.
    """
    if not isinstance(value, list) or not value:
        raise BadConversation("The conversation is empty")
    return [_message(turn, number) for number, turn in enumerate(value, start=1)]


def parse_text(text: str) -> list[Message]:
    """The turns in the text of a cell.

    Raises:
        BadConversation: if the text is not a conversation.
    """
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise BadConversation(f"The conversation is not valid JSON: {error.msg}") from None
    return parse_turns(value)


def to_text(messages: list[Message]) -> str:
    """Canonical JSON text: equal conversations give equal text."""
    return orjson.dumps([{"role": message.role, "content": message.content} for message in messages]).decode()


def _message(turn: Any, number: int) -> Message:
    if not isinstance(turn, dict):
        raise BadConversation(f"Turn {number} of the conversation is no object with a role and a text")
    speaker = turn.get("role", turn.get("from"))
    role = ROLES.get(str(speaker).strip().lower())
    if role is None:
        raise BadConversation(f"Turn {number} has the unknown role “{speaker}”")
    content = turn.get("content", turn.get("value"))
    if isinstance(content, list):
        content = _joined_parts(content, number)
    if not isinstance(content, str):
        why = " but calls a tool, which cannot be learned yet" if turn.get("tool_calls") else ""
        raise BadConversation(f"Turn {number} ({role}) has no text{why}")
    return Message(role=role, content=content)


def _joined_parts(parts: list[Any], number: int) -> str:
    texts = [part.get("text") for part in parts if isinstance(part, dict) and part.get("type") == "text"]
    if len(texts) != len(parts) or not all(isinstance(text, str) for text in texts):
        raise BadConversation(f"Turn {number} holds something other than text, for example an image")
    return "".join(str(text) for text in texts)
