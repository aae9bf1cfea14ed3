"""What added tokens do for real rows, and which ones would be worth adding: tags, and words that are torn to pieces.

A token is worth its place when it stands in many rows, or nothing can be learned for it, and when rows become shorter.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from fintune_gui.dataset.encoding import ModelTokenizer, Row
from fintune_gui.dataset.formatting import to_messages, usable_rows
from fintune_gui.dataset.measuring import sample_rows
from fintune_gui.dataset.store import Dataset
from fintune_gui.dataset.tokenizer import as_added
from fintune_gui.project.document import FormatSettings, Role, Task, may_be_token
from fintune_gui.project.errors import DataError

ROWS_READ = 1000
_MARKS = re.compile(r"<[/|]?[\w:./ -]{1,40}?[/|]?>|\[[A-Z][A-Z0-9_/ -]{1,30}\]|\{\{?\w{1,30}\}?\}")
_WORDS = re.compile(r"[^\W_][\w.+#-]{2,}[^\W_]")
_FEWEST = 5
"""A token that is rarer teaches nothing."""
_LEAST_PIECES = 3
_TRIED = 40
_SUGGESTED = 6


@dataclass(frozen=True)
class TokenUse:
    """One token in the rows that were read.

    Attributes:
        times: How often it stands there.
        saved: By how many tokens the rows are shorter with it alone.
        one_piece: Whether the model has it as one piece anyway, so that nothing is added.
    """

    text: str
    times: int
    saved: int
    one_piece: bool = False


@dataclass(frozen=True)
class TokenUses:
    """What was found in a sample of the rows.

    Attributes:
        rows: Rows that were read.
        tokens: Tokens that they have without any added one.
    """

    rows: int
    tokens: int
    added: tuple[TokenUse, ...]
    suggested: tuple[TokenUse, ...]


def find_token_uses(
    dataset: Dataset,
    tokenizer: ModelTokenizer,
    format_: FormatSettings,
    task: Task,
    *,
    suggest: bool = True,
    check_cancelled: Callable[[], None] = lambda: None,
) -> TokenUses:
    """Read a sample of the rows. `tokenizer` is the model's own, without added tokens.

    Raises:
        CancelledError: from `check_cancelled`, which is asked again and again.
    """
    usable = np.flatnonzero(usable_rows(dataset, format_, task)).astype(np.int64)
    chosen = sample_rows(usable, ROWS_READ)
    texts = [text for _, row in dataset.rows(chosen) for text in _texts(row, format_, task) if text]
    lengths = []
    for text in texts:
        check_cancelled()
        lengths.append(len(tokenizer.cut(text).ids))
    counted = list(zip(texts, lengths, strict=True))
    added = [_use(tokenizer, token, counted) for token in format_.added_tokens]
    suggested: list[TokenUse] = []
    for candidate in _candidates(tokenizer, texts, set(format_.added_tokens)) if suggest else ():
        check_cancelled()
        use = _use(tokenizer, candidate, counted)
        if use.times >= _FEWEST and use.saved >= use.times:
            suggested.append(use)
    suggested.sort(key=lambda use: -use.saved)
    return TokenUses(len(chosen), sum(lengths), tuple(added), tuple(suggested[:_SUGGESTED]))


def _texts(row: Row, format_: FormatSettings, task: Task) -> Iterable[str]:
    """What the model reads and writes of a row; nothing of one that is no usable conversation."""
    if not task.generates or task is Task.TEXT:
        return [row.get(format_.roles[Role.TEXT]) or ""]
    try:
        return [message.content for message in to_messages(row, format_, task)]
    except DataError:
        return []


def _candidates(tokenizer: ModelTokenizer, texts: list[str], known: set[str]) -> list[str]:
    """Marks and torn words that are not rare, those that promise most first."""
    marks = Counter(mark for text in texts for mark in _MARKS.findall(text))
    words = Counter(word for text in texts for word in _WORDS.findall(_MARKS.sub(" ", text)))
    promised = {}
    for found, least in ((marks, 2), (words, _LEAST_PIECES)):
        for text, times in found.items():
            if times >= _FEWEST and text not in known and may_be_token(text):
                pieces = len(tokenizer.cut(f" {text}").ids)
                if pieces >= least:
                    promised[text] = times * (pieces - 1)
    return sorted(promised, key=lambda text: -promised[text])[:_TRIED]


def _use(tokenizer: ModelTokenizer, token: str, texts: list[tuple[str, int]]) -> TokenUse:
    """Count a token: a text is cut around it as the tokenizer would, and the parts are cut apart."""
    one_piece = tokenizer.is_one_piece(token)
    as_found = as_added(token, tokenizer.normalizer)
    around = r"(?<!\w)", r"(?!\w)"
    pattern = re.escape(token).join(around) if as_found.single_word else re.escape(token)
    finder = re.compile(pattern, re.IGNORECASE if as_found.normalized else re.NOFLAG)
    times = saved = 0
    for text, length in texts:
        parts = finder.split(text)
        if len(parts) > 1:
            times += len(parts) - 1
            saved += length - (len(parts) - 1) - sum(len(tokenizer.cut(part).ids) for part in parts if part)
    return TokenUse(token, times, 0 if one_piece else saved, one_piece)
