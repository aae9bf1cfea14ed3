"""Known shapes of rows, and turning what a file holds into columns of text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import orjson

from fintune_gui.dataset import conversations
from fintune_gui.dataset.conversations import BadConversation, parse_chatml
from fintune_gui.dataset.json_rows import CONVERSATION_KEYS
from fintune_gui.dataset.wording import free_name
from fintune_gui.project.settings import Frozen

MESSAGES = "messages"
"""The column into which conversations go."""
RESERVED = ("row_id",)
"""Names that snapshots need for themselves; a column of this name is renamed."""

PREFERENCE_KEYS = ("prompt", "completion", "chosen", "rejected", "input", "preferred_output", "non_preferred_output")
"""Columns that hold a text or a conversation; they keep their names."""

CHOSEN_NAMES = ("chosen", "chosen_response", "response_chosen", "preferred_output", "preferred")
REJECTED_NAMES = ("rejected", "rejected_response", "response_rejected", "non_preferred_output", "dispreferred")
_KTO_NAMES = ("label", "kto_tag")

QUESTION_NAMES = ("question", "prompt", "query", "instruction", "user", "input", "request", "message_1", "frage")
ANSWER_NAMES = (
    "answer", "output", "response", "completion", "reply", "generation", "assistant", "target", "solution",
    "message_2", "antwort",
)  # fmt: skip
TEXT_NAMES = (
    "text", "message", "content", "sentence", "review", "body", "comment", "description", "title", "tweet", "sentence1",
)  # fmt: skip
LABEL_NAMES = ("label", "category", "topic", "class", "intent", "sentiment", "target", "tag", "labels", "label_text")

_EXACT_PAIRS = (
    ("question", "answer"),
    ("query", "response"),
    ("instruction", "response"),
    ("article", "summary"),
    ("prompt", "generation"),
    ("message_1", "message_2"),
    ("input", "output"),
    ("frage", "antwort"),
)
"""Question and answer as well-known collections name them."""


class Recognised(Frozen):
    """What the rows of a file seem to be, to be shown and to be overruled.

    Attributes:
        name: For example "Alpaca".
        sure: 0 (a guess) to 1 (the names and the values of all sampled rows agree).
        why: One sentence.
        columns: The columns that made it known.
        advice: What training does with it where that is not plain; may be empty.
    """

    name: str
    sure: float
    why: str
    columns: tuple[str, ...]
    advice: str = ""


Row = Mapping[str, Any]


def recognise(rows: Sequence[Row]) -> Recognised | None:
    """The known format that `rows` have, as read (before `as_texts`) or as columns of text; None for any other."""
    if not rows:
        return None
    for check in _CHECKS:
        if found := check(_Sample(rows)):
            return found
    return None


class _Sample:
    """The rows by their names in lower case, as files differ in that only."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self.rows = [{str(name).strip().lower(): value for name, value in row.items()} for row in rows]
        self.names = {name for row in self.rows for name in row}
        self.shown = {str(name).strip().lower(): str(name) for row in rows for name in row}

    def share(self, holds: Callable[[Row], bool]) -> float:
        return sum(map(holds, self.rows)) / len(self.rows)

    def first(self, names: Sequence[str]) -> str | None:
        return next((name for name in names if name in self.names), None)

    def found(self, name: str, names: Sequence[str], why: str, sure: float, advice: str = "") -> Recognised:
        missing = self.share(lambda row: any(row.get(column) is None for column in names))
        if missing:
            why += f", but {missing:.0%} of the rows lack one of them"
        return Recognised(
            name=name,
            sure=round(sure * (1 - missing / 2), 2),
            why=f"{why}.",
            columns=tuple(self.shown[column] for column in names),
            advice=advice,
        )


def _turns(value: Any) -> list[Any] | None:
    """The turns of a value that is a conversation, also as JSON text."""
    if isinstance(value, str) and value.lstrip().startswith("[{"):
        try:
            value = orjson.loads(value)
        except orjson.JSONDecodeError:
            return None
    return value if isinstance(value, list) and conversations.is_conversation(value) else None


def _quoted(names: Sequence[str]) -> str:
    return " and ".join(f"“{name}”" for name in names)


def _preference(sample: _Sample) -> Recognised | None:
    chosen, rejected = sample.first(CHOSEN_NAMES), sample.first(REJECTED_NAMES)
    if chosen is None or rejected is None:
        return None
    asked = sample.first((*CONVERSATION_KEYS, *QUESTION_NAMES))
    names = [name for name in (asked, chosen, rejected) if name]
    kind = "conversations" if any(_turns(row.get(chosen)) or _turn(row.get(chosen)) for row in sample.rows) else "texts"
    where = "what was asked stands in its own column" if asked else "what was asked is part of both answers"
    if chosen == "preferred_output" and asked == "input":
        return sample.found("OpenAI preference pairs", names, f"The columns are {_quoted(names)}", 1.0, _REJECTED)
    return sample.found(
        "preference pairs" if asked else "preference pairs without a prompt",
        names,
        f"There is a better and a worse answer ({_quoted((chosen, rejected))}, {kind}), and {where}",
        0.95 if chosen == "chosen" else 0.85,
        _REJECTED,
    )


_REJECTED = "Training learns the better answers; the rejected ones are not trained."


def _kto(sample: _Sample) -> Recognised | None:
    mark = sample.first(_KTO_NAMES)
    asked, answered = sample.first(("prompt", "instruction")), sample.first(("completion", "output"))
    if mark is None or asked is None or answered is None:
        return None
    truths = sample.share(lambda row: str(row.get(mark)).lower() in ("true", "false"))
    if truths < 0.9:
        return None
    names = (asked, answered, mark)
    advice = f"Training learns every answer; remove the rows whose “{mark}” is false, or bad answers are learned too."
    return sample.found("KTO", names, f"Each answer is marked as good or bad by “{mark}”", 0.95, advice)


def _conversation(sample: _Sample) -> Recognised | None:
    key = sample.first(CONVERSATION_KEYS)
    if key is None:
        return None
    turns = [turn for row in sample.rows for turn in _turns(row.get(key)) or []]
    share = sample.share(lambda row: _turns(row.get(key)) is not None)
    if not turns or not share:
        return None
    counts = Counter("from" if isinstance(turn, dict) and "from" in turn else "role" for turn in turns)
    style = "ShareGPT" if counts["from"] > counts["role"] else "OpenAI messages"
    pair = "from and value" if style == "ShareGPT" else "role and content"
    why = f"“{key}” holds lists of turns with {pair}"
    if style == "ShareGPT" or key != MESSAGES:
        why += f"; they go into the column “{MESSAGES}” with the roles user, assistant, system and tool"
    advice = []
    if "tools" in sample.names or any(isinstance(turn, dict) and turn.get("tool_calls") for turn in turns):
        advice.append("Calls of tools are kept, but answers that only call a tool cannot be learned yet.")
    if any(isinstance(turn, dict) and turn.get("weight") == 0 for turn in turns):
        advice.append("Some answers have the weight 0; it is kept, but training learns from them too.")
    sure = (1.0 if style == "ShareGPT" or key == MESSAGES else 0.9) * share
    return sample.found(style, (key,), why, sure, " ".join(advice))


def _chatml(sample: _Sample) -> Recognised | None:
    for name in sorted(sample.names):
        share = chatml_share([row.get(name) for row in sample.rows])
        if share >= 0.5:
            why = f"“{name}” holds conversations written with <|im_start|> and <|im_end|>"
            advice = f"They are read into the column “{MESSAGES}”; the texts stay in “{name}”."
            return sample.found("ChatML text", (name,), why, share, advice if share == 1 else "")
    return None


def _alpaca(sample: _Sample) -> Recognised | None:
    if not {"instruction", "output"} <= sample.names:
        return None
    names = [name for name in ("instruction", "input", "output") if name in sample.names]
    others = [name for name in ("system", "history") if name in sample.names]
    known = f"The columns are {_quoted([*names, *others])}, as in Alpaca"
    advice = "The earlier turns in “history” are kept, but not trained." if "history" in others else ""
    required = [name for name in names if name != "input"]
    found = sample.found("Alpaca", required, known, 1.0 if "input" in names else 0.9, advice)
    return found.model_copy(update={"columns": tuple(sample.shown[name] for name in [*names, *others])})


def _prompt_completion(sample: _Sample) -> Recognised | None:
    if not {"prompt", "completion"} <= sample.names:
        return None
    return sample.found("prompt and completion", ("prompt", "completion"), "The columns have these names", 1.0)


def _exact_pair(sample: _Sample) -> Recognised | None:
    pair = next((pair for pair in _EXACT_PAIRS if set(pair) <= sample.names), None)
    if pair is None:
        return None
    name = "article and summary" if pair[0] == "article" else "question and answer"
    return sample.found(name, pair, f"The columns are {_quoted(pair)}", 0.95)


def _text_label(sample: _Sample) -> Recognised | None:
    text, label = sample.first(TEXT_NAMES), sample.first(LABEL_NAMES)
    if text is None or label is None or text == label:
        return None
    values = [str(row[label]) for row in sample.rows if row.get(label) not in (None, "")]
    repeated = bool(values) and (len(set(values)) <= max(len(values) / 2, 1))
    why = f"“{text}” looks like a text by its name and “{label}” like a label"
    why += ", and its values recur" if repeated else ", though its values hardly recur in the first rows"
    exact = text in ("text", "sentence") and label == "label"
    return sample.found("text and label", (text, label), why, (0.95 if exact else 0.8) - (0 if repeated else 0.3))


def _keyword_pair(sample: _Sample) -> Recognised | None:
    asked = sample.first(QUESTION_NAMES)
    answered = next((name for name in ANSWER_NAMES if name in sample.names and name != asked), None)
    if asked is None or answered is None:
        return None
    why = f"“{asked}” sounds like a question and “{answered}” like an answer"
    return sample.found("question and answer", (asked, answered), why, 0.7)


def _text_only(sample: _Sample) -> Recognised | None:
    if sample.names != {"text"}:
        return None
    return sample.found("plain text", ("text",), "There is one column, “text”", 0.8)


_CHECKS: tuple[Callable[[_Sample], Recognised | None], ...] = (
    _preference, _kto, _conversation, _chatml, _alpaca, _prompt_completion, _exact_pair, _text_label, _keyword_pair,
    _text_only,
)  # fmt: skip
"""From the most telling to the least: a file with both "messages" and "prompt" is a file of messages."""


def chatml_share(values: Sequence[Any]) -> float:
    """The share of the values that are ChatML texts, empty ones left out; 0 if there are none."""
    texts = [value for value in values if isinstance(value, str) and value.strip()]
    return sum(parse_chatml(text) is not None for text in texts) / len(texts) if texts else 0.0


def chatml_column(rows: Sequence[Row]) -> str | None:
    """The column whose texts are all ChatML, so that they can be read as conversations; None if there is none.

    The texts stay as they are, and the conversations go into `MESSAGES`: they say the same in another way, and only
    the user knows which of the two is wanted. A table that has `MESSAGES` already is left alone.
    """
    names = {name for row in rows for name in row}
    if MESSAGES in names:
        return None
    return next((name for name in sorted(names) if chatml_share([row.get(name) for row in rows]) == 1), None)


def with_chatml(texts: dict[str, str | None], column: str) -> dict[str, str | None]:
    """The row with the conversation in `column` added as `MESSAGES`.

    Raises:
        BadConversation: if the text is not ChatML.
    """
    text = texts.get(column)
    if text is None or not text.strip():
        return texts | {MESSAGES: None}
    messages = parse_chatml(text)
    if messages is None:
        raise BadConversation(f"“{column}” is no ChatML text, unlike in the first rows")
    return texts | {MESSAGES: conversations.to_text(messages)}


def as_texts(values: Row) -> dict[str, str | None]:
    """A row as read, as columns of text. Nested values become JSON text; a conversation becomes ``messages``.

    Raises:
        BadConversation: if the row holds a conversation that cannot be used.
    """
    texts: dict[str, str | None] = {}
    for name, value in values.items():
        column = column_of(name, value)
        if column in texts:  # for example both "messages" and "conversations"
            column = free_name(name, texts)
        if column == "input" and _is_openai_input(value):
            texts[column] = conversations.canonical_text(value["messages"])
            for other, inner in value.items():
                if other != "messages":
                    texts[other if other not in values else f"input_{other}"] = cell_text(other, inner)
        else:
            texts[column] = cell_text(name, value)
    return texts


def column_of(name: str, value: Any) -> str:
    """The column into which a value goes."""
    if name in CONVERSATION_KEYS and conversations.is_conversation(value):
        return MESSAGES
    return f"{name}_column" if name in RESERVED else name or "column"


def cell_text(name: str, value: Any) -> str | None:
    """The text of a value.

    Raises:
        BadConversation: if the value is a conversation that cannot be used.
    """
    if isinstance(value, str) or value is None:
        return value
    if name in CONVERSATION_KEYS or name in PREFERENCE_KEYS:
        turns = [value] if _turn(value) else value
        if conversations.is_conversation(turns):
            return conversations.canonical_text(turns)
        if name == MESSAGES and value == []:
            raise BadConversation("The conversation is empty")
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()


def _turn(value: Any) -> bool:
    """Whether `value` is one turn alone, as some preference pairs have it."""
    return isinstance(value, dict) and len(value) <= 3 and conversations.is_conversation([value])


def _is_openai_input(value: Any) -> bool:
    return isinstance(value, dict) and conversations.is_conversation(value.get("messages"))
