"""What is painted: text cut with an ellipsis, marks that can be told apart, and little work for a repaint."""

from __future__ import annotations

import gc
import weakref

import pytest
from PySide6.QtCore import QEvent, QPoint, QRect, Qt
from PySide6.QtGui import QColor, QImage, QPainter
from PySide6.QtTest import QTest

from fintune_gui.ui.itemmodels.cell_look import CellLook
from fintune_gui.ui.theme import font, theme
from fintune_gui.ui.widgets.data_table import DataTable
from fintune_gui.ui.widgets.table_header_paint import share_text
from fintune_gui.ui.widgets.table_paint import CellPainter, visible

BOX = QRect(0, 0, 200, 70)


@pytest.fixture
def painter(qapp) -> CellPainter:
    return CellPainter(font())


def picture(cells: CellPainter, look: CellLook, *, chosen: bool = False, cursor_row: bool = False) -> QImage:
    image = QImage(BOX.size(), QImage.Format.Format_RGB32)
    image.fill(QColor("white"))
    brush = QPainter(image)
    cells.cell(brush, BOX, look, chosen=chosen, cursor_row=cursor_row)
    brush.end()
    return image


def inked(image: QImage, columns: range) -> bool:
    """Whether something is drawn in these columns of pixels."""
    back = image.pixel(columns.start, 1)
    return any(image.pixel(x, y) != back for x in columns for y in range(image.height()))


@pytest.mark.parametrize("lines", [1, 2, 3, 4])
def test_that_a_row_has_the_lines_that_were_asked_for(painter: CellPainter, lines: int) -> None:
    painter.lines = lines
    layout = painter._laid_out("word " * 200, 180)
    assert layout.lineCount() == lines
    last = layout.lineAt(lines - 1)
    assert last.naturalTextWidth() + painter._ellipsis <= 180
    assert painter.row_height >= lines * 14


def test_that_only_the_beginning_of_a_text_is_shaped(painter: CellPainter) -> None:
    assert len(painter._laid_out("word " * 100_000, 180).text()) < 400
    narrow = painter._laid_out("i" * 600, 180)
    last = narrow.lineAt(narrow.lineCount() - 1)
    assert last.naturalTextWidth() > 100  # narrow letters fill the line all the same


def test_that_a_short_text_has_no_ellipsis(painter: CellPainter) -> None:
    layout = painter._laid_out("short", 180)
    assert layout.lineAt(0).textLength() == len("short")
    assert not inked(picture(painter, CellLook("short")), range(100, 195))


def test_that_looks_can_be_told_apart(painter: CellPainter) -> None:
    looks = [
        CellLook("text"),
        CellLook(""),
        CellLook("", missing=True),
        CellLook("text", edited=True),
        CellLook("text", struck=True),
        CellLook("text", back=QColor("#FFF3DF")),
        CellLook("text", icons=(("flag", "warn"),)),
        CellLook("text", icons=(("star", "accent"),)),
    ]
    for chosen in (False, True):
        pictures = [picture(painter, look, chosen=chosen) for look in looks]
        assert all(a != b for place, a in enumerate(pictures) for b in pictures[:place])
    assert picture(painter, looks[0]) != picture(painter, looks[0], cursor_row=True)
    assert picture(painter, looks[0], chosen=True) != picture(painter, looks[0], cursor_row=True)


def test_that_arabic_is_set_from_the_right(painter: CellPainter) -> None:
    image = picture(painter, CellLook("مرحبا"))
    assert inked(image, range(150, 198))
    assert not inked(image, range(10, 90))


def test_that_marks_leave_a_number_whole(painter: CellPainter) -> None:
    painter.lines = 1
    marks = (("flag", "warn"), ("star", "accent"), ("note", "muted"))
    with_marks = picture(painter, CellLook("1,000,000", icons=marks))
    without = picture(painter, CellLook("1,000,000"))
    end = 6 + painter._metrics.horizontalAdvance("1,000,000")
    part = QRect(0, 0, end, BOX.height())
    assert with_marks.copy(part) == without.copy(part)
    assert with_marks != without


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("two\nlines", "two ↵ lines"),
        ("two\r\nlines", "two ↵ lines"),
        ("tab\there", "tab ⇥ here"),
        ("\x1b[31m\x07", "␛[31m␇"),
        ("👩‍👩‍👧 family", "👩‍👩‍👧 family"),
    ],
)
def test_that_control_characters_can_be_seen(text: str, shown: str) -> None:
    assert visible(text) == shown


@pytest.mark.parametrize(
    ("share", "text"),
    [(0.0, "0.0%"), (0.00001, "< 0.1%"), (0.034, "3.4%"), (0.5, "50%"), (0.9999, "> 99.9%"), (1, "100%")],
)
def test_that_a_part_is_never_called_nothing_or_all(share: float, text: str) -> None:
    assert share_text(share) == text


def test_that_a_repaint_prepares_each_screen_once(cells: DataTable) -> None:
    model = cells.model()
    model.reset(5_000_000)
    cells.viewport().repaint()
    model.prepared.clear()
    for row in (4_999_999, 17, 2_500_000):
        cells.go_to(row)
        cells.viewport().repaint()
    assert len(model.prepared) == 3
    assert all(
        first <= row <= last for row, (first, last) in zip((4_999_999, 17, 2_500_000), model.prepared, strict=True)
    )
    assert all(last - first < 20 for first, last in model.prepared)


def test_that_the_row_at_the_top_stays_there_with_other_heights(cells: DataTable) -> None:
    cells.verticalScrollBar().setValue(500)
    for lines in (4, 1, 3, 2):
        cells.set_row_lines(lines)
        assert cells.rowAt(2) == 500
        assert cells.row_lines == lines


def test_that_the_theme_is_followed_live(cells: DataTable) -> None:
    before = theme().appearance
    try:
        theme().apply("light")
        light = cells.viewport().grab().toImage()
        theme().apply("dark")
        QTest.qWait(1)
        dark = cells.viewport().grab().toImage()
        assert dark.pixelColor(300, 40).lightness() < 80 < light.pixelColor(300, 40).lightness()
    finally:
        theme().apply(before)


def test_that_hovering_a_header_offers_its_menu(cells: DataTable, hand) -> None:
    plain = cells.header.viewport().grab().toImage()
    QTest.mouseMove(cells.header.viewport(), hand.header_at(1) + QPoint(40, 0))
    assert cells.header.viewport().grab().toImage() != plain
    cells.header.leaveEvent(QEvent(QEvent.Type.Leave))
    assert cells.header.viewport().grab().toImage() == plain


def test_that_a_table_leaves_nothing_behind(qtbot) -> None:
    table = DataTable("Rows")
    seen = [weakref.ref(part) for part in (table, table.choice, table.columns, table.header)]
    table.show()
    table.close()
    table.deleteLater()
    del table
    QTest.qWait(1)
    gc.collect()
    assert [ref() for ref in seen] == [None] * len(seen)


def test_that_shift_turns_the_wheel_sideways(cells: DataTable) -> None:
    from PySide6.QtCore import QPointF
    from PySide6.QtGui import QWheelEvent

    at = QPointF(100, 100)
    event = QWheelEvent(
        at, cells.mapToGlobal(at), QPoint(), QPoint(0, -120), Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.ShiftModifier, Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    cells.wheelEvent(event)
    assert cells.horizontalScrollBar().value() > 0
    assert cells.verticalScrollBar().value() == 0
