"""Files as people really have them: each ends in the right rows, or in an exact and kind message. Nothing is lost."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from fintune_gui.dataset.importing import ImportResult, import_files, read_rejected
from fintune_gui.dataset.json_rows import rows_of_lines
from fintune_gui.dataset.store import Dataset
from fintune_gui.project.errors import DataError

Rows = list[dict[str, str | None]]
Reject = tuple[int, int | None, str]
"""Line, column, reason."""


@dataclass(frozen=True)
class Bad:
    """One file and what must come out of it.

    Attributes:
        rows: All rows, or what must be true of them.
        rejects: Line, column and reason of every row that is set aside.
        note: Something that the user must be told.
        error: The first two sentences, if the file as a whole is refused.
    """

    case: str
    name: str
    content: bytes
    rows: Rows | Callable[[Rows], bool] = lambda rows: not rows
    rejects: Sequence[Reject] = ()
    note: str | None = None
    error: tuple[str, str] | None = None


def lines(*values: Any) -> bytes:
    return b"".join(json.dumps(value, ensure_ascii=False).encode() + b"\n" for value in values)


GOOD = {"a": "x", "b": "y"}
AB: Rows = [{"a": "x", "b": "y"}]
TWO: Rows = [{"a": "1"}, {"a": "2"}]
CONVERSATION = '[{"role":"user","content":"hi"},{"role":"assistant","content":"ho"}]'
NOT_TEXT = "It holds bytes that are not text in this encoding"
CUT_OFF = "Not valid JSON: It ends in the middle: it was cut off, or a quotation mark or bracket is missing"


def calling(argument: Any) -> dict[str, Any]:
    call = {"type": "function", "function": {"name": "f", "arguments": {"n": argument}}}
    return {"messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "tool_calls": [call]}]}


DEEP = '{"a": ' + "[" * 300 + "]" * 300 + "}"

CASES = [
    Bad("a row nested too deeply", "deep.jsonl", f'{{"a": "1"}}\n{DEEP}\n{{"a": "2"}}\n'.encode(), TWO,
        [(2, 1, "It is nested too deeply")]),
    Bad("a row of a document nested too deeply", "deep.json", f'[{{"a": "1"}},\n{DEEP}, {{"a": "2"}}]'.encode(), TWO,
        [(2, 1, "It is nested too deeply")]),
    # JSON lines
    Bad("byte order mark", "x.jsonl", b"\xef\xbb\xbf" + lines(GOOD), AB),
    Bad("line ends of Windows, and blank lines", "x.jsonl", b'{"a": "1"}\r\n\r\n \r\n{"a": "2"}\r\n', TWO),
    Bad("one line that is cut off", "x.jsonl", lines(GOOD) * 3 + b'{"a": "x", "b": "y\n' + lines(GOOD), AB * 4,
        rejects=[(4, 19, CUT_OFF)]),
    Bad("a comma too many in each line", "x.jsonl", b'{"a": "1",}\n{"a": "2",}\n',
        error=("No row of x.jsonl can be read.", "The first problem is in line 1: Not valid JSON: There is a comma "
               "too many.")),
    Bad("two rows in one line", "x.jsonl", lines(GOOD) + b'{"a": "1"},{"a": "2"}\n' + lines(GOOD), AB * 2,
        rejects=[(2, 11, 'Not valid JSON: Something stands after the end of the row: “,{"a": "2"}”')]),
    Bad("single quotes of Python", "x.jsonl", b"{'a': '1'}\n" + lines(GOOD), AB,
        rejects=[(1, 2, "Not valid JSON: Names and texts stand in single quotation marks; JSON wants double ones")]),
    Bad("a text, then a number", "x.jsonl", lines({"a": "x"}, {"a": 42}, {"a": 4.50}, {"a": True}),
        [{"a": "x"}, {"a": "42"}, {"a": "4.5"}, {"a": "true"}]),
    Bad("a text, then a list", "x.jsonl", lines({"a": "x"}, {"a": ["y", 1]}), [{"a": "x"}, {"a": '["y",1]'}]),
    Bad("a key that one row lacks", "x.jsonl", lines(GOOD, {"b": "only"}), [*AB, {"a": None, "b": "only"}]),
    Bad("a new key after 10,000 rows", "x.jsonl", lines({"a": "x"}) * 10_000 + lines(GOOD),
        lambda rows: len(rows) == 10_001 and rows[9_999] == {"a": "x", "b": None} and rows[-1] == GOOD),
    Bad("the same key twice", "x.jsonl", b'{"a": "1", "a": "2"}\n{"a": "3"}\n', [{"a": "2"}, {"a": "3"}],
        note="Rows in which a name stands twice; its last value is used: 1."),
    Bad("the same key twice, deep inside", "x.json", b'[{"a": {"b": "1", "b": "2"}}]', [{"a": '{"b":"2"}'}],
        note="Rows in which a name stands twice; its last value is used: 1."),
    Bad("NaN", "x.jsonl", b'{"a": NaN}\n' + lines(GOOD), AB,
        rejects=[(1, 7, "Not valid JSON: JSON has no NaN; write a number, a text or null")]),
    Bad("an array over many lines", "x.json", json.dumps([GOOD, GOOD], indent=2).encode(), AB * 2),
    Bad("an array in one line", "x.json", json.dumps([GOOD, GOOD]).encode(), AB * 2),
    Bad("an array with the ending of JSON lines", "x.jsonl", json.dumps([GOOD, GOOD]).encode(), AB * 2),
    Bad("a wrapper around the rows", "x.json", json.dumps({"version": "1", "data": [GOOD, GOOD]}).encode(), AB * 2),
    Bad("rows that hold a list of objects each", "x.json", json.dumps([{"a": [{"b": 1}]}]).encode(),
        [{"a": '[{"b":1}]'}]),
    Bad("objects over several lines, one after another", "x.json", json.dumps(GOOD, indent=1).encode() * 2, AB * 2),
    Bad("bytes of Windows-1252 in a file of UTF-8", "x.jsonl",
        lines({"a": "schön"}) * 20 + '{"a": "schön"}\n'.encode("cp1252"), [{"a": "schön"}] * 20,
        rejects=[(21, 11, NOT_TEXT)]),
    Bad("all of it Windows-1252", "x.jsonl", '{"a": "schön – Grüße"}\n'.encode("cp1252"), [{"a": "schön – Grüße"}]),
    Bad("UTF-16", "x.jsonl", '{"a": "schön"}\n{"a": "2"}'.encode("utf-16"), [{"a": "schön"}, {"a": "2"}]),
    Bad("half of a character", "x.jsonl", rb'{"a": "\ud83d"}' + b"\n" + lines(GOOD), AB,
        rejects=[(1, 8, r"Not valid JSON: “\ud83d” is half of a character; the other half is missing")]),
    Bad("an invisible zero", "x.jsonl", rb'{"a": "x\u0000y"}' + b"\n" + rb'{"a": "\\u0000"}',
        [{"a": "x\0y"}, {"a": r"\u0000"}],
        note="Rows that hold the invisible character U+0000: 1."),
    Bad("content as text, then as list of parts", "x.jsonl",
        lines({"messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "ho"}]},
              {"messages": [{"role": "user", "content": [{"type": "text", "text": "hi"}]},
                            {"role": "assistant", "content": "ho"}]}),
        [{"messages": CONVERSATION}] * 2),
    Bad("an argument of a tool as text, then as number", "x.jsonl", lines(calling("1"), calling(1)),
        lambda rows: [json.loads(row["messages"] or "")[1]["tool_calls"][0]["function"]["arguments"] for row in rows]
        == [{"n": "1"}, {"n": 1}]),
    Bad("a misspelt role", "x.jsonl", lines({"conversations": [{"from": "human", "value": "hi"}]},
        {"conversations": [{"from": "hummany", "value": "hi"}]}), [{"messages": '[{"role":"user","content":"hi"}]'}],
        rejects=[(2, None, "Turn 1 has the unknown role “hummany”; perhaps “human” is meant")]),
    Bad("a row that is no object", "x.jsonl", lines(GOOD) + b'["a"]\n"b"\nnull\n7\n', AB,
        rejects=[(line, 1, f"A row must be an object with named values, but this is {kind}")
                 for line, kind in ((2, "a list"), (3, "a text"), (4, "null"), (5, "a number"))]),
    Bad("a document without its end", "x.json", b'[{"a": "1"},\n {"a": "2"',
        error=("x.json ends in the middle of a value, or is not valid JSON.",
               "The value that begins at line 2, column 2 has no proper end.")),
    # CSV
    Bad("line breaks in quotes", "x.csv", b'a,b\r\n"one\r\ntwo","""q"""\r\n', [{"a": "one\r\ntwo", "b": '"q"'}]),
    Bad("too many and too few cells", "x.csv", b"a,b\nx,y\n1,2,3\n4\nx,y\n", AB * 2,
        rejects=[(3, None, "It has 3 columns instead of 2"), (4, None, "It has 1 column instead of 2")]),
    Bad("semicolons", "x.csv", "a;b\n1,5;schön\n2,5;x\n".encode(),
        [{"a": "1,5", "b": "schön"}, {"a": "2,5", "b": "x"}]),
    Bad("CSV in Windows-1252", "x.csv", "a,b\nschön,Grüße\n".encode("cp1252"), [{"a": "schön", "b": "Grüße"}]),
    Bad("CSV in UTF-16 with tabs, as from a spreadsheet", "x.txt", "a\tb\r\nschön\ty\r\n".encode("utf-16"),
        [{"a": "schön", "b": "y"}]),
    Bad("a quote inside a cell", "x.csv", b'a,b\n5" pipe,y\nx,y\n', [{"a": '5" pipe', "b": "y"}, *AB]),
    Bad("a quote that never ends", "x.csv", b'a,b\nx,y\n"never,ends\nx,y\nx,y\n', AB * 3,
        rejects=[(3, None, "A quotation mark is opened and never closed")]),
    Bad("two columns of one name", "x.csv", b"a,a,b\n1,2,3\n", [{"a": "1", "a_2": "2", "b": "3"}]),
    Bad("cells that look like nothing", "x.csv", b"a,b\nNA,null\nNone,1\n",
        [{"a": "NA", "b": "null"}, {"a": "None", "b": "1"}]),
    Bad("numbers with leading zeros", "x.csv", b"a,b\n007,1.50\n", [{"a": "007", "b": "1.50"}]),
    Bad("numbers, and text after 3,000 rows", "x.csv", b"a,b\n" + b"1,2\n" * 3000 + b"x,y\n",
        lambda rows: len(rows) == 3001 and rows[0] == {"a": "1", "b": "2"} and rows[-1] == GOOD),
    Bad("a header without rows", "x.csv", b"a,b\n",
        error=("x.csv holds no rows.", "There is nothing in it, or only a header.")),
    Bad("no byte at all", "x.csv", b"", error=("x.csv is empty.", "It holds no bytes at all.")),
]  # fmt: skip


def read(folder: Path, bad: Bad) -> tuple[ImportResult, Rows]:
    (folder / bad.name).write_bytes(bad.content)
    result = import_files([folder / bad.name], folder / "dataset")
    with Dataset.open(folder / "dataset") as dataset:
        return result, [row for _, row in dataset.rows()]


@pytest.mark.parametrize("bad", CASES, ids=lambda bad: bad.case)
def test_that_a_bad_file_ends_in_the_right_rows_or_an_exact_message(tmp_path: Path, bad: Bad) -> None:
    if bad.error:
        with pytest.raises(DataError) as error:
            read(tmp_path, bad)
        problem = error.value.problem
        assert (problem.what, problem.why) == bad.error
        assert problem.todo
        assert not (tmp_path / "dataset").exists()
        return
    result, rows = read(tmp_path, bad)
    assert bad.rows(rows) if callable(bad.rows) else rows == bad.rows
    rejected = read_rejected(tmp_path / "dataset")
    assert [(row.line, row.column, row.reason) for row in rejected] == list(bad.rejects)
    assert all(row.text and row.file == bad.name for row in rejected)
    assert result.notes == ((bad.note,) if bad.note else ())
    assert (result.rows, result.rejected, result.bytes) == (len(rows), len(rejected), len(bad.content))


def test_that_a_line_of_20_megabytes_is_one_row(tmp_path: Path) -> None:
    _, rows = read(tmp_path, Bad("", "x.jsonl", lines({"a": "ä" * 10_000_000}, GOOD)))
    assert [len(row["a"] or "") for row in rows] == [10_000_000, 1]


def test_that_there_are_at_least_the_35_cases_that_other_readers_were_measured_with() -> None:
    assert len({bad.case for bad in CASES}) + 1 >= 35


@pytest.mark.parametrize(
    ("text", "column", "reason"),
    [
        ('{"a": True}', 7, "“True” is how Python writes it; JSON writes true"),
        ('{"a": -Infinity}', 8, "JSON has no -Infinity; write a number, a text or null"),
        ('{"a": }', 7, "A value is missing before “}”"),
        ('{"a": “x”}', 7, "Names and texts stand in typographic quotation marks; JSON wants straight ones"),
        ('{"a": 1} // one', 10, "Something stands after the end of the row: “// one”"),
        ('{"a": 1},', 9, "Something stands after the end of the row: “,”"),
        ('{"a": "x\ty"}', 9, "There is a line break, a tab or the like inside a text; JSON writes it as \\n or \\t"),
        (r'{"a": "C:\qx"}', 10,
         "After a backslash comes something that means nothing; a plain backslash is written \\\\"),
        ('{"a": 007}', 7, "A number begins with 0; write it without, or as a text in quotation marks"),
        ("{a: 1}", 2, "A name does not stand in double quotation marks"),
        ('{"a" 1}', 6, "After a name a colon is missing"),
        ('{"a": 1 "b": 2}', 9, "A comma or a closing bracket is missing"),
        ('{"a": %s}' % ("[" * 2000), 1031, "It is nested too deeply"),
    ],
)  # fmt: skip
def test_that_each_mistake_in_json_has_its_own_words(text: str, column: int, reason: str) -> None:
    row = next(iter(rows_of_lines([text.encode()], 1)))
    assert (row.line, row.column, row.reason) == (1, column, f"Not valid JSON: {reason}")
