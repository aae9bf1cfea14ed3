"""The one-line filter language: ``label = billing and (refund or length(text) > 400)``.

Bare words must occur in any column. Conditions are ``COLUMN = VALUE``, ``!=``, ``contains``, ``~`` (regular expression,
RE2), ``>``, ``>=``, ``<``, ``<=`` and ``is empty`` or ``is not empty``; ``length`` is the number of characters of all
columns, ``length(COLUMN)`` that of one. They are joined by ``and``, ``or``, ``not`` and brackets; values and names that
hold spaces or signs stand in double quotes.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

import pyarrow as pa
import pyarrow.compute as pc

from fintune_gui.project.errors import DataError

Batch = Mapping[str, pa.LargeStringArray]

_TOKEN = re.compile(r'\s*(?:("(?:[^"\\]|\\.)*")|(!=|>=|<=|[=~<>()])|((?:[^\s()"=~<>!]|!(?!=))+)|(\S))')
_NUMBER = r"^\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\s*$"
_SIGNS = ("=", "!=", "~", ">", ">=", "<", "<=")
_COMPARE = {">": pc.greater, ">=": pc.greater_equal, "<": pc.less, "<=": pc.less_equal}


class Condition(ABC):
    """A filter, as a tree."""

    @abstractmethod
    def columns(self) -> set[str]:
        """The columns that it looks at."""

    @abstractmethod
    def mask(self, batch: Batch) -> pa.BooleanArray:
        """For each row of a batch whether it passes. Never null."""


@dataclass(frozen=True)
class _Both(Condition):
    left: Condition
    right: Condition
    either: bool = False

    def columns(self) -> set[str]:
        return self.left.columns() | self.right.columns()

    def mask(self, batch: Batch) -> pa.BooleanArray:
        join = pc.or_ if self.either else pc.and_
        return join(self.left.mask(batch), self.right.mask(batch))


@dataclass(frozen=True)
class _Not(Condition):
    inner: Condition

    def columns(self) -> set[str]:
        return self.inner.columns()

    def mask(self, batch: Batch) -> pa.BooleanArray:
        return pc.invert(self.inner.mask(batch))


@dataclass(frozen=True)
class _Contains(Condition):
    """Some of the columns holds a text or matches a pattern."""

    names: tuple[str, ...]
    value: str
    case_sensitive: bool
    regex: bool = False

    def columns(self) -> set[str]:
        return set(self.names)

    def mask(self, batch: Batch) -> pa.BooleanArray:
        match = pc.match_substring_regex if self.regex else pc.match_substring
        found: pa.BooleanArray | None = None
        for name in self.names:
            here = pc.fill_null(match(batch[name], self.value, ignore_case=not self.case_sensitive), False)
            found = here if found is None else pc.or_(found, here)
        return found


@dataclass(frozen=True)
class _Equals(Condition):
    name: str
    value: str
    case_sensitive: bool

    def columns(self) -> set[str]:
        return {self.name}

    def mask(self, batch: Batch) -> pa.BooleanArray:
        array, value = batch[self.name], self.value
        if not self.case_sensitive:
            array, value = pc.utf8_lower(array), value.lower()
        return pc.fill_null(pc.equal(array, pa.scalar(value, pa.large_string())), False)


@dataclass(frozen=True)
class _Empty(Condition):
    name: str

    def columns(self) -> set[str]:
        return {self.name}

    def mask(self, batch: Batch) -> pa.BooleanArray:
        trimmed = pc.utf8_trim_whitespace(pc.fill_null(batch[self.name], ""))
        return pc.equal(pc.binary_length(trimmed), 0)


@dataclass(frozen=True)
class _Compares(Condition):
    """A number: the length of columns, or the value of a cell that is a number; other cells never pass."""

    names: tuple[str, ...]
    sign: str
    number: float
    length: bool

    def columns(self) -> set[str]:
        return set(self.names)

    def mask(self, batch: Batch) -> pa.BooleanArray:
        if self.length:
            value = pc.fill_null(pc.utf8_length(batch[self.names[0]]), 0)
            for name in self.names[1:]:
                value = pc.add(value, pc.fill_null(pc.utf8_length(batch[name]), 0))
        else:
            array = batch[self.names[0]]
            numeric = pc.fill_null(pc.match_substring_regex(array, _NUMBER), False)
            trimmed = pc.utf8_trim_whitespace(array)
            value = pc.cast(pc.if_else(numeric, trimmed, pa.scalar(None, pa.large_string())), pa.float64())
        compare = {"=": pc.equal, "!=": pc.not_equal, **_COMPARE}[self.sign]
        return pc.fill_null(compare(pc.cast(value, pa.float64()), self.number), False)


@dataclass(frozen=True)
class _Token:
    text: str
    position: int
    quoted: bool = False

    @property
    def word(self) -> str:
        """The token as a key word; a quoted one is never a key word."""
        return "" if self.quoted else self.text.lower()


def parse_filter(text: str, columns: Sequence[str], *, case_sensitive: bool = False) -> Condition | None:
    """The condition that `text` describes; None if it is blank.

    Raises:
        DataError: (``data.bad_filter``) saying what is wrong and where.
    """
    tokens = _tokens(text)
    return _Parser(tokens, tuple(columns), case_sensitive, text).whole() if tokens else None


def check_pattern(pattern: str, code: str = "data.bad_pattern") -> None:
    """Raise `DataError` if `pattern` is no regular expression that RE2 understands."""
    try:
        pc.match_substring_regex(pa.array([""], pa.large_string()), pattern)
    except pa.ArrowInvalid as error:
        raise DataError(
            code,
            f"“{pattern}” is not a valid regular expression.",
            str(error).removeprefix("Invalid regular expression: ") + ".",
            "Correct it, or search for plain text. Look-around and back-references in patterns are not available.",
        ) from error


def _tokens(text: str) -> list[_Token]:
    tokens = []
    for match in _TOKEN.finditer(text):
        quoted, sign, word, stray = match.groups()
        position = match.end() - len(match[0].lstrip())
        if stray:
            raise _bad(f"the sign {stray} at character {position + 1} is not expected", text)
        if quoted:
            tokens.append(_Token(re.sub(r"\\(.)", r"\1", quoted[1:-1]), position, quoted=True))
        else:
            tokens.append(_Token(sign or word, position))
    return tokens


def _bad(why: str, text: str) -> DataError:
    return DataError(
        "data.bad_filter",
        "The filter cannot be read.",
        f"In “{text}” {why}.",
        'Write it like: label = billing and length(text) > 400. Put values with signs or spaces into "quotes".',
    )


class _Parser:
    """Recursive descent: or, and, not, brackets, conditions."""

    def __init__(self, tokens: list[_Token], columns: tuple[str, ...], case_sensitive: bool, text: str) -> None:
        self._tokens = tokens
        self._columns = columns
        self._case_sensitive = case_sensitive
        self._text = text
        self._at = 0

    def whole(self) -> Condition:
        condition = self._any()
        if self._at < len(self._tokens):
            raise self._unexpected()
        return condition

    def _peek(self, ahead: int = 0) -> _Token | None:
        place = self._at + ahead
        return self._tokens[place] if place < len(self._tokens) else None

    def _next_is(self, *words: str) -> bool:
        token = self._peek()
        return token is not None and token.word in words

    def _unexpected(self) -> DataError:
        token = self._peek()
        why = "something is missing at the end"
        return _bad(f"“{token.text}” at character {token.position + 1} is not expected" if token else why, self._text)

    def _any(self) -> Condition:
        condition = self._all()
        while self._next_is("or"):
            self._at += 1
            condition = _Both(condition, self._all(), either=True)
        return condition

    def _all(self) -> Condition:
        condition = self._not()
        while self._peek() and not self._next_is("or", ")"):
            if self._next_is("and"):
                self._at += 1
            condition = _Both(condition, self._not())
        return condition

    def _not(self) -> Condition:
        if self._next_is("not"):
            self._at += 1
            return _Not(self._not())
        if self._next_is("("):
            self._at += 1
            condition = self._any()
            if not self._next_is(")"):
                raise self._unexpected()
            self._at += 1
            return condition
        return self._condition()

    def _condition(self) -> Condition:
        token = self._peek()
        if token is None or (not token.quoted and (token.text in (*_SIGNS, ")") or token.word in ("and", "or"))):
            raise self._unexpected()
        self._at += 1
        if token.word == "length" and (self._next_is("(") or self._next_is(*_SIGNS)):
            return self._length()
        follower = self._peek()
        sign = "" if follower is None else follower.word
        if sign in _SIGNS or (sign in ("contains", "is") and self._is_column(token)):
            return self._about(self._column(token), sign)
        return _Contains(self._columns, token.text, self._case_sensitive)

    def _length(self) -> Condition:
        names = self._columns
        if self._next_is("("):
            self._at += 1
            token = self._peek()
            if token is None:
                raise self._unexpected()
            names = (self._column(token),)
            self._at += 1
            if not self._next_is(")"):
                raise self._unexpected()
            self._at += 1
        if not self._next_is(*(sign for sign in _SIGNS if sign != "~")):
            raise self._unexpected()
        sign = self._tokens[self._at].text
        self._at += 1
        return _Compares(names, sign, self._number(), length=True)

    def _about(self, name: str, sign: str) -> Condition:
        self._at += 1
        if sign == "is":
            negated = self._next_is("not")
            self._at += negated
            if not self._next_is("empty"):
                raise self._unexpected()
            self._at += 1
            return _Not(_Empty(name)) if negated else _Empty(name)
        if sign in _COMPARE:
            return _Compares((name,), sign, self._number(), length=False)
        value = self._value()
        if sign == "contains":
            return _Contains((name,), value, self._case_sensitive)
        if sign == "~":
            check_pattern(value, "data.bad_filter")
            return _Contains((name,), value, self._case_sensitive, regex=True)
        equal = _Equals(name, value, self._case_sensitive)
        return _Not(equal) if sign == "!=" else equal

    def _value(self) -> str:
        """One quoted text, or all words up to the next key word."""
        words: list[str] = []
        while (token := self._peek()) and not self._next_is("and", "or", ")"):
            if token.quoted and words:
                break
            words.append(token.text)
            self._at += 1
            if token.quoted:
                break
        if not words:
            raise self._unexpected()
        return " ".join(words)

    def _number(self) -> float:
        token = self._peek()
        if token is None:
            raise self._unexpected()
        try:
            number = float(token.text)
        except ValueError:
            raise _bad(f"“{token.text}” at character {token.position + 1} is not a number", self._text) from None
        self._at += 1
        return number

    def _is_column(self, token: _Token) -> bool:
        return token.text.lower() in {name.lower() for name in self._columns}

    def _column(self, token: _Token) -> str:
        exact = [name for name in self._columns if name == token.text]
        alike = [name for name in self._columns if name.lower() == token.text.lower()]
        if exact or alike:
            return (exact or alike)[0]
        near = get_close_matches(token.text, self._columns, n=1)
        hint = f"did you mean “{near[0]}”?" if near else f"the columns are {', '.join(self._columns)}"
        raise _bad(f"there is no column “{token.text}”; {hint}", self._text)
