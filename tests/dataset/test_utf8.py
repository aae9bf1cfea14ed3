"""The quick check for UTF-8 agrees with Python's decoder, however the bytes are cut."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from fintune_gui.dataset.utf8 import Utf8Check


@given(st.one_of(st.binary(max_size=30), st.text(max_size=20).map(lambda t: t.encode("utf-8", "surrogatepass"))),
       st.integers(1, 7))  # fmt: skip
@example("aä€😀".encode(), 1)
@example("😀".encode()[:3], 2)
@example(b"\xed\xa0\xbd", 3)
def test_that_the_check_agrees_with_python_wherever_the_pieces_are_cut(data: bytes, size: int) -> None:
    check = Utf8Check()
    for start in range(0, len(data), size):
        check.feed(data[start : start + size])
    try:
        data.decode("utf-8")
        expected = True
    except UnicodeDecodeError:
        expected = False
    assert check.finish() is expected
