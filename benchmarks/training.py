"""Training: the promises about the engine's step, each a line with its target, against a baseline of the same run.

    python -m benchmarks.training [--only lora full ...] [--rounds 5] [--smollm2 FOLDER]

A line's contestants train the same model on the same rows in the same steps, in processes of their own that take turns,
and must show the same losses. Speed is that of all steps but the first, in useful tokens (padding does not count) a
second; memory is the peak above the process's size before training. Lines that take long have fewer rounds.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import statistics
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from benchmarks import training_ways as ways
from benchmarks.harness import Contestant, Line, Measurement, compare, largest_difference, print_table
from benchmarks.training_ways import Lesson

SPEED, MEMORY = "useful tokens/s", "peak MB above start"
SAME_LOSSES = 1e-4
_DEFAULT_MODEL = "SmolLM2-135M-Instruct"

Rounds = dict[str, list[Measurement]]


def _contest(rounds: int, **contestants: Callable[[], Measurement]) -> Rounds:
    """Let all train in turn. Fails if they do not show the same losses."""
    results = compare([Contestant(name, work) for name, work in contestants.items()], rounds)
    difference = largest_difference(results, "losses")
    if not difference < SAME_LOSSES:
        raise SystemExit(f"{', '.join(contestants)} do not train the same: their losses differ by {difference:.1e}.")
    return results


def _line(results: Rounds, what: str, baseline: str, target: float, measure: str = SPEED, *, way: str = "ours") -> Line:
    """The median of the rounds' ratios to the baseline."""
    mine = [measurement[measure] for measurement in results[way]]
    theirs = [measurement[measure] for measurement in results[baseline]]
    ratios = [a / b for a, b in zip(mine, theirs, strict=True)]
    spread = f"{min(ratios):.2f}–{max(ratios):.2f}"
    losses = f"losses within {largest_difference({k: results[k] for k in (way, baseline)}, 'losses'):.0e}"
    measured = f"{statistics.median(mine):,.0f} against {statistics.median(theirs):,.0f} {measure} ({spread}; {losses})"
    return Line(what, measured, statistics.median(ratios), target, at_most=measure == MEMORY)


def lora(rounds: int, _: Path | None) -> list[Line | str]:
    lesson = Lesson("skewed", "lora", steps=4)
    results = _contest(rounds, stock=partial(ways.stock, lesson), ours=partial(ways.ours, lesson),
                       bare=partial(ways.bare, lesson))  # fmt: skip
    return [
        _line(results, "LoRA, skewed lengths, against Trainer", "stock", 6),
        _line(results, "LoRA, skewed lengths, peak memory", "stock", 0.20, MEMORY),
        _line(results, "LoRA, skewed lengths, against a bare loop", "bare", 0.95),
    ]


def full(rounds: int, _: Path | None) -> list[Line | str]:
    lesson = Lesson("skewed", "full", steps=4)
    results = _contest(rounds, stock=partial(ways.stock, lesson), ours=partial(ways.ours, lesson))
    return [_line(results, "full fine-tuning, skewed lengths, against Trainer", "stock", 5)]


def trl(rounds: int, _: Path | None) -> list[Line | str]:
    if importlib.util.find_spec("trl") is None:
        return ["`trl` is not installed (`pip install fintune-gui[benchmarks]`): SFTTrainer was not measured."]
    lesson = Lesson("skewed", "lora")
    results = _contest(min(rounds, 2), sft=partial(ways.sft, lesson), ours=partial(ways.ours, lesson))
    return [_line(results, "LoRA, skewed lengths, against TRL's SFTTrainer (fp32, answers only)", "sft", 12)]


def smollm2(rounds: int, folder: Path | None) -> list[Line | str]:
    if folder is None:
        return [f"{_DEFAULT_MODEL} is not there: prepare the FAQ sample's model, or name its folder with --smollm2."]
    lesson = Lesson("even", "lora", model=str(folder))
    results = _contest(min(rounds, 3), stock=partial(ways.stock, lesson), ours=partial(ways.ours, lesson))
    name = "SmolLM2-135M, LoRA, even lengths"
    mine, products = ([m[rate] for m in results["ours"]] for rate in ("GFLOP/s", "bare GFLOP/s"))
    shares = [a / b for a, b in zip(mine, products, strict=True)]
    measured = f"{statistics.median(mine):.0f} of {statistics.median(products):.0f} GFLOP/s"
    return [
        _line(results, f"{name}, against Trainer", "stock", 1.45),
        _line(results, f"{name}, peak memory", "stock", 0.45, MEMORY),
        Line(f"{name}, share of bare matrix products' rate", measured, statistics.median(shares), 0.85),
    ]


def prefixes(rounds: int, _: Path | None) -> list[Line | str]:
    lines: list[Line | str] = []
    cases = [("prompted", "lora", 3.5), ("prompted", "full", 2.8), ("long-prompted", "lora", 1.6)]
    for rows, method, target in cases:
        lesson = Lesson(rows, method)
        apart = partial(ways.ours, lesson, share=False)
        results = _contest(min(rounds, 3), apart=apart, ours=partial(ways.ours, lesson))
        own = "40–80" if rows == "prompted" else "150–250"
        lines.append(
            _line(results, f"shared prefix, 300 + {own} tokens, {method}, against not sharing", "apart", target)
        )
    return lines


def vocabulary(_rounds: int, _: Path | None) -> list[Line | str]:
    lesson = Lesson("skewed", "lora", model="large vocabulary", steps=2, batch_size=4)
    results = _contest(1, stock=partial(ways.stock, lesson), ours=partial(ways.ours, lesson))
    return [_line(results, "vocabulary of 128,256, LoRA, peak memory", "stock", 0.15, MEMORY)]


def even(rounds: int, _: Path | None) -> list[Line | str]:
    lines: list[Line | str] = []
    for method in ("lora", "full"):
        lesson = Lesson("equal", method)
        results = _contest(min(rounds, 3), stock=partial(ways.stock, lesson), ours=partial(ways.ours, lesson))
        lines.append(_line(results, f"no skew, no prompt, every token trained, {method}, against Trainer", "stock", 1))
    return lines


def classification(rounds: int, _: Path | None) -> list[Line | str]:
    lesson = Lesson("skewed, at most 512", "full", model="encoder", steps=4)
    results = _contest(min(rounds, 3), stock=partial(ways.stock_classifier, lesson), ours=partial(ways.ours, lesson))
    return [_line(results, "classification, encoder, skewed lengths, against Trainer", "stock", 2)]


def checkpoint(rounds: int, _: Path | None) -> list[Line | str]:
    from fintune_gui.project.settings import TrainingSettings

    lesson = Lesson("skewed", "full")
    results = compare([Contestant("checkpoint", partial(ways.checkpoint, lesson))], min(rounds, 3))
    seconds = statistics.median(measurement["seconds"] for measurement in results["checkpoint"])
    minutes = TrainingSettings().checkpoint_minutes
    measured = f"{seconds:.2f} s for 12.7 million weights and their optimizer, every {minutes:g} minutes"
    return [Line("checkpoint, percent of the time", measured, 100 * seconds / (60 * minutes), 2, at_most=True)]


PROMISES: dict[str, Callable[[int, Path | None], list[Line | str]]] = {
    "lora": lora,
    "full": full,
    "trl": trl,
    "smollm2": smollm2,
    "prefixes": prefixes,
    "vocabulary": vocabulary,
    "even": even,
    "classification": classification,
    "checkpoint": checkpoint,
}


def lines(rounds: int, smollm2_folder: Path | None = None, only: Sequence[str] = tuple(PROMISES)) -> list[Line | str]:
    """The promises about training, each with its target."""
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    found: list[Line | str] = []
    for name in only:
        found += PROMISES[name](rounds, smollm2_folder or _prepared_model())
        print(f"\n{found[-1]}\n", flush=True)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", nargs="+", choices=PROMISES, default=list(PROMISES), metavar="NAME")
    parser.add_argument("--smollm2", type=Path, help=f"folder of {_DEFAULT_MODEL}")
    asked = parser.parse_args()
    print_table(lambda: lines(asked.rounds, asked.smollm2, asked.only))


def _prepared_model() -> Path | None:
    """The model of the FAQ sample, if this computer's cache has it."""
    from fintune_gui.project.paths import cache_folder

    folder = cache_folder() / "models" / _DEFAULT_MODEL
    return folder if folder.is_dir() else None


if __name__ == "__main__":
    main()
