"""Workbooks of Excel and OpenDocument."""

from __future__ import annotations

import datetime as dt
import zipfile
from pathlib import Path

import xlsxwriter

from fintune_gui.dataset.importing import sniff
from fintune_gui.dataset.readers.workbook import CUT_NOTE, LONGEST_CELL
from tests.dataset.readers.importing import imported, refused


def make_workbook(path: Path) -> Path:
    with xlsxwriter.Workbook(path) as book:
        book.add_worksheet("empty")
        sheet = book.add_worksheet("rows")
        day, moment = book.add_format({"num_format": "yyyy-mm-dd"}), book.add_format({"num_format": "d/m/yy hh:mm"})
        sheet.write_row(0, 0, ["text", "number", "text"])
        sheet.write_row(1, 0, ["007", 1, True])
        sheet.write_datetime(2, 0, dt.date(2024, 1, 2), day)
        sheet.write_number(2, 1, 2.5)
        sheet.write_datetime(2, 2, dt.datetime.fromisoformat("2024-01-02T03:04"), moment)
        sheet.write_string(4, 0, "x" * LONGEST_CELL)
        book.add_worksheet("other").write_column(0, 0, ["a", "b"])
    return path


def test_that_cells_become_what_they_stand_for(tmp_path: Path) -> None:
    rows, result = imported(make_workbook(tmp_path / "book.xlsx"))
    assert rows[:2] == [
        {"text": "007", "number": "1", "text_2": "TRUE"},
        {"text": "2024-01-02", "number": "2.5", "text_2": "2024-01-02T03:04:00"},
    ]
    assert len(rows) == 3  # an empty line is no row
    assert rows[2] == {"text": "x" * LONGEST_CELL, "number": None, "text_2": None}
    assert result.notes == ("Other sheets of book.xlsx, left unread: 1.", f"{CUT_NOTE}: 1.")


def test_that_a_sheet_can_be_chosen_and_the_first_with_cells_is_guessed(tmp_path: Path) -> None:
    book = make_workbook(tmp_path / "book.bin")
    found = sniff(book)
    assert (found.format, found.tables, found.table) == ("excel", ("empty", "rows", "other"), "rows")
    assert imported(book, table="other")[0] == [{"a": "b"}]


def test_that_a_sheet_without_a_header_can_be_read(tmp_path: Path) -> None:
    book = make_workbook(tmp_path / "book.xlsx")
    assert imported(book, table="other", header=False)[0] == [{"column_1": "a"}, {"column_1": "b"}]


def test_that_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    book = make_workbook(tmp_path / "book.xlsx")
    assert refused(book, table="missing") == "data.no_table"
    assert refused(book, table="empty") == "data.no_rows"
    whole = book.read_bytes()
    book.write_bytes(whole[: len(whole) // 2])
    assert refused(book) == "data.damaged_file"
    book.write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600) + "EncryptedPackage".encode("utf-16-le"))
    assert refused(book) == "data.encrypted"
    with zipfile.ZipFile(tmp_path / "letter.docx", "w") as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("word/document.xml", "<w/>")
    assert refused(tmp_path / "letter.docx") == "data.not_text"


def test_that_an_open_document_sheet_is_read(tmp_path: Path) -> None:
    def cell(kind: str, value: str, text: str) -> str:
        given = f' office:value="{value}"' if kind == "float" else ""
        return f'<table:table-cell office:value-type="{kind}"{given}><text:p>{text}</text:p></table:table-cell>'

    lines = (("string", "", "q"), ("string", "", "n")), (("string", "", "why?"), ("float", "3", "3"))
    body = "".join(f"<table:table-row>{''.join(cell(*one) for one in line)}</table:table-row>" for line in lines)
    names = " ".join(
        f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"' for name in ("office", "table", "text")
    )
    content = f"<office:document-content {names}><office:body><office:spreadsheet>"
    content += f'<table:table table:name="sheet">{body}</table:table>'
    content += "</office:spreadsheet></office:body></office:document-content>"
    with zipfile.ZipFile(tmp_path / "book.ods", "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("content.xml", f'<?xml version="1.0" encoding="UTF-8"?>{content}')
        archive.writestr("META-INF/manifest.xml", '<?xml version="1.0"?><manifest/>')
    assert imported(tmp_path / "book.ods")[0] == [{"q": "why?", "n": "3"}]
