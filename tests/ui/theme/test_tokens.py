"""Every text can be read on what lies behind it, and no colour is named outside the theme."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import fintune_gui.ui
from fintune_gui.ui.theme.theme import style_sheet
from fintune_gui.ui.theme.tokens import DARK, LIGHT, READABLE, Tokens, Tone, contrast, mix, readable

SCHEMES = pytest.mark.parametrize("scheme", [LIGHT, DARK], ids=["light", "dark"])
TONES: tuple[Tone, ...] = ("neutral", "info", "good", "warn", "bad")


@SCHEMES
def test_that_text_can_be_read_on_page_cards_and_buttons(scheme: Tokens) -> None:
    for behind in (scheme.bg, scheme.surface, scheme.raised, scheme.accent_soft, scheme.warn_soft):
        assert contrast(scheme.text, behind) >= READABLE
    for behind in (scheme.bg, scheme.surface):
        assert contrast(scheme.muted, behind) >= READABLE
    assert contrast(scheme.on_accent, scheme.accent) >= READABLE
    assert contrast(scheme.on_accent, scheme.accent_hover) >= READABLE


@SCHEMES
@pytest.mark.parametrize("tone", TONES)
def test_that_words_in_a_tone_can_be_read(scheme: Tokens, tone: Tone) -> None:
    for behind in (scheme.bg, scheme.surface, scheme.soft(tone)):
        assert contrast(scheme.ink(tone), behind) >= READABLE
    assert contrast(scheme.muted_on_soft, scheme.soft(tone)) >= READABLE


@SCHEMES
def test_that_marks_stand_out_from_the_card(scheme: Tokens) -> None:
    for colour in (scheme.accent, scheme.series_2, scheme.good, scheme.warn, scheme.bad):
        assert contrast(colour, scheme.surface) >= 3.0  # WCAG's bound for graphics


@SCHEMES
def test_that_the_style_sheet_leaves_no_blank(scheme: Tokens) -> None:
    sheet = style_sheet(scheme)
    assert "$" not in sheet
    assert scheme.accent in sheet
    assert sheet.count("{") == sheet.count("}")


def test_that_readable_gives_the_first_colour_that_can_be_read() -> None:
    assert readable("#000000", "#000000", ("#FFFFFF",)) == "#000000"
    found = readable("#BBBBBB", "#000000", ("#FFFFFF",))
    assert contrast(found, "#FFFFFF") >= READABLE
    assert contrast(found, "#FFFFFF") < 6  # and not darker than it must be


def test_that_mix_ends_at_both_colours() -> None:
    assert mix("#102030", "#A0B0C0", 0) == "#102030"
    assert mix("#102030", "#A0B0C0", 1) == "#A0B0C0"


def test_that_colours_and_style_sheets_are_only_in_the_theme() -> None:
    root = Path(fintune_gui.ui.__file__).parent
    offenders = [
        f"{path.relative_to(root)}: {line.strip()}"
        for path in root.rglob("*.py")
        if path.parent.name != "theme"
        for line in path.read_text(encoding="utf-8").splitlines()
        if re.search(r"#[0-9A-Fa-f]{6}\b|setStyleSheet|GlobalColor\.(?!transparent)", line)
    ]
    assert offenders == []
