"""Why a text is not valid JSON, in words that help to mend it."""

from __future__ import annotations

import re

import orjson

_BY_TEXT = (
    (r"'|\w+'", "Names and texts stand in single quotation marks; JSON wants double ones"),
    (r"[‘’“”„«»]", "Names and texts stand in typographic quotation marks; JSON wants straight ones"),
    (r"NaN|nan|-?Infinity|-?inf", "JSON has no {found}; write a number, a text or null"),
    (r"True|False|None", "“{found}” is how Python writes it; JSON writes {json}"),
    (r"//|/\*|#", "There is a comment; JSON has none"),
    (r"[}\]]|,", "A value is missing before “{found}”"),
)
"""What stands where a name or a value should begin."""
_BY_MESSAGE = (
    ("unexpected end", "It ends in the middle: it was cut off, or a quotation mark or bracket is missing"),
    ("trailing comma", "There is a comma too many"),
    ("surrogate", "“{escape}” is half of a character; the other half is missing"),
    ("control character", "There is a line break, a tab or the like inside a text; JSON writes it as \\n or \\t"),
    ("escaped sequence", "After a backslash comes something that means nothing; a plain backslash is written \\\\"),
    ("leading zero", "A number begins with 0; write it without, or as a text in quotation marks"),
    ("content after document", "Something stands after the end of the row: “{after}”"),
    ("string key", "A name does not stand in double quotation marks"),
    ("':' after key", "After a name a colon is missing"),
    ("expected ',' or", "A comma or a closing bracket is missing"),
    ("depth limit", "It is nested too deeply"),
)
_PYTHON = {"True": "true", "False": "false", "None": "null"}


def reason(error: orjson.JSONDecodeError) -> str:
    """One sentence without its full stop."""
    rest = error.doc[error.pos : error.pos + 40]
    if "expected a JSON value" in error.msg or "string key" in error.msg or "after sign" in error.msg:
        if "after sign" in error.msg:
            rest = error.doc[error.pos - 1 : error.pos + 40]
        for pattern, sentence in _BY_TEXT:
            if found := re.match(pattern, rest):
                return "Not valid JSON: " + sentence.format(found=found[0], json=_PYTHON.get(found[0], ""))
    escape = rest[:6]
    after = rest[:20]
    sentence = next((said for part, said in _BY_MESSAGE if part in error.msg), error.msg)
    return "Not valid JSON: " + sentence.replace("{escape}", escape).replace("{after}", after)
