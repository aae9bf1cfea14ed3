"""Every promise about training, the window beside it and the plots, in one table; see each module for its part.

    python -m benchmarks [--rounds 5] [--smollm2 FOLDER]

The rows (`benchmarks.data`) and the estimate of memory (`benchmarks.memory`) have tables of their own.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks import plots, training, window_lateness
from benchmarks.harness import print_table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--smollm2", type=Path, help="folder of SmolLM2-135M-Instruct")
    asked = parser.parse_args()
    print_table(
        lambda: [
            *training.lines(asked.rounds, asked.smollm2),
            *window_lateness.lines(asked.rounds),
            *plots.lines(asked.rounds),
        ]
    )


if __name__ == "__main__":
    main()
