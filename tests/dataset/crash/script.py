"""What the child does: the parent knows the same operations, and so what must be there afterwards."""

from __future__ import annotations

import random
from collections.abc import Iterator

from tests.dataset.row_model import Action

EVERY_KIND: list[Action] = [
    ("edit", 3, 0, "a single edit"),
    ("paste", 5, ["one", None, "three"]),
    ("replace", "row", "line", None),  # every row, so it goes through a column file
    ("edit", 4, 0, "over the column file"),
    ("set", [1, 2], 1, "a few"),
    ("set", None, 1, "all of them"),
    ("remove", [0, 7, 8]),
    ("restore", [7]),
    ("mark", [1, 2, 3], "flag", True),
    ("note", 9, "look at this"),
    ("append", [("new", "row"), ("another", None)]),
    ("paste_on", "the last row", [("one more", "b")]),
    ("edit", 41, 0, "in a row that was added"),
    ("rename", 1, "topic"),
    ("undo",),
    ("undo",),
    ("redo",),
    ("trim",),
    ("go_to", 3),
    ("edit", 6, 1, "on another branch"),
    ("go_to", 12),
    ("reopen",),
    ("replace", "line", "verse", None),
    ("undo",),
]


def endless(seed: int) -> Iterator[Action]:
    """Operations by chance, always the same ones for a seed."""
    generator = random.Random(seed)

    def some() -> list[int]:
        return [generator.randrange(60) for _ in range(generator.randrange(1, 6))]

    while True:
        number = generator.randrange(1_000_000)
        kinds: list[tuple[int, Action]] = [
            (8, ("edit", number, number, f"edit {number}")),
            (2, ("paste", number, [f"pasted {number}", None, "x"])),
            (2, ("set", some(), number, f"set {number}")),
            (1, ("set", None, number, f"all {number}")),
            (3, ("replace", generator.choice("aeiou"), generator.choice("aeiou"), None)),
            (1, ("trim",)),
            (3, ("remove", some())),
            (2, ("restore", some())),
            (2, ("mark", some(), generator.choice(["flag", "star"]), generator.random() < 0.6)),
            (1, ("note", number, f"note {number}")),
            (1, ("append", [(f"new {number}", None)])),
            (1, ("rename", number, f"column {number % 9}")),
            (3, ("undo",)),
            (2, ("redo",)),
            (1, ("go_to", number)),
            (1, ("reopen",)),
        ]
        yield generator.choices([action for _, action in kinds], [weight for weight, _ in kinds])[0]
