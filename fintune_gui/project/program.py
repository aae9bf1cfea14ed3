"""How the program starts itself again, as a process for a certain role."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import fintune_gui


def own_program(role: str) -> list[str]:
    """The command that starts this program in a role, of ``fintune_gui.__main__``."""
    if getattr(sys, "frozen", False):
        return [sys.executable, role]
    # -P: a file of the user's in the present folder, called random.py say, must not stand in for a library
    return [sys.executable, "-P", "-m", "fintune_gui", role]


def child_environment() -> dict[str, str]:
    """The environment for a process of the program itself."""
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", "PYTHONUTF8": "1"}
    source = Path(fintune_gui.__file__).parents[1]
    if source.name != "site-packages":  # run from a checkout: the child finds the same one, wherever it is started
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, (str(source), os.environ.get("PYTHONPATH"))))
    return environment
