"""Tokens that the user adds to a model's vocabulary, as they are written in the window and on the command line."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from fintune_gui.project.document import LONGEST_ADDED_TOKEN, MOST_ADDED_TOKENS, may_be_token
from fintune_gui.project.errors import DataError


class Use(Protocol):
    """One token in some rows: `fintune_gui.dataset.token_use.TokenUse`."""

    @property
    def text(self) -> str: ...
    @property
    def times(self) -> int: ...
    @property
    def saved(self) -> int: ...
    @property
    def one_piece(self) -> bool: ...


def token_words(use: Use) -> str:
    """What a token does, in one sentence."""
    if use.one_piece:
        return f"“{use.text}” is one piece for this model anyway: nothing is added."
    if not use.times:
        return f"“{use.text}” stands nowhere: nothing can be learned for it."
    stands = f"“{use.text}” stands {use.times:,} time{'s' if use.times != 1 else ''}"
    if use.saved <= 0:
        return f"{stands} and saves no token."
    return f"{stands} and saves {use.saved:,} token{'s' if use.saved != 1 else ''}."


def tokens_in(lines: str) -> tuple[str, ...]:
    """The tokens in a text of one token a line.

    Raises:
        DataError: as `change_tokens`.
    """
    return change_tokens((), lines.splitlines())


def change_tokens(present: Sequence[str], added: Iterable[str], removed: Iterable[str] = ()) -> tuple[str, ...]:
    """The tokens after some were added and some taken away; each once, in the order in which they came.

    Raises:
        DataError: if a text cannot be a token, there would be too many, or one to be taken away is not there.
    """
    wanted = [text.strip() for text in added]
    wrong = [text for text in wanted if text and not may_be_token(text)]
    if wrong:
        raise DataError(
            "data.bad_token",
            f"“{wrong[0][:80]}” cannot be added as a token.",
            f"A token stands in one line and has at most {LONGEST_ADDED_TOKEN} characters.",
            "Shorten it, or add only the part that always stays the same.",
        )
    gone = {text.strip() for text in removed}
    if unknown := sorted(gone - set(present)):
        raise DataError(
            "data.no_token",
            f"“{unknown[0]}” is not among the added tokens.",
            "These are: " + ", ".join(f"“{text}”" for text in present) + "." if present else "None was added yet.",
            "Write it as it stands there.",
        )
    tokens = tuple(text for text in dict.fromkeys([*present, *filter(None, wanted)]) if text not in gone)
    if len(tokens) > MOST_ADDED_TOKENS:
        raise DataError(
            "data.too_many_tokens",
            f"{len(tokens):,} tokens are more than can be added.",
            f"At most {MOST_ADDED_TOKENS} are possible: each has to be learned from your rows alone.",
            "Keep those that occur most often.",
        )
    return tokens
