"""Colours by meaning, for light and dark. Nothing else in the program names a colour."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Literal

Tone = Literal["neutral", "info", "good", "warn", "bad"]
"""What a mark, a banner or a badge says; each has a colour, but always a word or a sign as well."""

READABLE = 4.5
"""Contrast that small text needs against what lies behind it (WCAG AA)."""


@dataclass(frozen=True)
class Tokens:
    """One colour scheme. Values are "#RRGGBB". The soft colours lie behind text in the colour of the same name."""

    name: Literal["light", "dark"]
    bg: str
    surface: str
    raised: str
    line: str
    text: str
    muted: str
    accent: str
    accent_soft: str
    good: str
    good_soft: str
    warn: str
    warn_soft: str
    bad: str
    bad_soft: str
    series_2: str

    @property
    def on_accent(self) -> str:
        """Text on a filled accent: the primary button, the number of the current step."""
        return max(("#FFFFFF", "#161618"), key=lambda colour: contrast(colour, self.accent))

    @property
    def accent_hover(self) -> str:
        return mix(self.accent, self.text, 0.14)

    @property
    def raised_hover(self) -> str:
        return mix(self.raised, self.text, 0.05)

    @property
    def control_line(self) -> str:
        """Outline of things that can be pressed or filled in, a little stronger than the grid."""
        return mix(self.line, self.text, 0.08)

    @property
    def disabled_text(self) -> str:
        return mix(self.muted, self.surface, 0.35)

    def fill(self, tone: Tone) -> str:
        """The colour of a mark, a line or a bar in `tone`."""
        return {
            "neutral": self.muted,
            "info": self.accent,
            "good": self.good,
            "warn": self.warn,
            "bad": self.bad,
        }[tone]

    def soft(self, tone: Tone) -> str:
        """The colour behind text in `tone`."""
        return {
            "neutral": mix(self.surface, self.text, 0.06),
            "info": self.accent_soft,
            "good": self.good_soft,
            "warn": self.warn_soft,
            "bad": self.bad_soft,
        }[tone]

    def ink(self, tone: Tone) -> str:
        """`fill(tone)`, moved towards the text's colour until it can be read on the page, on cards and on its soft."""
        return readable(self.fill(tone), self.text, (self.bg, self.surface, self.soft(tone)))

    @property
    def muted_on_soft(self) -> str:
        """Secondary text on any of the soft colours."""
        tones: tuple[Tone, ...] = ("neutral", "info", "good", "warn", "bad")
        return readable(self.muted, self.text, tuple(self.soft(tone) for tone in tones))

    def values(self) -> dict[str, str]:
        """Every colour by name, for the style sheet."""
        plain = {field.name: str(getattr(self, field.name)) for field in fields(self)}
        derived = ("on_accent", "accent_hover", "raised_hover", "control_line", "disabled_text", "muted_on_soft")
        tones: tuple[Tone, ...] = ("neutral", "info", "good", "warn", "bad")
        return (
            plain
            | {name: str(getattr(self, name)) for name in derived}
            | {f"{tone}_ink": self.ink(tone) for tone in tones}
            | {f"{tone}_behind": self.soft(tone) for tone in tones}
        )


LIGHT = Tokens(
    name="light",
    bg="#F7F7F5",
    surface="#FFFFFF",
    raised="#FFFFFF",
    line="#E4E3DF",
    text="#1C1B19",
    muted="#6F6D68",
    accent="#2F5DD0",
    accent_soft="#E8EEFC",
    good="#1F8A4C",
    good_soft="#E4F4EA",
    warn="#B26A00",
    warn_soft="#FFF3DF",
    bad="#C0362C",
    bad_soft="#FCE9E7",
    series_2="#D9730D",
)

DARK = Tokens(
    name="dark",
    bg="#161618",
    surface="#1E1E21",
    raised="#26262A",
    line="#34343A",
    text="#ECECEA",
    muted="#9A9AA2",
    accent="#7AA2FF",
    accent_soft="#24304F",
    good="#5CC98A",
    good_soft="#1D3528",
    warn="#E9B35B",
    warn_soft="#3A2E18",
    bad="#F0857B",
    bad_soft="#41211E",
    series_2="#F2A65A",
)


def _channels(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def mix(colour: str, other: str, share: float) -> str:
    """`colour` with `share` (0 to 1) of `other`."""
    pairs = zip(_channels(colour), _channels(other), strict=True)
    return "#" + "".join(f"{round(a * (1 - share) + b * share):02X}" for a, b in pairs)


def contrast(colour: str, other: str) -> float:
    """Contrast ratio as WCAG 2 defines it, 1 to 21."""

    def luminance(value: str) -> float:
        shares = [channel / 255 for channel in _channels(value)]
        red, green, blue = (c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in shares)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    dark, light = sorted((luminance(colour), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@lru_cache(maxsize=512)
def readable(colour: str, towards: str, behind: tuple[str, ...]) -> str:
    """The nearest colour on the way from `colour` to `towards` that can be read on every colour of `behind`."""
    candidates = (mix(colour, towards, step / 20) for step in range(21))
    return next((c for c in candidates if min(contrast(c, back) for back in behind) >= READABLE), towards)
