"""Python work on many texts, in a process of its own."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator

import pyarrow as pa
import pytest

from fintune_gui.dataset import cleaners, text_process
from fintune_gui.dataset.text_process import elsewhere

MANY = 40
BROKEN, MENDED = "schÃ¶n und gut", "schön und gut"


@pytest.fixture(autouse=True)
def keeper(monkeypatch: pytest.MonkeyPatch) -> Iterator[text_process._Keeper]:
    keeper = text_process._Keeper()
    monkeypatch.setattr(text_process, "_keeper", keeper)
    yield keeper
    keeper.close()


def texts(*values: str) -> pa.LargeStringArray:
    return pa.array(values, pa.large_string())


def test_that_many_texts_are_mended_elsewhere_as_they_are_here(keeper: text_process._Keeper) -> None:
    array = pa.array([f"{BROKEN} {n}" for n in range(MANY)] + [None, "plain"], pa.large_string())
    assert cleaners.repair_mojibake(array).to_pylist() == [f"{MENDED} {n}" for n in range(MANY)] + [None, "plain"]
    assert keeper.pid not in (None, os.getpid())


def test_that_one_process_answers_one_question_after_the_other(keeper: text_process._Keeper) -> None:
    for name, value in (("decode_html", "a &amp; b\n"), ("repair_mojibake", BROKEN), ("mask_cards", "ü \x00")):
        answer = elsewhere(name, texts(value, ""))
        assert answer is not None
        assert answer.equals(cleaners.by_text(name, texts(value, "")))
        first = keeper.pid
    assert keeper.pid == first


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such signals")
def test_that_the_work_is_done_here_when_the_process_dies(keeper: text_process._Keeper) -> None:
    elsewhere("decode_html", texts("&lt;"))
    assert keeper.pid is not None
    os.kill(keeper.pid, signal.SIGKILL)
    mended = cleaners.repair_mojibake(texts(*[BROKEN] * MANY))
    assert mended.to_pylist() == [MENDED] * MANY


def test_that_the_process_ends_when_nobody_needs_it(
    keeper: text_process._Keeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere("decode_html", texts("&lt;"))
    first = keeper.pid
    monkeypatch.setattr(text_process, "_IDLE_S", 0.0)
    keeper._end_if_idle()
    assert keeper.pid is None
    assert elsewhere("decode_html", texts("&lt;")) == texts("<")
    assert keeper.pid not in (None, first)
