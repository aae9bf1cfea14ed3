"""Files that shall come in: looked at one by one in the background, and the latest wish wins."""

from __future__ import annotations

from pathlib import Path

import pytest

from fintune_gui.ui.services.background import inline_background
from fintune_gui.ui.services.incoming import IncomingFiles
from tests.helpers.pages import opened_session


@pytest.fixture
def incoming(qapp, tmp_path: Path):
    with opened_session(tmp_path / "project") as session:
        yield IncomingFiles(session, session)


@pytest.fixture
def odd(tmp_path: Path) -> Path:
    path = tmp_path / "odd.csv"
    path.write_text("a|b;c\n1|2;3\n")
    return path


def test_that_the_latest_of_many_wishes_is_the_one_that_is_answered(qtbot, incoming, odd: Path) -> None:
    incoming.add([str(odd)])
    for delimiter in (",", "|", ",", ";"):
        incoming.read_otherwise(str(odd), "delimiter", delimiter)

    qtbot.waitUntil(lambda: incoming.usable)
    assert incoming.files[0].found.columns == ("a|b", "c")


def test_that_another_format_forgets_what_belonged_to_the_one_before(incoming, odd: Path) -> None:
    with inline_background():
        incoming.add([str(odd)])
        incoming.read_otherwise(str(odd), "delimiter", ";")
        incoming.read_otherwise(str(odd), "format", "text")

        assert incoming.files[0].choices == {"format": "text"}
        assert incoming.files[0].as_choice().options.format == "text"
        incoming.read_otherwise(str(odd), "format", None)
    assert incoming.files[0].choices == {}
    assert incoming.usable


def test_that_a_file_that_left_is_not_brought_back_by_its_answer(qtbot, incoming, odd: Path) -> None:
    incoming.add([str(odd)])
    with qtbot.waitSignal(incoming.changed):
        incoming.leave_out(str(odd))
    qtbot.wait(50)

    assert not incoming.files
    assert not incoming.busy
    assert not incoming.usable


def test_that_a_folder_of_texts_is_one_line(incoming, tmp_path: Path) -> None:
    folder = tmp_path / "stories"
    folder.mkdir()
    for name in ("one.txt", "two.txt"):
        (folder / name).write_text(f"The story {name}.")
    with inline_background():
        incoming.add([str(folder)])

    (file,) = incoming.files
    assert file.name == "stories"
    assert len(file.found.members) == 2


def test_that_a_broken_file_keeps_its_problem_and_its_place(incoming, odd: Path, tmp_path: Path) -> None:
    with inline_background():
        incoming.add([str(tmp_path / "gone.csv"), str(odd)])

    assert [file.problem is None for file in incoming.files] == [False, True]
    assert not incoming.usable
