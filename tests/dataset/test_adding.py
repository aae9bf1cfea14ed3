"""More files into a present table: one operation, and a kill leaves what was there before, or all of it."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from fintune_gui.dataset.importing import (
    FileChoice,
    ImportOptions,
    add_files,
    import_files,
    options_of,
    read_rejected,
)
from fintune_gui.dataset.store import Dataset
from fintune_gui.project.errors import DataError
from tests.dataset.conftest import write_csv


@pytest.fixture
def dataset_folder(tmp_path: Path) -> Path:
    import_files(
        [write_csv(tmp_path / "first.csv", ["text", "label"], [["one", "a"], ["two", "b"]])], tmp_path / "data"
    )
    return tmp_path / "data"


def rows(folder: Path) -> list[dict[str, str | None]]:
    with Dataset.open(folder, read_only=True) as dataset:
        return [row for _, row in dataset.rows()]


def test_that_added_rows_continue_the_columns_of_their_names(dataset_folder: Path, tmp_path: Path) -> None:
    second = tmp_path / "second.jsonl"
    second.write_text('{"label": "c", "note": "new", "text": "three"}\nbroken\n')
    result = add_files(dataset_folder, [second])
    assert (result.rows, result.rejected, result.columns) == (1, 1, ("text", "label", "note", "source"))
    assert rows(dataset_folder) == [
        {"text": "one", "label": "a", "source": "first.csv", "note": None},
        {"text": "two", "label": "b", "source": "first.csv", "note": None},
        {"text": "three", "label": "c", "source": "second.jsonl", "note": "new"},
    ]
    assert [reject.file for reject in read_rejected(dataset_folder)] == ["second.jsonl"]


def test_that_adding_is_one_operation_that_can_be_undone(dataset_folder: Path, tmp_path: Path) -> None:
    before = rows(dataset_folder)
    add_files(dataset_folder, [write_csv(tmp_path / "second.csv", ["text"], [["three"]])])
    with Dataset.open(dataset_folder) as dataset:
        (operation,) = dataset.history()
        assert operation.label == "Added 1 row from second.csv"
        assert [Path(source.path).name for source in dataset.sources] == ["first.csv", "second.csv"]
        dataset.undo()
        assert (dataset.total_rows, dataset.columns) == (2, ("text", "label"))
    assert rows(dataset_folder) == before
    with Dataset.open(dataset_folder) as dataset:
        dataset.redo()
        assert dataset.row(2)["text"] == "three"


def test_that_a_renamed_column_is_continued_by_its_present_name(dataset_folder: Path, tmp_path: Path) -> None:
    with Dataset.open(dataset_folder) as dataset:
        dataset.rename("text", "message")
    second = write_csv(tmp_path / "second.csv", ["message", "text", "text_2"], [["three", "other", "more"]])
    for _ in range(2):
        add_files(dataset_folder, [second])
    found = rows(dataset_folder)
    assert found[0] == {"message": "one", "label": "a", "source": "first.csv", "text": None, "text_2": None}
    new = {"message": "three", "label": None, "source": "second.csv", "text": "other", "text_2": "more"}
    assert found[2:] == [new, new]
    with Dataset.open(dataset_folder) as dataset:
        dataset.go_to(1)
        assert dataset.columns == ("message", "label")
        dataset.go_to(3)
        assert dict(dataset.rows()) == dict(enumerate(found))


def test_that_a_name_that_is_taken_while_a_file_is_read_leaves_both_columns(
    dataset_folder: Path, tmp_path: Path
) -> None:
    def rename(*_progress: object) -> None:
        with Dataset.open(dataset_folder) as dataset:
            if "other" not in dataset.columns:
                dataset.rename("text", "other")

    add_files(dataset_folder, [write_csv(tmp_path / "second.csv", ["other"], [["three"]])], report=rename)
    assert rows(dataset_folder)[2] == {"other": None, "label": None, "source": "second.csv", "other_2": "three"}


def test_that_a_file_that_cannot_be_added_changes_nothing(dataset_folder: Path, tmp_path: Path) -> None:
    before = rows(dataset_folder)
    (tmp_path / "bad.csv").write_text("text\n")
    with pytest.raises(DataError, match="holds no rows"):
        add_files(dataset_folder, [tmp_path / "bad.csv"])
    assert rows(dataset_folder) == before
    assert [path.name for path in tmp_path.glob("data*")] == ["data"]
    with pytest.raises(DataError):
        add_files(tmp_path / "nothing", [tmp_path / "first.csv"])


def test_that_every_file_remembers_how_it_was_read(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x;y\n1;2\n")
    (tmp_path / "b.txt").write_text("one\ntwo\n")
    first = FileChoice(path=str(tmp_path / "a.csv"), options=ImportOptions(delimiter=","))
    second = FileChoice(path=str(tmp_path / "b.txt"), options=ImportOptions(text_unit="file"))
    import_files([first], tmp_path / "data")
    add_files(tmp_path / "data", [second])
    assert options_of(tmp_path / "data") == [first, second]
    again = [first.model_copy(update={"options": ImportOptions(delimiter=";")}), second]
    import_files(again, tmp_path / "data")
    assert rows(tmp_path / "data") == [
        {"x": "1", "y": "2", "source": "a.csv", "text": None},
        {"x": None, "y": None, "source": "b.txt", "text": "one\ntwo"},
    ]


_ADD = """
import sys
from pathlib import Path
from fintune_gui.dataset.importing import add_files
print("ready", flush=True)
add_files(Path(sys.argv[1]), [Path(sys.argv[2])])
"""


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is a matter of POSIX")
def test_that_a_kill_while_adding_leaves_the_old_rows_or_all_of_the_new(dataset_folder: Path, tmp_path: Path) -> None:
    second = tmp_path / "second.jsonl"
    second.write_text('{"text": "new"}\nbroken\n' * 20_000)
    for delay in (0.0, 0.05, 0.1, 0.15, 0.25):
        command = [sys.executable, "-c", _ADD, str(dataset_folder), str(second)]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as writer:
            assert writer.stdout is not None
            writer.stdout.readline()
            time.sleep(delay)
            writer.kill()
        with Dataset.open(dataset_folder) as dataset:
            added, remainder = divmod(dataset.total_rows - 2, 20_000)
            assert remainder == 0
            assert added == len(dataset.history())
        assert len(read_rejected(dataset_folder)) == added * 20_000
        assert len(list((dataset_folder / "base").glob("rows.*"))) == added
    add_files(dataset_folder, [second])
    assert not list(tmp_path.glob("data.tmp-*"))
