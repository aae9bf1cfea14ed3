"""The rows: import, reading, searching, changing and the window over them, each against its target.

    python -m benchmarks.data [--rows 1000000] [--rounds 3] [--cache FOLDER] [--only WORD …] [--larger 5]

Prints one table. A ratio is the median over interleaved rounds of two contestants in this run, each round in a process
of its own; processor seconds where the machine's other work must not count, wall seconds where the disk must.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

from benchmarks import data_store as store
from benchmarks import data_window as ui
from benchmarks.harness import Contestant, Measurement, compare
from benchmarks.rows_data import rows_file

TWO_FRAMES_MS = 2 * 1000 / 60


@dataclass(frozen=True)
class Line:
    """One line of the table. `reached` and `limit` are in the same unit; the target is met if `reached` is no more."""

    what: str
    measured: str
    baseline: str
    reached: float
    limit: float
    unit: str

    def __str__(self) -> str:
        met = "yes" if self.reached <= self.limit else "**no**"
        return (
            f"| {self.what} | {self.measured} | {self.baseline} | {self.reached:,.2f} {self.unit} "
            f"| ≤ {self.limit:,.4g} {self.unit} | {met} |"
        )


HEADER = "| what | measured | baseline | reached | target | met |\n|---|---|---|---|---|---|"
OURS, BASELINE = "ours", "baseline"


class Bench:
    """The data of one run, and a method for every group of lines of the table."""

    def __init__(self, rows: int, larger: int, rounds: int, cache: Path | None) -> None:
        self.rows = rows
        self.larger = larger
        self.rounds = rounds
        self.source = rows_file(rows, cache)
        self.work = Path(tempfile.mkdtemp(prefix="rows-", dir=self.source.parent))

    @cached_property
    def dataset(self) -> Path:
        """The file, imported."""
        return self._made("dataset", lambda target: store.keep_import(self.source, target))

    @cached_property
    def larger_dataset(self) -> Path:
        """Its rows several times."""
        dataset = self.dataset
        return self._made("larger", lambda target: store.repeated(dataset, self.larger, target))

    @cached_property
    def edited(self) -> Path:
        """The file, imported, with many cells edited."""
        dataset = self.dataset
        return self._made("edited", lambda target: store.keep_edited(dataset, target))

    def importing(self) -> Iterator[Line]:
        work, source = self.work, self.source
        mine, theirs = self._compare(partial(store.import_rows, source, work), partial(store.read_json, source))
        assert mine[0]["rows"] == theirs[0]["rows"], "the two do not read the same rows"
        yield _ratio("import JSON lines, CPU", mine, theirs, baseline="pyarrow.json.read_json", limit=1.2)
        peak, other = _median(mine, "peak MB"), _median(theirs, "peak MB")
        yield Line("import JSON lines, peak memory", f"{peak:,.0f} MB", f"read_json {other:,.0f} MB", peak, 300, "MB")

    def lateness(self) -> Iterator[Line]:
        (found,) = self._rounds(partial(ui.during_import, self.source, self.work, self.rows), rounds=1)
        late, bare = found["max ms"], found["bare max ms"]
        shown = f"{late:.0f} ms at most, p99 {found['p99 µs'] / 1000:.1f} ms"
        yield Line(
            "window's event loop during the import", shown, f"bare timer beside it {bare:.0f} ms", late, 50, "ms"
        )

    def opening(self) -> Iterator[Line]:
        for rows, folder in ((self.rows, self.dataset), (self.rows * self.larger, self.larger_dataset)):
            mine, theirs = self._compare(partial(store.open_to_first_rows, folder), partial(store.open_bare, folder))
            reached, bare = _median(mine, "ms"), _median(theirs, "ms")
            what = f"open {rows:,} rows to the first ones"
            shown = f"{reached:.1f} ms (CPU {_median(mine, 'cpu ms'):.0f})"
            yield Line(what, shown, f"mapped file {bare:.1f} ms", reached, 50, "ms")

    def scattered(self) -> Iterator[Line]:
        mine, theirs = self._compare(
            partial(store.scattered_rows, self.dataset), partial(store.scattered_bare, self.dataset)
        )
        reached, bare = _median(mine, "p95 ms"), _median(theirs, "p95 ms")
        yield Line("100 scattered rows, p95", f"{reached:.2f} ms", f"mapped batches {bare:.2f} ms", reached, 8, "ms")

    def repaints(self) -> Iterator[Line]:
        for rows, folder in ((self.rows, self.dataset), (self.rows * self.larger, self.larger_dataset)):
            (found,) = self._rounds(partial(ui.repaints, folder, self.work, rows), rounds=1)
            for way in ("scroll", "jump"):
                reached, most = found[f"{way} p95 ms"], found[f"{way} max ms"]
                shown = f"{reached:.1f} ms (CPU {found[f'{way} cpu p95 ms']:.1f}), at most {most:.0f}"
                what = f"{way} in {rows:,} rows, repaint p95"
                yield Line(what, shown, "two frames", reached, TWO_FRAMES_MS, "ms")

    def sorting(self) -> Iterator[Line]:
        check = self._rounds(partial(store.filter_and_sort, self.dataset), rounds=1)
        mine, theirs = self._compare(
            partial(store.filter_and_sort, self.edited), partial(store.filter_and_sort_bare, self.dataset)
        )
        assert check[0]["check"] == theirs[0]["check"], "the two do not find the same rows in the same order"
        what = f"filter and sort, {self.rows // 10:,} cells edited, CPU"
        yield _ratio(what, mine, theirs, baseline="PyArrow without edits", limit=1.5)

    def pattern(self) -> Iterator[Line]:
        mine, theirs = self._compare(
            partial(store.count_pattern, self.dataset), partial(store.count_pattern_bare, self.dataset)
        )
        assert mine[0]["rows"] == theirs[0]["rows"], "the two do not find the same rows"
        yield _ratio("count by regular expression, CPU", mine, theirs, baseline="pyarrow.compute", limit=1.2)

    def edits(self) -> Iterator[Line]:
        rounds = self._rounds(partial(store.durable_edits, self.dataset))
        ratio = statistics.median(one["p95 ms"] / one["bare p95 ms"] for one in rounds)
        measured = f"{_median(rounds, 'p95 ms'):.1f} ms (p50 {_median(rounds, 'p50 ms'):.1f})"
        bare = f"bare commit {_median(rounds, 'bare p95 ms'):.1f} ms (p50 {_median(rounds, 'bare p50 ms'):.1f})"
        yield Line("one durable edit, p95", measured, bare, ratio, 3, "×")

    def replacing(self) -> Iterator[Line]:
        mine, theirs = self._compare(
            partial(store.replace_and_undo, self.dataset), partial(store.write_column, self.dataset)
        )
        file = _median(theirs, "write s")
        cells = f"{mine[0]['cells']:,} cells"
        for what, name, limit in (("replace in", "replace", 2), ("undo", "undo", 1)):
            ratios = [one[f"{name} s"] / other["write s"] for one, other in zip(mine, theirs, strict=True)]
            if name == "undo":
                ratios = [one["undo s"] / one["replace s"] for one in mine]
            took = f"{_median(mine, f'{name} s'):.2f} s (CPU {_median(mine, f'{name} cpu s'):.2f})"
            cpu = _median(theirs, "write cpu s")
            base = "the replacement" if name == "undo" else f"writing one column file {file:.2f} s (CPU {cpu:.2f})"
            yield Line(f"{what} {cells}", took, base, statistics.median(ratios), limit, "×")

    def memory(self) -> Iterator[Line]:
        (found,) = self._rounds(partial(ui.private_memory, self.dataset, self.work, self.rows), rounds=1)
        parts = ", ".join(f"{name.removesuffix(' MB')} {value}" for name, value in found.items() if name != "peak MB")
        peak = found["peak MB"]
        yield Line(f"private memory at {self.rows:,} rows", parts, "the limit", peak, 400, "MB")

    def working(self) -> Iterator[Line]:
        (found,) = self._rounds(partial(ui.during_work, self.dataset, self.work, self.rows), rounds=1)
        bare, late = found["bare max ms"], found["max ms"]
        stages = f"{found['stages']} ms (in brackets: its own work)"
        what = f"window's event loop while working on {self.rows:,} rows"
        yield Line(what, stages, f"bare timer beside it {bare:.0f} ms", late, 50, "ms")

    def close(self) -> None:
        shutil.rmtree(self.work, ignore_errors=True)

    def _compare(
        self, mine: Callable[[], Measurement], theirs: Callable[[], Measurement]
    ) -> tuple[list[Measurement], list[Measurement]]:
        results = compare([Contestant(OURS, mine), Contestant(BASELINE, theirs)], self.rounds)
        return results[OURS], results[BASELINE]

    def _rounds(self, work: Callable[[], Measurement], rounds: int | None = None) -> list[Measurement]:
        return compare([Contestant(OURS, work)], rounds or self.rounds)[OURS]

    def _made(self, name: str, make: Callable[[Path], Measurement]) -> Path:
        target = self.work / name
        self._rounds(partial(make, target), rounds=1)
        return target


GROUPS: dict[str, Callable[[Bench], Iterator[Line]]] = {
    "import": Bench.importing,
    "lateness": Bench.lateness,
    "open": Bench.opening,
    "scattered": Bench.scattered,
    "repaint": Bench.repaints,
    "sort": Bench.sorting,
    "regex": Bench.pattern,
    "edit": Bench.edits,
    "replace": Bench.replacing,
    "memory": Bench.memory,
    "work": Bench.working,
}


def _ratio(what: str, mine: list[Measurement], theirs: list[Measurement], *, baseline: str, limit: float) -> Line:
    ratio = statistics.median(one["cpu s"] / other["cpu s"] for one, other in zip(mine, theirs, strict=True))
    measured, bare = f"{_median(mine, 'cpu s'):,.2f} s", f"{baseline} {_median(theirs, 'cpu s'):,.2f} s"
    return Line(what, measured, bare, ratio, limit, "×")


def _median(rounds: list[Measurement], name: str) -> float:
    return float(statistics.median(one[name] for one in rounds))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--larger", type=int, default=5, help="how many times as many rows the larger table has")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--cache", type=Path, help="folder for the files; the system's temporary one if not given")
    parser.add_argument("--only", nargs="+", choices=GROUPS, default=list(GROUPS))
    options = parser.parse_args()
    bench = Bench(options.rows, options.larger, options.rounds, options.cache)
    lines: list[str] = []
    try:
        for name in options.only:
            try:
                lines += map(str, GROUPS[name](bench))
            except RuntimeError as error:  # one thing that does not work leaves the others to be measured
                print(error, file=sys.stderr)
                lines.append(f"| {name} | failed | | | | **no** |")
    finally:
        bench.close()
    print(HEADER, *lines, sep="\n")


if __name__ == "__main__":
    main()
