"""The text of a filter taken apart into the conditions that all have to hold, and put together again.

It knows no more of the filter language than brackets, quotes and the words that join, so that chips and facets can
change one condition and leave what the user typed beside it as it is.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

_TOKEN = re.compile(r'("(?:[^"\\]|\\.)*")|(!=|>=|<=|==|[=~<>()])|((?:[^\s()"=~<>!]|!(?!=))+)|(\S)')
_SIGNS = frozenset({"=", "==", "!=", "~", ">", ">=", "<", "<="})
_ABOUT = _SIGNS | {"contains", "is", "between"}
_PLAIN = re.compile(r"[^\W\d]\w*")
_KEY_WORDS = frozenset({"and", "or", "not", "is", "has", "length", "contains", "between", "note"})


@dataclass(frozen=True)
class _Token:
    text: str
    """As the language reads it: without quotes."""
    word: str
    """In small letters, "" if it is quoted and therefore no key word."""
    start: int
    end: int


def _tokens(text: str) -> list[_Token]:
    found = []
    for match in _TOKEN.finditer(text):
        if match[1]:
            found.append(_Token(re.sub(r'\\(["\\])', r"\1", match[1][1:-1]), "", match.start(), match.end()))
        else:
            found.append(_Token(match[0], match[0].lower(), match.start(), match.end()))
    return found


def conditions(text: str) -> list[str]:
    """What all has to hold: the parts that stand between "and". A text with "or" outside of brackets is one part."""
    tokens = _tokens(text)
    if any(token.word == "or" for token in _outer(tokens)):
        return [text.strip()]
    return _split(text, tokens, "and")


def alternatives(condition: str) -> list[str]:
    """What is enough: the parts of a condition that stand between "or"."""
    inner = without_brackets(condition)
    return _split(inner, _tokens(inner), "or")


def joined(parts: Sequence[str], joint: Literal["and", "or"] = "and") -> str:
    """One text for several conditions; brackets keep apart what would run together."""
    if len(parts) == 1:
        return parts[0]
    return f" {joint} ".join(_wrapped(part) if joint == "and" else part for part in parts)


def opposite(condition: str) -> str:
    """The condition that holds where this one does not."""
    positive = without_not(condition)
    if positive != condition:
        return positive
    tokens = _tokens(condition)
    whole = len(conditions(condition)) > 1 or any(token.word == "or" for token in _outer(tokens))
    return f"not ({condition})" if whole else f"not {condition}"


def without_not(condition: str) -> str:
    """A condition without the "not" before it; as it is if there is none."""
    tokens = _tokens(condition)
    if len(tokens) > 1 and tokens[0].word == "not" and tokens[1].word not in _ABOUT - {"is"}:
        return without_brackets(condition[tokens[0].end :].strip())
    return condition


def same(one: str, other: str) -> bool:
    """Whether two conditions say the same, whatever their quotes and letters."""
    return _spoken(one) == _spoken(other)


@dataclass(frozen=True)
class Subject:
    """What a condition is about.

    Attributes:
        kind: "value" (=, ==, is empty, is missing), "length", "state" (is flagged, has note), "column" (any other).
        column: Lower case; "" for states and for the length of the whole row.
    """

    kind: Literal["value", "length", "state", "column"]
    column: str = ""


def subject(condition: str) -> Subject | None:
    """What all alternatives of a condition are about; None for words and for mixtures."""
    found = {_subject(part) for part in alternatives(without_not(condition))}
    return found.pop() if len(found) == 1 else None


def columns_of(text: str) -> set[str]:
    """Columns that conditions of a filter are about, in lower case; words in any column are about none."""
    tokens = _tokens(text)
    names = {token.text.lower() for token, after in pairwise(tokens) if after.word in _ABOUT and _can_be_name(token)}
    for number, token in enumerate(tokens[:-2]):
        if token.word == "length" and tokens[number + 1].word == "(":
            names.add(tokens[number + 2].text.lower())
    return names


def quoted(text: str) -> str:
    """A name or value as the filter language wants it; plain words stay plain."""
    if _PLAIN.fullmatch(text) and text.lower() not in _KEY_WORDS:
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _can_be_name(token: _Token) -> bool:
    return token.word not in _SIGNS | {"(", ")", "not", "and", "or"}


def _subject(condition: str) -> Subject | None:
    words = _tokens(condition)
    if len(words) < 2:
        return None
    first, second = words[0], words[1]
    if first.word in ("is", "has"):
        return Subject("state")
    if first.word == "length" and second.word == "(" and len(words) > 2:
        return Subject("length", words[2].text.lower())
    if first.word == "length" and second.word in _ABOUT:
        return Subject("length")
    is_empty = second.word == "is" and [word.word for word in words[2:]] in (["empty"], ["missing"])
    if second.word in ("=", "==") or is_empty:
        return Subject("value", first.text.lower())
    return Subject("column", first.text.lower()) if second.word in _ABOUT and _can_be_name(first) else None


def _outer(tokens: list[_Token]) -> list[_Token]:
    """The tokens outside of brackets; the "and" of "between 3 and 9" is none of them."""
    depth, outer, between = 0, [], False
    for token in tokens:
        depth -= token.word == ")"
        if depth <= 0 and not (token.word == "and" and between):
            outer.append(token)
        between = token.word == "between" or (between and token.word != "and")
        depth += token.word == "("
    return outer


def _split(text: str, tokens: list[_Token], joint: str) -> list[str]:
    parts, start = [], 0
    before: _Token | None = None
    for token in _outer(tokens):
        if token.word == joint:
            parts.append(text[start : token.start])
            start = token.end
        elif joint == "and" and before is not None and before.word == ")" and token.word not in _ABOUT | {"or", ")"}:
            parts.append(text[start : token.start])  # "(a or b) word": brackets and what follows stand side by side
            start = token.start
        before = token
    return [part.strip() for part in (*parts, text[start:]) if part.strip()]


def without_brackets(text: str) -> str:
    """A condition without the brackets around the whole of it."""
    tokens = _tokens(text)
    while len(tokens) > 2 and tokens[0].word == "(" and len(_outer(tokens)) == 2 and tokens[-1].word == ")":
        text = text[tokens[0].end : tokens[-1].start].strip()
        tokens = _tokens(text)
    return text.strip()


def _wrapped(condition: str) -> str:
    has_or = any(token.word == "or" for token in _outer(_tokens(condition)))
    return f"({condition})" if has_or else condition


def _spoken(condition: str) -> str:
    """What a condition says, in small letters; only "==" minds the letters of what stands behind it."""
    words = [token.text for token in _tokens(without_brackets(condition))]
    exact = words.index("==") if "==" in words else len(words)
    return " ".join([*(word.lower() for word in words[:exact]), *words[exact:]])
