"""What text from the clipboard is taken for, and where it goes."""

from __future__ import annotations

from pathlib import Path

import pytest

from fintune_gui.ui.services.pasting import ending_of, keep_pasted


@pytest.mark.parametrize(
    ("text", "ending"),
    [
        ('{"a": 1}\n{"a": 2}', "jsonl"),
        ('{\n  "a": 1\n}', "json"),
        ('[{"a": 1}]', "json"),
        ("a\tb\n1\t2", "tsv"),
        ("a,b\n1,2", "csv"),
        ("a;b\n1;2\n", "csv"),
        ("Well, hello.\nNothing but text, and, commas.", "txt"),
        ("one line, with a comma", "txt"),
    ],
)
def test_that_the_kind_of_text_is_seen(text: str, ending: str) -> None:
    assert ending_of(text) == ending


def test_that_each_paste_is_a_file_of_its_own(tmp_path: Path) -> None:
    first, second = keep_pasted(tmp_path, "a,b\n1,2\n"), keep_pasted(tmp_path, "Grüße ✓")

    assert [first.name, second.name] == ["rows-1.csv", "rows-2.txt"]
    assert second.read_text(encoding="utf-8") == "Grüße ✓"
