"""The child that works on rows until it is killed: ``python -m tests.dataset.crash.child SCENARIO FOLDER OPTIONS``.

After each operation that has returned it prints the operation's number. With ``--kill-at N`` it kills itself before the
Nth step that leaves a trace on disk; without, it prints at the end how many such steps there were.
"""

from __future__ import annotations

import argparse
import os
import signal
import sqlite3
import sys
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

from fintune_gui.dataset import base, bulk
from fintune_gui.dataset.importing import add_files, import_files
from fintune_gui.dataset.store import Dataset
from tests.dataset.crash.script import EVERY_KIND, endless
from tests.dataset.row_model import Action, do


class Steps:
    """Counts what leaves a trace on disk, by standing in for the functions that do it."""

    def __init__(self, kill_at: int | None) -> None:
        self.taken = 0
        self._kill_at = kill_at
        for name in ("replace", "rename", "fsync", "unlink", "mkdir"):
            setattr(os, name, self._counted(name, getattr(os, name)))
        base.TextFileWriter.write = self._counted("write", base.TextFileWriter.write)  # type: ignore[method-assign]
        self._count_sqlite()

    def take(self, what: str) -> None:
        self.taken += 1
        if self.taken == self._kill_at:
            os.write(2, f"killed before step {self.taken}, {what}\n".encode())
            os.kill(os.getpid(), signal.SIGKILL)

    def _counted(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*arguments: Any, **named: Any) -> Any:
            self.take(name)
            return function(*arguments, **named)

        return counted

    def _count_sqlite(self) -> None:
        take, connect = self.take, sqlite3.connect

        class Connection(sqlite3.Connection):
            def execute(self, sql: str, *values: Any) -> Any:
                if not sql.startswith("SELECT"):
                    take(sql.split("(", maxsplit=1)[0])
                return super().execute(sql, *values)

            def executemany(self, sql: str, *values: Any) -> Any:
                take(sql.split("(", maxsplit=1)[0])
                return super().executemany(sql, *values)

            def executescript(self, script: str) -> Any:
                take("script")
                return super().executescript(script)

            def close(self) -> None:
                take("close")
                super().close()

        def connect_counted(*arguments: Any, **named: Any) -> sqlite3.Connection:
            return connect(*arguments, factory=Connection, **named)

        sqlite3.connect = connect_counted  # type: ignore[assignment]


def tell(line: object) -> None:
    """One whole line for the parent, at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def change(folder: Path, actions: Iterator[tuple[int, Action]]) -> None:
    """Do numbered actions, and acknowledge each."""
    dataset = Dataset.open(folder)
    for number, action in actions:
        dataset = do(dataset, action)
        tell(number)
    dataset.close()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("scenario", choices=["random", "every-kind", "import", "add", "export"])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--kill-at", type=int)
    parser.add_argument("--file", type=Path, help="what is imported, or where to export to")
    options = parser.parse_args()
    bulk.FEWEST_CELLS_FOR_FILE = 3
    steps = Steps(options.kill_at)
    tell("ready")
    match options.scenario:
        case "random":
            numbered = zip(count(), endless(options.seed))
            change(options.folder, (item for item in numbered if item[0] >= options.first))
        case "every-kind":
            change(options.folder, iter(enumerate(EVERY_KIND)))
        case "import":
            import_files([options.file], options.folder)
            tell(0)
        case "add":
            add_files(options.folder, [options.file])
            tell(0)
        case "export":
            from fintune_gui.dataset.row_export import export_rows

            with Dataset.open(options.folder, read_only=True) as dataset:
                export_rows(dataset, dataset.view(), dataset.columns, options.file, "csv")
            tell(0)
    tell(f"steps {steps.taken}")


if __name__ == "__main__":
    main()
