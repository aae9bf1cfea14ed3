"""Rows for the benchmarks: JSON lines of four text columns, with the dirt that real files have. Seeded.

    python -m benchmarks.rows_data [--rows 1000000] [--cache FOLDER]

A million rows are about 650 MB. The file is made once and kept in the cache folder, outside the repository.

Dirt, in shares of the rows: 3 % exact and 3 % near copies of an earlier row, 1 % mojibake, 2 % HTML, 1 % e-mail address
or telephone number, 2 % no-break and zero-width spaces, 1 % empty, 1.5 % refused and 2 % cut-off outputs. The column
input is empty in 60 % of the rows. `RARE_WORD` stands in 10 % of the outputs and nowhere else.
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import orjson

RARE_WORD = "kestrel"
COLUMNS = ("category", "prompt", "input", "output")
_CATEGORIES = 30
_BATCH = 10_000
_SEED = 20_260_101


def _listed(text: str, separator: str = " ") -> list[str]:
    return text.split(separator)


_NOUNS = _listed(
    "invoice river printer garden ticket library engine recipe window contract bridge teacher market harbour battery "
    "letter forest museum kitchen keyboard satellite vaccine orchestra warehouse passport glacier novel mattress tram "
    "pension camera island lantern budget theatre saddle compass bakery elevator notebook"
)
_VERBS = _listed(
    "explains repairs compares delivers measures describes forgets replaces counts paints follows protects improves "
    "returns translates borrows inspects orders cancels remembers"
)
_QUALITIES = _listed(
    "quiet broken modern heavy cheap careful early distant narrow patient fragile public yellow honest damp seasonal "
    "written hidden northern reliable curious expensive empty gentle"
)
_TIMES = _listed(
    "in the morning|before the weekend|after a long meeting|without any warning|for the third time this year|as soon "
    "as it rains|during the night shift|when nobody is looking|at the end of the month|on the way home",
    separator="|",
)
_ASKS = _listed(
    "Please explain why|Write two sentences about how|Please summarise the note in which|Tell me whether|Describe in "
    "plain words how|List three reasons why|Please correct the claim that|Translate into everyday language:",
    separator="|",
)
_REFUSALS = (
    "I'm sorry, but I cannot help with that request.",
    "As a language model I am not able to answer this.",
    "Unfortunately I can't assist with this.",
)


def rows_file(rows: int, cache: Path | None = None) -> Path:
    """The file with so many rows, made now if it is not in the cache folder yet."""
    folder = (cache or Path(tempfile.gettempdir())) / "fintune-benchmarks"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"rows-{rows}.jsonl"
    if not path.exists():
        beside = path.with_suffix(".part")
        with beside.open("wb") as file:
            for batch in _batches(rows):
                file.write(b"".join(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE) for row in batch))
        beside.replace(path)
    return path


def _batches(rows: int) -> Iterator[list[dict[str, str]]]:
    generator = random.Random(_SEED)
    words = _Words(generator)
    dirt = _dirt(generator)
    earlier: list[dict[str, str]] = []
    for start in range(0, rows, _BATCH):
        batch = []
        for number in range(start, min(start + _BATCH, rows)):
            luck = generator.random()
            if luck < 0.06 and earlier:
                row = dict(earlier[int(generator.random() * len(earlier))])
                if luck < 0.03:
                    row["output"] += " " + words.noun()
            else:
                row = words.row(number)
                for share, spoil in dirt:
                    if generator.random() < share:
                        spoil(row)
            batch.append(row)
        earlier = batch
        yield batch


class _Words:
    """Clean rows, quickly: sentences are made once and combined by the row."""

    def __init__(self, generator: random.Random) -> None:
        pick = generator.choice
        self._random = generator.random
        self._sentences = [
            f"The {pick(_QUALITIES)} {pick(_NOUNS)} {pick(_VERBS)} the {pick(_QUALITIES)} {pick(_NOUNS)} "
            f"{pick(_TIMES)}."
            for _ in range(50_000)
        ]
        self._rare = [f"A {RARE_WORD} {pick(_VERBS)} the {pick(_NOUNS)} {pick(_TIMES)}." for _ in range(1000)]
        self._categories = [f"{_QUALITIES[n % len(_QUALITIES)]} {_NOUNS[n]}s" for n in range(_CATEGORIES)]

    def noun(self) -> str:
        return _NOUNS[int(self._random() * len(_NOUNS))]

    def row(self, number: int) -> dict[str, str]:
        luck = self._random
        ask = _ASKS[int(luck() * len(_ASKS))]
        answer = self._text(2 + int(luck() * luck() * 15))
        if luck() < 0.1:
            answer += " " + self._rare[int(luck() * len(self._rare))]
        return {
            "category": self._categories[int(luck() * luck() * _CATEGORIES)],
            "prompt": f"{ask} {self._text(1 + int(luck() * 2))} Case {number // 2}.",
            "input": "" if luck() < 0.6 else self._text(1 + int(luck() * 5)),
            "output": answer,
        }

    def _text(self, sentences: int) -> str:
        pool, luck = self._sentences, self._random
        return " ".join([pool[int(luck() * len(pool))] for _ in range(sentences)])


def _dirt(generator: random.Random) -> list[tuple[float, Callable[[dict[str, str]], None]]]:
    def mojibake(row: dict[str, str]) -> None:
        row["output"] = (row["output"] + " The café is déjà vu.").encode().decode("latin-1")

    def html(row: dict[str, str]) -> None:
        row["output"] = f"<p>{row['output'].replace('. ', '.<br/>')}</p>&nbsp;<b>Note &amp; more</b>"

    def contact(row: dict[str, str]) -> None:
        number = generator.randrange(10_000)
        row["prompt"] += f" Write to person{number}@example.org or call +49 30 5550 {number:04}."

    def spaces(row: dict[str, str]) -> None:
        row["prompt"] = row["prompt"].replace(" ", "\u00a0", 2) + "\u200b "

    def empty(row: dict[str, str]) -> None:
        row["output"] = ""

    def refused(row: dict[str, str]) -> None:
        row["output"] = generator.choice(_REFUSALS)

    def cut_off(row: dict[str, str]) -> None:
        row["output"] = row["output"][: len(row["output"]) * 2 // 3]

    return [
        (0.02, cut_off), (0.01, mojibake), (0.02, html), (0.01, contact), (0.02, spaces), (0.015, refused),
        (0.01, empty),
    ]  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--cache", type=Path, help="where the file is kept; the system's temporary folder if not given")
    options = parser.parse_args()
    began = time.perf_counter()
    path = rows_file(options.rows, options.cache)
    print(f"{path}: {path.stat().st_size / 1e6:,.0f} MB, {time.perf_counter() - began:.1f} s")


if __name__ == "__main__":
    main()
