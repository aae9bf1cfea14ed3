"""The one-line filter language: ``label = billing and (refund or length(text) > 400)``.

Bare words must occur in any column. Conditions about a column are ``COLUMN = VALUE``, ``!=``, ``==`` (equal to the
letter, whatever was said about case), ``contains``, ``~`` (regular expression, RE2), ``>``, ``>=``, ``<``, ``<=``,
``between 3 and 9``, ``is empty``, ``is missing`` (no value, not even an empty one) and their opposites with ``is not``.
``length`` is the number of characters of all columns, ``length(COLUMN)`` that of one.

Conditions about a row are ``is flagged``, ``is starred``, ``is edited``, ``is added``, ``is removed``, ``is empty``
(some cell is), ``has note`` and ``note contains TEXT``, or ``has note contains TEXT`` if a column is called note. They
stand at the start or behind ``and``, ``or``, ``not`` or a bracket; among other words, they are words.

They are joined by ``and``, ``or``, ``not`` and brackets; values and names that hold spaces or signs stand in double
quotes, in which a backslash may stand before a quote or a backslash.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches

import pyarrow as pa
import pyarrow.compute as pc

from fintune_gui.dataset.conditions import (
    STATES,
    Both,
    Compares,
    Condition,
    Contains,
    Empty,
    Equals,
    InState,
    Missing,
    Not,
    Noted,
)
from fintune_gui.project.errors import DataError

_TOKEN = re.compile(r'\s*(?:("(?:[^"\\]|\\.)*")|(!=|>=|<=|==|[=~<>()])|((?:[^\s()"=~<>!]|!(?!=))+)|(\S))', re.DOTALL)
_SIGNS = ("=", "==", "!=", "~", ">", ">=", "<", "<=")
_ORDER = (">", ">=", "<", "<=")
_LENGTH_SIGNS = ("=", "!=", *_ORDER, "between")
_JOINTS = ("and", "or", "not", "(")
_PLAIN = re.compile(r"[^\W\d]\w*|-?\d+(\.\d+)?")
_KEY_WORDS = frozenset({"and", "or", "not", "is", "has", "length", "contains", "between", "note", "empty", "missing"})
_FORMS = {
    "contains": "{column} contains {value}",
    "not_contains": "not {column} contains {value}",
    "equals": "{column} = {value}",
    "not_equals": "{column} != {value}",
    "exactly": "{column} == {value}",
    "not_exactly": "not {column} == {value}",
    "less": "{column} < {value}",
    "greater": "{column} > {value}",
    "between": "{column} between {value} and {value2}",
    "regex": "{column} ~ {value}",
    "empty": "{column} is empty",
    "not_empty": "{column} is not empty",
    "missing": "{column} is missing",
    "not_missing": "{column} is not missing",
    "length_less": "length({column}) < {value}",
    "length_greater": "length({column}) > {value}",
    "length_between": "length({column}) between {value} and {value2}",
}


_LONGEST_TOLD = 200


def filter_text(column: str, operator: str, value: str = "", value2: str = "") -> str:
    """One condition of the language from the fields of a form, quoted where it must be.

    Args:
        operator: "contains", "equals", "exactly", "missing" and "empty", each also with "not_" before it; "less",
            "greater", "between", "regex", "length_less", "length_greater", "length_between".
    """
    return _FORMS[operator].format(column=_quoted(column), value=_quoted(value), value2=_quoted(value2))


def _quoted(text: str) -> str:
    """`text` as one token that stands for itself."""
    if _PLAIN.fullmatch(text) and text.lower() not in _KEY_WORDS:
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


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
    tokens = _tokens(text.encode("utf-8", "replace").decode())  # as the cells of a table: half a character is none
    if not tokens:
        return None
    try:
        condition = _Parser(tokens, tuple(columns), case_sensitive, text).whole()
        condition.columns()  # goes as deep as a look at the rows will
    except RecursionError:
        raise _bad("there are too many conditions", f"{text[:_LONGEST_TOLD]}…") from None
    return condition


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
            tokens.append(_Token(re.sub(r'\\(["\\])', r"\1", quoted[1:-1]), position, quoted=True))
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
            condition = Both(condition, self._all(), either=True)
        return condition

    def _all(self) -> Condition:
        condition = self._not()
        while self._peek() and not self._next_is("or", ")"):
            if self._next_is("and"):
                self._at += 1
            condition = Both(condition, self._not())
        return condition

    def _not(self) -> Condition:
        if self._next_is("not"):
            self._at += 1
            return Not(self._not())
        if self._next_is("("):
            self._at += 1
            condition = self._any()
            if not self._next_is(")"):
                raise self._unexpected()
            self._at += 1
            return condition
        return self._about_row() or self._condition()

    def _about_row(self) -> Condition | None:
        """A condition about the row itself; None if there is none here."""
        before = self._peek(-1) if self._at else None
        if before is not None and before.word not in _JOINTS:
            return None
        first, second, third = (token.word if token else "" for token in (self._peek(i) for i in range(3)))
        negated = second == "not"
        state = third if negated else second
        if first == "is" and state in (*STATES, "empty"):
            self._at += 2 + negated
            condition = Empty(self._columns) if state == "empty" else InState(state)
            return Not(condition) if negated else condition
        if (first, second) == ("has", "note"):
            self._at += 2
            return self._noted() if self._next_is("contains") else Noted()
        if (first, second) == ("note", "contains") and "note" not in {name.lower() for name in self._columns}:
            self._at += 1
            return self._noted()
        return None

    def _noted(self) -> Condition:
        self._at += 1
        return Noted(self._value(), self._case_sensitive)

    def _condition(self) -> Condition:
        token = self._peek()
        if token is None or (not token.quoted and (token.text in (*_SIGNS, ")") or token.word in ("and", "or"))):
            raise self._unexpected()
        self._at += 1
        if token.word == "length" and self._next_is("(", "between", *_SIGNS):
            return self._length()
        follower = self._peek()
        sign = "" if follower is None else follower.word
        if sign in _SIGNS or (sign in ("contains", "is", "between") and self._is_column(token)):
            return self._about(self._column(token), sign)
        return Contains(self._columns, token.text, self._case_sensitive)

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
        if not self._next_is(*_LENGTH_SIGNS):
            raise self._unexpected()
        sign = self._tokens[self._at].word
        self._at += 1
        return self._compares(names, sign, length=True)

    def _compares(self, names: tuple[str, ...], sign: str, *, length: bool) -> Condition:
        number = self._number()
        if sign != "between":
            return Compares(names, sign, number, length)
        if not self._next_is("and"):
            raise self._unexpected()
        self._at += 1
        return Compares(names, sign, number, length, most=self._number())

    def _about(self, name: str, sign: str) -> Condition:
        self._at += 1
        if sign == "is":
            negated = self._next_is("not")
            self._at += negated
            if not self._next_is("empty", "missing"):
                raise self._unexpected()
            condition = Empty((name,)) if self._next_is("empty") else Missing(name)
            self._at += 1
            return Not(condition) if negated else condition
        if sign in _ORDER or sign == "between":
            return self._compares((name,), sign, length=False)
        value = self._value()
        if sign == "contains":
            return Contains((name,), value, self._case_sensitive)
        if sign == "~":
            check_pattern(value, "data.bad_filter")
            return Contains((name,), value, self._case_sensitive, regex=True)
        equal = Equals(name, value, self._case_sensitive or sign == "==")
        return Not(equal) if sign == "!=" else equal

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
