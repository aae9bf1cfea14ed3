"""What cleaning steps do to a batch of texts, and the patterns that find the dirt. Compiled code where it can be.

Patterns are RE2, the same in finding and in mending.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from dataclasses import dataclass

import ftfy
import pyarrow as pa
import pyarrow.compute as pc

from fintune_gui.dataset.bulk import Transform
from fintune_gui.dataset.text_process import elsewhere

WHITE_SPACE = r"^[\s\pZ]|[\s\pZ]$"
SEVERAL_SPACES = r"[^\s\pZ][ \t\x{a0}]{2,}[^\s\pZ]"
_JOINERS = r"[\x{200c}\x{200d}]"
CONTROL = rf"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]|[\x{{200b}}\x{{2060}}\x{{feff}}\x{{ad}}]|[\x00-\x7f]{_JOINERS}"
"""Control characters and characters without width. Joiners stay in emoji and in scripts that need them."""
_TAG_NAMES = (
    "a|abbr|b|blockquote|br|center|code|div|em|font|h[1-6]|hr|i|iframe|img|input|label|li|ol|p|pre|s|script|small|"
    "span|strike|strong|style|sub|sup|table|tbody|td|th|thead|tr|tt|u|ul"
)
HTML_TAG = rf"(?i)</?(?:{_TAG_NAMES})(?:\s[^<>]*)?/?>|<!--.*?-->"
HTML_ENTITY = r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z][a-zA-Z0-9]{1,30});"
MOJIBAKE = r"[ÂÃâÐÑÎÏðåæçã][\x{80}-\x{bf}€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ]|\x{fffd}|â€"
"""Candidates only: whether a text is broken is for ftfy to say."""
CHAT_MARKS = r"<\|[A-Za-z_]{2,30}\|>|\[/?INST\]|<</?SYS>>|<(?:start|end)_of_turn>"
"""Marks of chat templates. Inside a text a model takes them for the end of a turn."""
E_MAIL = r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}"
PHONE = (
    r"\+\d{1,3}[ .-]?(?:\(\d{1,4}\)[ .-]?)?\d{1,4}(?:[ .-]?\d{2,4}){2,4}\b"
    r"|(?:\(\d{3}\) ?|\b\d{3}[ .-])\d{3}[ .-]\d{4}\b"
    r"|\b0\d{1,4}[ -]\d{3,4}[ -]?\d{3,4}\b"
)
CARD = r"\b\d(?:[ -]?\d){12,18}\b"
"""Candidates only: the check digit decides."""

_CARD = re.compile(CARD)


def trim_white_space(array: pa.LargeStringArray) -> pa.LargeStringArray:
    """Without white space at the ends."""
    return pc.replace_substring_regex(array, r"^[\s\pZ]+|[\s\pZ]+$", "")


def remove_control_characters(array: pa.LargeStringArray) -> pa.LargeStringArray:
    """Without control characters (line breaks and tabs stay) and characters of no width."""
    array = pc.replace_substring(array, "\x85", "\n")  # a line break of old mainframes
    array = pc.replace_substring_regex(array, rf"([\x00-\x7f]){_JOINERS}+", r"\1")
    return pc.replace_substring_regex(array, CONTROL, "")


def strip_html_tags(array: pa.LargeStringArray) -> pa.LargeStringArray:
    """Without HTML tags; those that begin a line in a browser become a line break or a space."""
    breaks = pc.replace_substring_regex(array, r"(?i)<br\s*/?>|</p>\s*<p(?:\s[^<>]*)?>", "\n")
    return pc.replace_substring_regex(breaks, HTML_TAG, "")


def decode_html(array: pa.LargeStringArray) -> pa.LargeStringArray:
    """With ``&amp;`` as & and so on."""
    return _mapped(array, HTML_ENTITY, "decode_html")


def repair_mojibake(array: pa.LargeStringArray) -> pa.LargeStringArray:
    """With characters mended that were read in a wrong encoding, such as Ã¼ for ü."""
    return _mapped(array, MOJIBAKE, "repair_mojibake")


def mask_cards(array: pa.LargeStringArray) -> pa.LargeStringArray:
    """With card numbers replaced by [card]."""
    return _mapped(array, CARD, "mask_cards")


def mask_personal_data(array: pa.LargeStringArray) -> pa.LargeStringArray:
    """With e-mail addresses, card numbers and phone numbers replaced by what they are, in brackets."""
    array = pc.replace_substring_regex(array, E_MAIL, "[email]")
    return pc.replace_substring_regex(mask_cards(array), PHONE, "[phone]")


def renamer(mapping: dict[str, str]) -> Transform:
    """Whole values replaced by others."""
    old, new = pa.array(mapping.keys(), pa.large_string()), pa.array(mapping.values(), pa.large_string())

    def rename(array: pa.LargeStringArray) -> pa.LargeStringArray:
        return pc.coalesce(new.take(pc.index_in(array, old)), array)

    return rename


def _masked_card(match: re.Match[str]) -> str:
    return "[card]" if _is_card(match[0]) else match[0]


def _is_card(text: str) -> bool:
    """The check digit by Luhn's rule: every second digit from the right counts double."""
    digits = [int(character) for character in text if character.isdigit()]
    doubled = [digit * 2 - 9 * (digit > 4) for digit in digits[-2::-2]]
    return len(set(digits)) > 1 and (sum(doubled) + sum(digits[-1::-2])) % 10 == 0


def _with_cards_masked(text: str) -> str:
    return _CARD.sub(_masked_card, text)


@dataclass(frozen=True)
class _ByText:
    """Python for one text. More than `most_here` of them are done in the process for texts: they hold the interpreter
    for more than a few milliseconds."""

    function: Callable[[str], str]
    most_here: int


_BY_TEXT = {
    "repair_mojibake": _ByText(ftfy.fix_encoding, 20),
    "decode_html": _ByText(html.unescape, 500),
    "mask_cards": _ByText(_with_cards_masked, 200),
}


def by_text(name: str, texts: pa.LargeStringArray) -> pa.LargeStringArray:
    """What Python makes of each text, done here and now."""
    function = _BY_TEXT[name].function
    return pa.array([function(text) for text in texts.to_pylist()], pa.large_string())


def _mapped(array: pa.LargeStringArray, pattern: str, name: str) -> pa.LargeStringArray:
    """What Python makes of the texts that match `pattern`; the others are not touched, so that it sees only a few."""
    candidates = pc.fill_null(pc.match_substring_regex(array, pattern), False)
    if not candidates.true_count:
        return array
    texts = array.filter(candidates)
    mended = elsewhere(name, texts) if len(texts) > _BY_TEXT[name].most_here else None
    if mended is None:
        mended = by_text(name, texts)
    return pc.replace_with_mask(array, candidates, mended)
