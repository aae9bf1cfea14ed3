"""A model's chat template: untrusted code that came with a download, run in a sandbox exactly as transformers does."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import jinja2
from jinja2 import nodes
from jinja2.ext import Extension, loopcontrols
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment

from fintune_gui.dataset.conversations import Message
from fintune_gui.project.errors import DataError, ModelError


class _GenerationBlock(Extension):
    """``{% generation %}`` marks answers for other programs; here its content is simply written."""

    tags = {"generation"}  # noqa: RUF012 - jinja2 declares it as an instance attribute

    def parse(self, parser: Parser) -> list[nodes.Node]:
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


def _raise_exception(message: str) -> None:
    raise jinja2.TemplateError(message)


def _tojson(
    value: Any, ensure_ascii: bool = False, indent: int | None = None, separators: tuple[str, str] | None = None,
    sort_keys: bool = False,
) -> str:  # fmt: skip
    """Unlike jinja's own filter it leaves HTML signs alone; models were trained on it like that."""
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


def _strftime_now(pattern: str) -> str:
    return datetime.now().strftime(pattern)  # noqa: DTZ005 - templates mean the local date


class ChatTemplate:
    """Writes conversations the way a model expects them.

    Args:
        source: The template's text.
        special_tokens: Names and texts that the template may use, for example ``bos_token``.

    Raises:
        ModelError: if the template cannot be compiled.
    """

    def __init__(self, source: str, special_tokens: dict[str, str]) -> None:
        environment = ImmutableSandboxedEnvironment(
            trim_blocks=True, lstrip_blocks=True, extensions=[_GenerationBlock, loopcontrols]
        )
        environment.filters["tojson"] = _tojson
        environment.globals["raise_exception"] = _raise_exception
        environment.globals["strftime_now"] = _strftime_now
        self._special_tokens = special_tokens
        try:
            self._template = environment.from_string(source)
        except jinja2.TemplateError as error:
            raise ModelError(
                "model.bad_template",
                "The model's chat template cannot be used.",
                f"It has a mistake: {error}.",
                "Choose the plain template on the page Format, or another model.",
            ) from error

    def render(self, messages: list[Message], *, ask: bool = False) -> str:
        """The text of a conversation. With `ask` it ends where the model shall begin to answer.

        A system message is put before the first user message where the template refuses system messages.

        Raises:
            DataError: if the template refuses the conversation, for example because two user turns follow each other.
        """
        try:
            return self._render(messages, ask=ask)
        except jinja2.TemplateError as error:
            if len(messages) > 1 and messages[0].role == "system" and messages[1].role == "user":
                joined = f"{messages[0].content}\n\n{messages[1].content}"
                return self.render([Message(role="user", content=joined), *messages[2:]], ask=ask)
            raise DataError(
                "data.template_refuses",
                "The model's chat template refuses a row.",
                f"It says: {error}.",
                "Mend the order of the turns in this row, or choose the plain template on the page Format.",
            ) from error

    def _render(self, messages: list[Message], *, ask: bool) -> str:
        turns = [{"role": message.role, "content": message.content} for message in messages]
        return self._template.render(
            messages=turns, tools=None, documents=None, add_generation_prompt=ask, **self._special_tokens
        )
