"""Questions about bytes of text, answered several times as fast as by decoding or by counting one by one."""

from __future__ import annotations

import struct

import numpy as np
import pyarrow as pa


def count_byte(data: bytes, byte: int) -> int:
    """How often `byte` is in `data`, quick also where it is frequent."""
    return int(np.count_nonzero(np.frombuffer(data, np.uint8) == byte))


def is_utf8(data: bytes) -> bool:
    """Whether `data` is valid UTF-8 as a whole."""
    if data.isascii():
        return True
    offsets = pa.py_buffer(struct.pack("=qq", 0, len(data)))
    try:
        pa.LargeStringArray.from_buffers(1, offsets, pa.py_buffer(data)).validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


class Utf8Check:
    """Tells whether bytes that come in pieces are UTF-8, wherever the pieces are cut."""

    def __init__(self) -> None:
        self.valid = True
        """So far."""
        self._rest = b""
        """The last character, which may go on in the next piece."""

    def feed(self, piece: bytes) -> None:
        if self.valid:
            data = self._rest + piece if self._rest else piece
            end = _whole_characters(data)
            self._rest = data[end:]
            self.valid = is_utf8(data[:end] if self._rest else data)

    def finish(self) -> bool:
        """Whether all that came is UTF-8."""
        return self.valid and is_utf8(self._rest)


def _whole_characters(data: bytes) -> int:
    """How many bytes of `data` come before a character that is perhaps not complete."""
    for back in range(1, min(4, len(data)) + 1):
        byte = data[-back]
        if byte < 0x80:
            break
        if byte >= 0xC0:
            return len(data) - back
    return len(data)
