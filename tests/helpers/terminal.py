"""The command ``fintune`` in a fresh process, as a user starts it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
_COMMAND = [sys.executable, "-P", "-c", "from fintune_gui.__main__ import command_line; command_line()"]


@dataclass(frozen=True)
class Terminal:
    """A shell in `folder`; nothing there shadows the program, and the program is not in the present folder."""

    folder: Path

    def start(self, *arguments: object) -> subprocess.Popen[str]:
        """Start a command and do not wait for it."""
        return subprocess.Popen(
            [*_COMMAND, *(str(argument) for argument in arguments)],
            cwd=self.folder, env={**os.environ, "PYTHONPATH": str(ROOT)}, text=True, encoding="utf-8",
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
        )  # fmt: skip

    def fintune(self, *arguments: object) -> dict[str, Any]:
        """Do a command that must succeed; its result."""
        with self.start(*arguments, "--json") as process:
            out, err = process.communicate(timeout=280)
        assert process.returncode == 0, err
        assert "Traceback" not in err
        result = json.loads(out.splitlines()[-1])
        assert isinstance(result, dict)
        return result

    def python(self, script: str, *arguments: object) -> str:
        """Standard output of a script that knows nothing of Fintune."""
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        result = subprocess.run(
            [sys.executable, "-P", "-c", script, *(str(argument) for argument in arguments)],
            cwd=self.folder, env=environment, text=True, capture_output=True, check=False, timeout=120,
        )  # fmt: skip
        assert result.returncode == 0, result.stderr
        return result.stdout
