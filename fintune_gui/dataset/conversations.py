"""Conversations as canonical JSON text: ``[{"role": "user", "content": "..."}, ...]``.

Speakers' names are mapped to the four roles of chat templates, and keys come in a fixed order, so that equal
conversations are equal texts. What else a turn carries (its tool calls, its weight, a name) stays in it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any

import orjson
from pydantic import Field

from fintune_gui.project.settings import Frozen

ROLES = {
    "user": "user",
    "human": "user",
    "prompter": "user",
    "assistant": "assistant",
    "gpt": "assistant",
    "model": "assistant",
    "bot": "assistant",
    "ai": "assistant",
    "chatbot": "assistant",
    "chatgpt": "assistant",
    "function_call": "assistant",
    "system": "system",
    "developer": "system",
    "tool": "tool",
    "tool_response": "tool",
    "function": "tool",
    "function_response": "tool",
    "observation": "tool",
}
"""The names that people use for the speakers of a conversation, and what chat templates call them."""

_SPEAKER_KEYS = ("role", "from")
_TEXT_KEYS = ("content", "value")
_EXTRAS_FIRST = ("name", "tool_calls", "tool_call_id", "weight")
"""In this order after role and content; other keys follow by name."""

_CHATML_TURN = re.compile(r"<\|im_start\|>[ \t]*([^\n<]*)\n(.*?)(?:<\|im_end\|>|\Z)\s*", re.DOTALL)
_CHATML_START = "<|im_start|>"


class Message(Frozen):
    """One turn of a conversation."""

    role: str
    """"system", "user", "assistant" or "tool"."""
    content: str
    extras: dict[str, Any] = Field(default_factory=dict, exclude=True)
    """What else the turn carries: tool_calls, tool_call_id, name, weight."""

    @property
    def calls_tools(self) -> bool:
        return bool(self.extras.get("tool_calls"))


Turn = Message
"""What a conversation view shows: ``role`` and ``content``."""


class BadConversation(ValueError):
    """A value that is no conversation; its text says why, for people."""


def is_conversation(value: Any) -> bool:
    """Whether `value` looks like a list of turns, well-formed or not."""
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(turn, dict) for turn in value)
        and any(_speaker_key(turn) is not None for turn in value)
    )


def parse_turns(value: Any) -> list[Message]:
    """The turns in a list of objects with role/content (OpenAI) or from/value (ShareGPT).

    Raises:
        BadConversation: for an unknown speaker or a turn without text.
    """
    if not isinstance(value, list):
        raise BadConversation("The conversation is no list of turns")
    if not value:
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


def parse_chatml(text: str) -> list[Message] | None:
    """The turns of a ChatML text (``<|im_start|>role ... <|im_end|>``); None if it is not wholly written like that."""
    if not text.lstrip().startswith(_CHATML_START):
        return None
    messages: list[Message] = []
    at = len(text) - len(text.lstrip())
    while at < len(text):
        turn = _CHATML_TURN.match(text, at)
        role = ROLES.get(turn[1].strip().lower()) if turn else None
        if turn is None or role is None or _CHATML_START in turn[2]:
            return None
        messages.append(Message(role=role, content=turn[2].removesuffix("\n")))
        at = turn.end()
    return messages


def to_text(messages: Sequence[Message]) -> str:
    """Canonical JSON text: equal conversations give equal text."""
    turns = [{"role": message.role, "content": message.content} | _ordered(message.extras) for message in messages]
    return orjson.dumps(turns).decode()


def canonical_text(value: Any) -> str:
    """`to_text` of `parse_turns`, several times as fast for plain turns.

    Raises:
        BadConversation: as `parse_turns`.
    """
    plain = [_plain_turn(turn) for turn in value] if isinstance(value, list) else []
    return orjson.dumps(plain).decode() if plain and None not in plain else to_text(parse_turns(value))


def conversation_of(text: str | None) -> list[Turn] | None:
    """The turns of a cell that holds a canonical conversation; None for any other text. Never raises."""
    if not text or not text.lstrip().startswith("[{"):
        return None
    try:
        return parse_text(text)
    except BadConversation:
        return None


def with_turn(text: str, number: int, content: str) -> str:
    """The canonical text of a conversation in which turn `number` (from 0) says `content`.

    Raises:
        BadConversation: if `text` is no conversation.
        IndexError: if it has no such turn.
    """
    messages = parse_text(text)
    messages[number] = messages[number].model_copy(update={"content": content})
    return to_text(messages)


def _plain_turn(turn: Any) -> dict[str, str] | None:
    """A turn that has nothing but a known role and a text; None for any other."""
    if not isinstance(turn, dict) or len(turn) != 2:
        return None
    speaker, text = (turn["from"], turn.get("value")) if "from" in turn else (turn.get("role"), turn.get("content"))
    role = ROLES.get(speaker) if isinstance(speaker, str) else None
    return {"role": role, "content": text} if role and isinstance(text, str) else None


def _speaker_key(turn: dict[str, Any]) -> str | None:
    return next((key for key in _SPEAKER_KEYS if isinstance(turn.get(key), str)), None)


def _message(turn: Any, number: int) -> Message:
    if not isinstance(turn, dict):
        raise BadConversation(f"Turn {number} of the conversation is no object with a role and a text")
    speaker_key = _speaker_key(turn)
    if speaker_key is None:
        raise BadConversation(f"Turn {number} does not say whose it is: it has neither “role” nor “from”")
    role = ROLES.get(turn[speaker_key].strip().lower())
    if role is None:
        raise BadConversation(f"Turn {number} has the unknown role “{turn[speaker_key]}”{_meant(turn[speaker_key])}")
    text_key = next((key for key in _TEXT_KEYS if turn.get(key) is not None), None)
    content = turn[text_key] if text_key else None
    if isinstance(content, list):
        content = _joined_parts(content, number)
    if content is None and turn.get("tool_calls"):
        content = ""  # a turn that only calls tools says nothing
    if content is None:
        raise BadConversation(f"Turn {number} ({role}) has no text")
    if not isinstance(content, str):
        raise BadConversation(
            f"The text of turn {number} ({role}) is no text but {orjson.dumps(content).decode()[:40]}"
        )
    used = {speaker_key, text_key, *_TEXT_KEYS}
    extras = {key: value for key, value in turn.items() if key not in used and value is not None}
    return Message(role=role, content=content, extras=extras)


def _meant(speaker: str) -> str:
    """For a misspelt role the one that was perhaps meant."""
    close = get_close_matches(speaker.strip().lower(), ROLES, n=1)
    return f"; perhaps “{close[0]}” is meant" if close else ""


def _joined_parts(parts: list[Any], number: int) -> str:
    texts = [part.get("text") for part in parts if isinstance(part, dict) and part.get("type") == "text"]
    if len(texts) != len(parts) or not all(isinstance(text, str) for text in texts):
        raise BadConversation(f"Turn {number} holds something other than text, for example an image")
    return "".join(str(text) for text in texts)


def _ordered(extras: dict[str, Any]) -> dict[str, Any]:
    names = [name for name in _EXTRAS_FIRST if name in extras] + sorted(extras.keys() - set(_EXTRAS_FIRST))
    return {name: extras[name] for name in names}
