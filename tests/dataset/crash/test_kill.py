"""A writer that is killed at any moment loses nothing that it was told was done, and leaves nothing half done.

A real child works and acknowledges each operation; the parent knows what they lead to, kills the child, opens the rows
and compares. Twenty kills here, and five hundred with `-m exhaustive`.
"""

from __future__ import annotations

import hashlib
import random
import shutil
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from fintune_gui.dataset.importing import add_files, import_files
from fintune_gui.dataset.store import Dataset
from fintune_gui.project.files import remove_leftovers
from tests.dataset.conftest import write_csv
from tests.dataset.crash.script import EVERY_KIND, endless
from tests.dataset.row_model import RowModel, do, observe

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is a matter of POSIX")

HEADER = ["text", "label"]
ROWS = [[f"row {number} ", "ab"[number % 2]] for number in range(40)]
OTHER_ROWS = [[f"another {number}", "c"] for number in range(60)]


@dataclass
class Place:
    """A folder with an imported dataset and its source."""

    folder: Path
    source: Path
    other: Path
    hashes: dict[Path, str]

    @property
    def dataset(self) -> Path:
        return self.folder / "dataset"

    def check_sources(self) -> None:
        assert {path: sha256(path) for path in self.hashes} == self.hashes

    def start_over(self) -> RowModel:
        shutil.rmtree(self.dataset, ignore_errors=True)
        shutil.copytree(self.folder / "fresh", self.dataset)
        return RowModel(HEADER, [list(row) for row in ROWS])


@pytest.fixture
def place(tmp_path: Path) -> Place:
    source = write_csv(tmp_path / "rows.csv", HEADER, ROWS)
    other = write_csv(tmp_path / "other.csv", HEADER, OTHER_ROWS)
    import_files([source], tmp_path / "fresh")
    made = Place(tmp_path, source, other, {path: sha256(path) for path in (source, other)})
    made.start_over()
    return made


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


class Child:
    """The working child: lines of its output, without the last one if that is torn."""

    def __init__(self, scenario: str, folder: Path, **options: object) -> None:
        named = [f"--{name.replace('_', '-')}={value}" for name, value in options.items() if value is not None]
        command = [sys.executable, "-m", "tests.dataset.crash.child", scenario, str(folder), *named]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self._output = self._process.stdout
        self.lines: list[str] = []

    def read(self, lines: int) -> None:
        """Wait for so many lines more, or the end."""
        for _ in range(lines):
            if not (line := self._output.readline()):
                break
            self.lines.append(line)

    def kill(self) -> None:
        self._process.kill()

    def end(self) -> None:
        """Read what it still said, and check that it was killed or did everything."""
        with self._process:
            self.lines += self._output.readlines()
            assert self._process.stderr is not None
            errors = self._process.stderr.read()
        assert self._process.returncode in (0, -9), errors
        if self.lines and not self.lines[-1].endswith("\n"):
            self.lines.pop()

    @property
    def acknowledged(self) -> list[int]:
        return [int(line) for line in self.lines if line.strip().isdigit()]

    @property
    def steps(self) -> int | None:
        """How many steps leave a trace on disk, if it came to the end."""
        return next((int(line.split()[1]) for line in self.lines if line.startswith("steps")), None)


def check_rows(place: Place, before: RowModel, after: RowModel | None) -> bool:
    """Open the rows and compare them: all that was acknowledged, and at most the operation that was on its way.

    Returns:
        Whether that operation was done, too.
    """
    with Dataset.open(place.dataset) as dataset:
        seen, path = observe(dataset), [operation.seq for operation in dataset.history()]
        ahead = after is not None and (dataset.head, path) != where(before)
        model = after if ahead and after is not None else before
        assert (dataset.head, path) == where(model)
        assert seen == model.now
        check_files(place, dataset)
    place.check_sources()
    remove_leftovers(place.dataset)  # as opening the project does
    assert not list(place.dataset.glob("*.tmp"))
    with closing(sqlite3.connect(place.dataset / "edits.sqlite")) as db:
        assert db.execute("PRAGMA quick_check").fetchall() == [("ok",)]
    return ahead


def where(model: RowModel) -> tuple[int, list[int]]:
    return model.head, model.path_to(model.tip)[1:]


def check_files(place: Place, dataset: Dataset) -> None:
    """Nothing lies about that no operation knows of."""
    known = {"g0.arrow"}
    for operation in dataset.all_operations():
        change = dataset.change(operation.seq)
        known |= {generation.after for generation in change.generations.values()}
        known |= {change.segment.file} if change.segment and change.segment.file else set()
    assert {path.name for path in (place.dataset / "base").iterdir()} <= known


def kill_at_random(place: Place, seed: int, kills: int) -> None:
    """Kill a child somewhere in an endless row of operations; the next one goes on where it was killed."""
    generator, script = random.Random(seed), endless(seed)
    model, done, following = RowModel(HEADER, [list(row) for row in ROWS]), 0, next(script)
    for _ in range(kills):
        child = Child("random", place.dataset, seed=seed, first=done)
        child.read(1 + generator.randrange(20))
        time.sleep(generator.choice([0, 0, 0.001, 0.003]))  # no condition is waited for: any moment will do
        child.kill()
        child.end()
        for number in child.acknowledged:
            assert number == done
            model.do(following)
            following, done = next(script), done + 1
        ahead = model.copy()
        ahead.do(following)
        if check_rows(place, model, ahead):
            model, following, done = ahead, next(script), done + 1
    check_all_the_way_back(place, model)


def kill_at_step(place: Place, step: int | None) -> int | None:
    """Kill a child before its `step`th trace on disk while it does one of every kind of operation."""
    model = place.start_over()
    child = Child("every-kind", place.dataset, kill_at=step)
    child.end()
    for number in child.acknowledged:
        model.do(EVERY_KIND[number])
    following = EVERY_KIND[len(child.acknowledged) :]
    ahead = model.copy()
    for action in following[:1]:
        ahead.do(action)
    if check_rows(place, model, ahead):
        model = ahead
    check_all_the_way_back(place, model)
    return child.steps


def check_all_the_way_back(place: Place, model: RowModel) -> None:
    """The log's own replay agrees: undone it is the import, redone the present."""
    with Dataset.open(place.dataset) as dataset:
        present = dataset.head
        dataset.go_to(0)
        assert observe(dataset) == model.states[0]
        dataset.go_to(present)
        assert observe(dataset) == model.now


def kill_import_at_step(place: Place, step: int | None) -> int | None:
    """Kill an import over rows that were edited: the old rows with their edits are there, or the new ones."""
    model = place.start_over()
    with Dataset.open(place.dataset) as dataset:
        for action in EVERY_KIND[:4]:
            do(dataset, action)
            model.do(action)
    child = Child("import", place.dataset, kill_at=step, file=place.other)
    child.end()
    with Dataset.open(place.dataset) as dataset:
        seen = observe(dataset)
    new = RowModel(HEADER, [list(row) for row in OTHER_ROWS]).now
    assert seen == new or (seen == model.now and not child.acknowledged)
    import_files([place.source], place.dataset)
    with Dataset.open(place.dataset) as dataset:
        assert observe(dataset) == model.states[0]
    place.check_sources()
    assert not list(place.folder.glob("dataset.tmp-*"))
    for kept in place.folder.glob("dataset-previous-*"):
        Dataset.open(kept, read_only=True).close()
        shutil.rmtree(kept)
    return child.steps


def kill_export_at_step(place: Place, step: int | None) -> int | None:
    """Kill an export over a file that is there: it stays, or is the new one as a whole."""
    place.start_over()
    target = place.folder / "exported" / "rows.csv"
    target.parent.mkdir(exist_ok=True)
    target.write_text("what was there before")
    child = Child("export", place.dataset, kill_at=step, file=target)
    child.end()
    lines = target.read_text(encoding="utf-8-sig").splitlines()
    assert len(lines) == 1 + len(ROWS) or (lines == ["what was there before"] and not child.acknowledged)
    again = Child("export", place.dataset, file=target)
    again.end()
    assert again.acknowledged
    assert [path.name for path in target.parent.iterdir()] == ["rows.csv"]
    place.check_sources()
    return child.steps


def kill_addition_at_step(place: Place, step: int | None) -> int | None:
    """Kill the addition of a file's rows: they are all there, as one operation that can be undone, or none is."""
    model = place.start_over()
    with Dataset.open(place.dataset) as dataset:
        for action in EVERY_KIND[:4]:
            do(dataset, action)
            model.do(action)
    child = Child("add", place.dataset, kill_at=step, file=place.other)
    child.end()
    with Dataset.open(place.dataset) as dataset:
        added = dataset.total_rows == len(ROWS) + len(OTHER_ROWS)
        assert added or not child.acknowledged
        if added:
            assert dataset.cells(range(len(ROWS)), HEADER) == [tuple(cells) for cells in model.now.rows]
            assert [list(cells) for cells in dataset.cells(range(len(ROWS), 100), HEADER)] == OTHER_ROWS
            dataset.undo()
        assert observe(dataset) == model.now
        check_files(place, dataset)
    add_files(place.dataset, [place.other])
    with Dataset.open(place.dataset) as dataset:
        assert dataset.total_rows == len(ROWS) + len(OTHER_ROWS)
    place.check_sources()
    assert not list(place.folder.glob("dataset.tmp-*"))
    return child.steps


STEPS = {
    "change": kill_at_step,
    "import": kill_import_at_step,
    "add": kill_addition_at_step,
    "export": kill_export_at_step,
}


def test_that_every_acknowledged_change_survives_a_kill_at_any_moment(place: Place) -> None:
    kill_at_random(place, seed=1, kills=8)


@pytest.mark.parametrize(("work", "kills"), [("change", 4), ("import", 3), ("add", 3), ("export", 2)])
def test_that_a_kill_at_a_step_leaves_all_or_nothing(place: Place, work: str, kills: int) -> None:
    steps = STEPS[work](place, None)
    assert steps is not None
    assert steps >= kills
    for step in random.Random(2).sample(range(1, steps + 1), kills):
        assert STEPS[work](place, step) is None


@pytest.mark.slow
@pytest.mark.exhaustive
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("seed", range(10, 14))
def test_that_every_acknowledged_change_survives_many_kills(place: Place, seed: int) -> None:
    kill_at_random(place, seed, kills=30)


@pytest.mark.slow
@pytest.mark.exhaustive
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("work", STEPS)
def test_that_a_kill_at_every_step_leaves_all_or_nothing(place: Place, work: str) -> None:
    steps = STEPS[work](place, None)
    assert steps is not None
    for step in range(1, steps + 1):
        assert STEPS[work](place, step) is None
