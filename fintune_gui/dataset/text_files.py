"""Opening the user's text files: is it there, is it text, and in which encoding."""

from __future__ import annotations

import codecs
import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from stat import S_ISDIR, S_ISREG
from typing import TextIO

from fintune_gui.dataset.utf8 import Utf8Check, count_byte
from fintune_gui.project.errors import DataError

_CHUNK_BYTES = 1 << 20
_GUESS_BYTES = 256 * 1024
"""How much of a file the guesser looks at; more is slow and does not help."""
_VALID_PER_BROKEN_LINE = 9
"""A file with so many valid UTF-8 lines beside each broken one is UTF-8 with broken lines, not another encoding."""

_BYTE_ORDER_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_NOT_TEXT = {
    b"PK\x03\x04": ("a workbook or a zip archive", "Let the program find out its format."),
    b"\xd0\xcf\x11\xe0": ("an old workbook", "Let the program find out its format."),
    b"PAR1": ("a Parquet file", "Let the program find out its format."),
    b"ARROW1": ("an Arrow file", "Let the program find out its format."),
    b"SQLite format 3": ("a database", "Let the program find out its format."),
    b"BZh": ("a file packed with bzip2", "Unpack it first, or pack it with gzip."),
    b"\xfd7zXZ": ("a file packed with xz", "Unpack it first, or pack it with gzip."),
    b"7z\xbc\xaf": ("a 7-Zip archive", "Unpack it first."),
    b"Rar!": ("a RAR archive", "Unpack it first."),
    b"%PDF": ("a PDF document", "Copy its text into a CSV or JSON lines file."),
}


@dataclass(frozen=True)
class Encoding:
    """An encoding and, unless it is beyond doubt, how it was found."""

    name: str
    note: str = ""


@dataclass(frozen=True)
class Inspected:
    """What one pass over a file's bytes tells."""

    bytes: int
    sha256: str
    encoding: Encoding
    lines: int


def check_present(path: Path, name: str = "") -> bytes:
    """The first bytes of a file.

    Args:
        name: What people call it; the file's name by default.

    Raises:
        DataError: if it is missing, no ordinary file, unreadable or empty.
    """
    name = name or path.name
    todo = "Choose another file, or check its name and place."
    try:
        mode = path.stat().st_mode
        if S_ISDIR(mode):
            raise DataError("data.not_a_file", f"{name} is a folder.", "Rows are read from files.", todo)
        if not S_ISREG(mode):  # a pipe or a device: it may never begin, or never end, and cannot be read twice
            raise DataError(
                "data.not_a_file",
                f"{name} is not an ordinary file.",
                "It is a pipe or a device; rows are read from files, more than once.",
                "Save what it gives into a file, and import that.",
            )
        with path.open("rb") as file:
            head = file.read(8192)
    except FileNotFoundError:
        why = f"It is a link to {path.readlink()}, which is not there." if path.is_symlink() else f"There is no {path}."
        raise DataError("data.missing_file", f"{name} cannot be found.", why, todo) from None
    except OSError as error:
        raise DataError(
            "data.unreadable_file",
            f"{name} cannot be read.",
            f"The system says: {error.strerror or error}.",
            "Change the file's permissions, or copy it to a folder of your own.",
        ) from error
    if not head:
        raise DataError("data.empty_file", f"{name} is empty.", "It holds no bytes at all.", todo)
    return head


def check_readable(path: Path, name: str = "") -> None:
    """Raise `DataError` if `path` is missing, no file, unreadable, empty, or no text at all."""
    head = check_present(path, name)
    name = name or path.name
    for mark, (kind, advice) in _NOT_TEXT.items():
        if head.startswith(mark):
            raise DataError("data.not_text", f"{name} is {kind}, not a text file.", "", advice)
    if b"\0" in head and _byte_order_mark(head) is None and not _looks_like_utf16(head):
        todo = "Choose another file, or check its name and place."
        raise DataError("data.not_text", f"{name} is not a text file.", "It holds binary data.", todo)


def inspect(
    path: Path, *, encoding: str | None = None, report: Callable[[int], None] | None = None, name: str = ""
) -> Inspected:
    """Size, hash and encoding of a file, in one pass with bounded memory.

    Args:
        encoding: The user's choice; None means find out.
        report: Told how many bytes have been looked at.
        name: What people call the file; its own name by default.

    Raises:
        DataError: as `check_readable`, or for an encoding that Python does not know.
    """
    check_readable(path, name)
    digest = hashlib.sha256()
    utf8 = Utf8Check()
    done, lines = 0, 1
    with path.open("rb") as file:
        head = file.read(4)
        file.seek(0)
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
            done += len(chunk)
            lines += count_byte(chunk, ord("\n"))
            utf8.feed(chunk)
            if report:
                report(done)
    chosen = _choose(path, encoding, _byte_order_mark(head), valid_utf8=utf8.finish())
    return Inspected(done, digest.hexdigest(), chosen, lines)


@contextmanager
def open_text(path: Path, encoding: str, *, newline: str = "") -> Iterator[TextIO]:
    """The file as text, line ends untouched, in lines that end with `newline`, or with any of them.

    Bytes that do not fit the encoding become lone surrogates.

    Raises:
        DataError: inside the block, if bytes do not fit an encoding of several bytes a letter, such as UTF-16.
    """
    try:
        with path.open(encoding=encoding, errors="surrogateescape", newline=newline) as file:
            yield file
    except UnicodeError as error:
        raise DataError(
            "data.wrong_encoding",
            f"{path.name} is not text in the encoding {encoding}.",
            "Its bytes break the rules of that encoding.",
            "Choose another encoding, or leave it empty to find out by itself.",
            details=str(error),
        ) from error


def has_broken_characters(text: str) -> bool:
    """Whether `text` holds bytes that did not fit the encoding, see `open_text`."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return True
    return False


def _byte_order_mark(head: bytes) -> str | None:
    return next((name for mark, name in _BYTE_ORDER_MARKS if head.startswith(mark)), None)


def _looks_like_utf16(head: bytes) -> bool:
    """UTF-16 without a mark: every other byte of Latin text is zero."""
    return max(head[0::2].count(0), head[1::2].count(0)) > len(head) * 0.4


def _choose(path: Path, wanted: str | None, mark: str | None, *, valid_utf8: bool) -> Encoding:
    if wanted:
        try:
            name = codecs.lookup(wanted).name
            "".encode(name, "surrogateescape")  # base64 and the like are codecs too, but not of text
        except (LookupError, ValueError):
            raise DataError(
                "data.unknown_encoding",
                f"There is no encoding “{wanted}”.",
                "No encoding of texts has this name.",
                "Leave it empty to find out by itself, or use for example utf-8, windows-1252 or utf-16.",
            ) from None
        return Encoding("utf-8-sig" if name == "utf-8" and mark == "utf-8-sig" else name, "Chosen by you.")
    if mark:
        return Encoding(mark)
    if valid_utf8:
        return Encoding("utf-8")
    return _guess(path)


_GUESSED = "The encoding is a guess"


def _guess(path: Path) -> Encoding:
    with path.open("rb") as file:
        sample = file.read(_GUESS_BYTES)
        sample += file.readline(_GUESS_BYTES)  # cut at a line end: half a character would mislead the guess
    if _looks_like_utf16(sample[:8192]):
        name = "utf-16-le" if sample[1::2].count(0) > sample[0::2].count(0) else "utf-16-be"
        return Encoding(name, f"{_GUESSED}: the file has no byte order mark. Please look at the first rows.")
    valid, broken = _count_utf8_lines(path)
    if valid >= _VALID_PER_BROKEN_LINE * broken:
        return Encoding("utf-8", f"UTF-8 with {broken:,} broken lines, which are set aside.")
    from charset_normalizer import from_bytes

    best = from_bytes(sample).best()
    name = best.encoding if best and best.encoding != "utf_8" else "cp1252"
    if name.startswith(("mac", "cp125", "cp8", "cp4", "cp5", "iso8859", "latin", "hp_")):
        name = _most_likely_western(sample, name)
    return Encoding(name, f"{_GUESSED}: the file is not UTF-8. Please look at the first rows.")


def _most_likely_western(sample: bytes, guessed: str) -> str:
    """Guesses among the single-byte Latin encodings are often wrong; Windows-1252 is by far the most common.

    It is kept from replacing a Cyrillic, Greek or other script, where most letters are beyond ASCII.
    """
    high = sum(byte >= 0x80 for byte in sample)
    letters = sum(chr(byte).isalpha() for byte in sample if byte < 0x80)
    try:
        sample.decode("cp1252")
    except UnicodeDecodeError:
        return guessed
    return "cp1252" if high * 4 < letters else guessed


def _count_utf8_lines(path: Path) -> tuple[int, int]:
    """Lines that hold valid UTF-8 beyond ASCII, and lines that are not valid UTF-8."""
    valid = broken = 0
    with path.open("rb") as file:
        for line in file:
            if line.isascii():
                continue
            try:
                line.decode("utf-8")
                valid += 1
            except UnicodeDecodeError:
                broken += 1
    return valid, broken
