"""Rows as tokens. The preview and training both call this, so what is shown is what is learned.

The prompt is a prefix of the example token by token; every answer is followed by exactly one end mark; with
``learn_from = answer`` only answers and their end marks carry loss. A seq2seq model is given prompt and answer apart:
only the answer carries loss.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Literal

from fintune_gui.dataset.chat_template import ChatTemplate
from fintune_gui.dataset.conversations import Message
from fintune_gui.dataset.formatting import to_messages
from fintune_gui.dataset.tokenizer import ModelTokenizer
from fintune_gui.project.document import FormatSettings, LearnFrom, Role, Task, Template
from fintune_gui.project.errors import DataError
from fintune_gui.project.seq2seq import wrong_task
from fintune_gui.project.settings import Frozen

__all__ = ["Encoded", "ModelTokenizer", "TokenSpan", "encode_prompt", "encode_row", "token_view"]

Row = Mapping[str, str | None]

UNCUT = 131072
"""A greatest length that no row reaches."""


@dataclass
class Encoded:
    """One row as the model sees it.

    Attributes:
        ids: Token numbers, at most ``max_length``.
        learned: For each token whether it carries loss; all False for classification, which learns from the label.
        special: For each token whether it is no text.
        cut_ids: Tokens beyond ``max_length``, which the model does not see.
        prompt: What a seq2seq model reads; all else is then what it writes, after the token that it begins with.
            Each of the two has at most ``max_length`` tokens, not counting that one.
    """

    ids: list[int]
    learned: list[bool]
    special: list[bool]
    cut_ids: list[int] = field(default_factory=list)
    prompt: Encoded | None = None

    @property
    def cut(self) -> int:
        """How many tokens were cut off."""
        return len(self.cut_ids)


SpanKind = Literal["trained", "context", "special", "cut", "part"]


class TokenSpan(Frozen):
    """One token for the token view."""

    text: str
    kind: SpanKind
    """ "trained": carries loss (end marks too); "special": no text and no loss; "part": no token, but a heading."""
    added: bool = False
    """Whether the user added it to the vocabulary."""


@dataclass
class _Example:
    """Tokens, and where in them the answers (with their end marks) lie: pairs of first token and end."""

    ids: list[int] = field(default_factory=list)
    answers: list[tuple[int, int]] = field(default_factory=list)

    def add(self, ids: list[int], *, answer: bool = False) -> None:
        if answer:
            self.answers.append((len(self.ids), len(self.ids) + len(ids)))
        self.ids += ids


def encode_row(tokenizer: ModelTokenizer, row: Row, format_: FormatSettings, task: Task) -> Encoded:
    """Encode one row; longer rows keep their start.

    Raises:
        DataError: if the row is no usable conversation, or the model has no chat template but the format wants it.
    """
    if not task.generates:
        text = row.get(format_.roles[Role.TEXT]) or ""
        return _only_read(tokenizer, text, format_.max_length)
    if tokenizer.start_id is not None:
        return _read_and_written(tokenizer, *_prompt_and_answer(row, format_, task), format_.max_length)
    example = _example(tokenizer, row, format_, task)
    learned = _learned(tokenizer, example, format_.learn_from)
    kept = example.ids[: format_.max_length]
    return Encoded(kept, learned[: len(kept)], _special(tokenizer, kept), example.ids[len(kept) :])


def encode_prompt(tokenizer: ModelTokenizer, row: Row, format_: FormatSettings, task: Task) -> tuple[list[int], str]:
    """What stands before the last answer, exactly as in `encode_row`, and the answer that is expected.

    For the task text the prompt is the first half of the text's tokens.

    Raises:
        DataError: as `encode_row`.
    """
    if tokenizer.start_id is not None:
        prompt, answer = _prompt_and_answer(row, format_, task)
        return _only_read(tokenizer, prompt, format_.max_length).ids, answer
    example = _example(tokenizer, row, format_, task)
    if task is Task.TEXT:
        text_ids = example.ids[: -1 if example.ids[-1:] == [tokenizer.eos_id] else None]
        half = max(len(tokenizer.opening_ids) + 1, len(text_ids) // 2)
        return text_ids[:half], tokenizer.decode(text_ids[half:])
    expected = next(m.content for m in reversed(to_messages(row, format_, task)) if m.role == "assistant")
    return example.ids[: example.answers[-1][0]], expected


def token_view(tokenizer: ModelTokenizer, encoded: Encoded) -> list[TokenSpan]:
    """The tokens of a row with their texts, for showing; of a seq2seq model what it reads, and then what it writes."""
    if encoded.prompt is not None:
        read, written = TokenSpan(text="The model reads", kind="part"), TokenSpan(text="The model writes", kind="part")
        answer = replace(encoded, prompt=None)
        return [read, *token_view(tokenizer, encoded.prompt), written, *token_view(tokenizer, answer)]
    kinds: list[SpanKind] = []
    for learned, special in zip(encoded.learned, encoded.special, strict=True):
        kinds.append("trained" if learned else "special" if special else "context")
    ids = encoded.ids + encoded.cut_ids
    kinds += ["cut"] * encoded.cut
    return [
        TokenSpan(text=text, kind=kind, added=number in tokenizer.added)
        for number, text, kind in zip(ids, tokenizer.pieces(ids), kinds, strict=True)
    ]


def _special(tokenizer: ModelTokenizer, ids: list[int]) -> list[bool]:
    return [number in tokenizer.special_ids for number in ids]


def _only_read(tokenizer: ModelTokenizer, text: str, max_length: int) -> Encoded:
    """A text that is read as a whole, with the special tokens around it; nothing in it carries loss."""
    ids, cut = tokenizer.cut_whole(text, max_length)
    return Encoded(ids, [False] * len(ids), _special(tokenizer, ids), cut)


def _read_and_written(tokenizer: ModelTokenizer, prompt: str, answer: str, max_length: int) -> Encoded:
    """Prompt and answer apart, as a seq2seq model wants them. An answer that is cut off has no end mark."""
    assert tokenizer.start_id is not None
    ids, _ = tokenizer.cut_whole(answer, UNCUT)
    ids = [tokenizer.start_id, *_with_end(tokenizer, ids)]
    kept = ids[: max_length + 1]
    special = [True, *_special(tokenizer, kept[1:])]
    learned = [False] + [True] * (len(kept) - 1)
    return Encoded(kept, learned, special, ids[len(kept) :], _only_read(tokenizer, prompt, max_length))


def _prompt_and_answer(row: Row, format_: FormatSettings, task: Task) -> tuple[str, str]:
    """What a seq2seq model reads, and what it shall write: the last answer. A system prompt stands before, as a prefix.

    Raises:
        DataError: if the row has no answer, or the task is another one than instruction.
    """
    if task is not Task.INSTRUCTION:
        raise DataError(
            "data.not_two_texts",
            f"The rows of the task {task.value} cannot be given to this model.",
            wrong_task(task),
            "Choose another model, or the objective instruction.",
        )
    messages = to_messages(row, format_, task)
    last = max(place for place, message in enumerate(messages) if message.role == "assistant")
    prefix = " ".join(message.content for message in messages[:last] if message.role == "system")
    said = "\n\n".join(message.content for message in messages[:last] if message.role != "system")
    return f"{prefix} {said}".strip(), messages[last].content


def _learned(tokenizer: ModelTokenizer, example: _Example, learn_from: LearnFrom) -> list[bool]:
    if learn_from is LearnFrom.ALL:
        opening = (
            len(tokenizer.opening_ids) if example.ids[: len(tokenizer.opening_ids)] == tokenizer.opening_ids else 0
        )
        return [place >= opening for place in range(len(example.ids))]
    learned = [False] * len(example.ids)
    for start, end in example.answers:
        learned[start:end] = [True] * (end - start)
    assert not any(learned[: example.answers[0][0]]), "the prompt must carry no loss"
    return learned


def _example(tokenizer: ModelTokenizer, row: Row, format_: FormatSettings, task: Task) -> _Example:
    if task is Task.TEXT:
        return _plain_text(tokenizer, row.get(format_.roles[Role.TEXT]) or "")
    messages = to_messages(row, format_, task)
    if format_.template is Template.MODEL and tokenizer.chat_template is None:
        raise no_chat_template()
    if tokenizer.chat_template is None or format_.template is Template.PLAIN:
        return _plain_turns(tokenizer, messages, task)
    return _from_template(tokenizer, tokenizer.chat_template, messages)


def no_chat_template() -> DataError:
    """The error for a format that wants a chat template of a model that has none."""
    return DataError(
        "data.no_chat_template",
        "The model has no chat template.",
        "It was not made for conversations, but the format asks for its template.",
        "Choose the plain template on the page Format, or another model.",
    )


def _plain_text(tokenizer: ModelTokenizer, text: str) -> _Example:
    """Every token of a plain text is learned, and where it ends."""
    example = _Example(list(tokenizer.opening_ids))
    example.add(_with_end(tokenizer, tokenizer.cut(text).ids), answer=True)
    return example


def _plain_turns(tokenizer: ModelTokenizer, messages: list[Message], task: Task) -> _Example:
    """Plain paragraphs. In a chat each turn is headed by who speaks; one question with one answer needs no heading."""
    example = _Example(list(tokenizer.opening_ids))
    context = ""
    for message in messages:
        heading = f"{message.role.capitalize()}:\n" if task is Task.CHAT else ""
        if message.role == "assistant":
            example.add(tokenizer.cut(context + heading).ids)
            example.add(_with_end(tokenizer, tokenizer.cut(message.content).ids), answer=True)
            context = "\n\n"
        else:
            context += f"{heading}{message.content}\n\n"
    return example  # what follows the last answer teaches nothing and is left out


def _with_end(tokenizer: ModelTokenizer, ids: list[int]) -> list[int]:
    return ids if tokenizer.eos_id is None or ids[-1:] == [tokenizer.eos_id] else [*ids, tokenizer.eos_id]


def _from_template(tokenizer: ModelTokenizer, template: ChatTemplate, messages: list[Message]) -> _Example:
    while messages[-1].role != "assistant":
        messages = messages[:-1]
    text = template.render(messages)
    turns = _answer_turns(template, messages, text)
    encoding = tokenizer.cut(text)
    ids, offsets = encoding.ids, encoding.offsets
    if not all(_is_prefix(tokenizer.cut(text[: turn.start]).ids, ids) for turn in turns):
        # a token reaches over the border between prompt and answer: cut the parts one by one
        ids, offsets = _cut_apart(tokenizer, text, [place for turn in turns for place in (turn.start, turn.end)])
    example, at = _Example(), 0
    for turn in turns:
        first = next((i for i in range(at, len(ids)) if offsets[i][0] >= turn.start), len(ids))
        end = _end_of_answer(tokenizer, ids, offsets, first, turn)
        example.add(ids[at:first])
        example.add(ids[first:end], answer=True)
        at = end
    example.add(ids[at:])
    _close_last_answer(tokenizer, example)
    return example


@dataclass(frozen=True)
class _Turn:
    """Where in the written conversation an answer begins, where its text ends, and where its turn ends."""

    start: int
    text_end: int
    end: int


def _answer_turns(template: ChatTemplate, messages: list[Message], text: str) -> list[_Turn]:
    turns: list[_Turn] = []
    for number, message in enumerate(messages):
        if message.role != "assistant":
            continue
        searched_from = turns[-1].end if turns else 0
        answer = message.content.strip()
        before = template.render(messages[:number], ask=True) if number else ""
        upto = template.render(messages[: number + 1])
        if text.startswith(before) and text.startswith(upto) and len(before) >= searched_from:
            found = text.find(answer, len(before), len(upto))
            text_end = found + len(answer) if found >= 0 else len(before)
            turns.append(_Turn(len(before), text_end, len(upto)))
            continue
        # the template writes earlier turns in another way than the last one, so look for the answer itself
        found = text.find(answer, searched_from)
        if found < 0:
            raise DataError(
                "data.template_refuses",
                "The model's chat template changes or drops an answer.",
                f"The answer “{answer[:60]}” is not in the text that the template writes.",
                "Choose the plain template on the page Format, or mend the row.",
            )
        following = next((text.find(m.content.strip(), found + len(answer)) for m in messages[number + 1 :]), len(text))
        turns.append(_Turn(found, found + len(answer), following if following >= 0 else len(text)))
    return turns


def _end_of_answer(
    tokenizer: ModelTokenizer, ids: list[int], offsets: list[tuple[int, int]], first: int, turn: _Turn
) -> int:
    """The place after the answer's end mark; after its last token if the template writes no end mark."""
    end = first
    for place in range(first, len(ids)):
        start, stop = offsets[place]
        if start >= turn.end:
            break
        if start >= turn.text_end and ids[place] in tokenizer.special_ids:
            return place + 1
        if stop <= turn.text_end or start < turn.text_end:
            end = place + 1
    return end


def _close_last_answer(tokenizer: ModelTokenizer, example: _Example) -> None:
    """Give the last answer an end mark if the template wrote none, or the model would never learn to stop."""
    start, end = example.answers[-1]
    closed = end > start and example.ids[end - 1] in tokenizer.special_ids
    if not closed and tokenizer.eos_id is not None:
        example.ids[end:] = [tokenizer.eos_id]
        example.answers[-1] = (start, end + 1)


def _is_prefix(prefix: list[int], ids: list[int]) -> bool:
    return ids[: len(prefix)] == prefix


def _cut_apart(tokenizer: ModelTokenizer, text: str, places: list[int]) -> tuple[list[int], list[tuple[int, int]]]:
    """Tokens of the parts of `text` between `places`, with their offsets in the whole text."""
    ids: list[int] = []
    offsets: list[tuple[int, int]] = []
    borders = [0, *places, len(text)]
    for start, end in pairwise(borders):
        encoding = tokenizer.cut(text[start:end])
        ids += encoding.ids
        offsets += [(start + low, start + high) for low, high in encoding.offsets]
    return ids, offsets
