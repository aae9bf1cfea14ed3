"""Light, dark and the system's choice, switched while the window is there."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QGuiApplication, QIcon, QPalette
from PySide6.QtWidgets import QApplication

from fintune_gui.ui.theme import font, icon, theme
from fintune_gui.ui.theme.icons import ICON_NAMES
from fintune_gui.ui.theme.theme import Theme
from fintune_gui.ui.widgets.card import Card
from fintune_gui.ui.widgets.controls import Button


@pytest.fixture(autouse=True)
def _light_afterwards(qapp: QApplication) -> Iterator[None]:
    yield
    theme().apply("light")


def test_that_a_switch_reaches_widgets_that_are_already_shown(qtbot) -> None:
    theme().apply("light")
    card = Card("Title")
    qtbot.addWidget(card)
    card.resize(200, 100)
    card.show()
    assert card.grab().toImage().pixelColor(100, 60).name().upper() == "#FFFFFF"
    theme().apply("dark")
    assert card.grab().toImage().pixelColor(100, 60).name().upper() == "#1E1E21"
    assert QApplication.palette().color(QPalette.ColorRole.Window).name().upper() == "#161618"


def test_that_the_systems_scheme_is_followed_while_it_changes(qapp: QApplication) -> None:
    class Evening(Theme):
        night = False

        def _system_is_dark(self) -> bool:
            return self.night

    evening = Evening()
    evening.apply("system")
    assert evening.tokens.name == "light"
    evening.night = True
    QGuiApplication.styleHints().colorSchemeChanged.emit(Qt.ColorScheme.Dark)
    assert evening.tokens.name == "dark"
    evening.apply("light")
    QGuiApplication.styleHints().colorSchemeChanged.emit(Qt.ColorScheme.Dark)
    assert evening.tokens.name == "light"  # the user's own choice wins


def test_that_icons_take_the_colours_of_the_moment(qapp: QApplication) -> None:
    def ink() -> int:
        image = icon("add").pixmap(QSize(32, 32)).toImage()
        return image.pixelColor(16, 16).lightness()

    theme().apply("light")
    assert ink() < 100
    theme().apply("dark")
    assert ink() > 150


@pytest.mark.parametrize("name", ICON_NAMES)
def test_that_every_icon_draws_something(qapp: QApplication, name: str) -> None:
    image = icon(name).pixmap(QSize(32, 32), QIcon.Mode.Normal).toImage()
    assert any(image.pixelColor(x, y).alpha() for x in range(32) for y in range(32))


def test_that_figures_have_digits_of_one_width(qapp: QApplication) -> None:
    from PySide6.QtGui import QFontMetricsF

    measure = QFontMetricsF(font("figure"))
    assert measure.horizontalAdvance("1111") == pytest.approx(measure.horizontalAdvance("0000"), abs=0.5)


def test_that_a_primary_button_is_filled_with_the_accent(qtbot) -> None:
    theme().apply("light")
    button = Button("Continue", kind="primary")
    qtbot.addWidget(button)
    button.show()
    assert button.grab().toImage().pixelColor(5, button.height() // 2).name().upper() == "#2F5DD0"
