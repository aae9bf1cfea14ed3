"""Keeping the computer awake while it trains. Closing the lid still sends it to sleep: that is the user's wish."""

from __future__ import annotations

import logging
import shutil
import subprocess
import sys
from contextlib import suppress

logger = logging.getLogger(__name__)

# The helper waits for the end of its input, which comes when this process closes it or dies, however it dies.
_HELPERS = {
    "linux": (
        "systemd-inhibit", "--what=sleep:idle", "--mode=block", "--who=Fintune", "--why=A model is trained", "cat",
    ),
    "darwin": ("caffeinate", "-i", "cat"),
}  # fmt: skip
_ES_CONTINUOUS = 0x80000000
_ES_SYSTEM_REQUIRED = 0x00000001


class Wakefulness:
    """Asks the system not to fall asleep by itself, from `hold` to `release`. A system that refuses costs nothing."""

    def __init__(self, platform: str = sys.platform) -> None:
        self._platform = platform
        self._helper: subprocess.Popen[bytes] | None = None

    def hold(self) -> None:
        """Stay awake from now on; asking twice is harmless. On Windows the asking thread must live on."""
        if self._platform == "win32":
            _set_execution_state(_ES_CONTINUOUS | _ES_SYSTEM_REQUIRED)
        elif self._helper is None and (command := _HELPERS.get(self._platform)) and shutil.which(command[0]):
            try:
                self._helper = subprocess.Popen(
                    command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
                )
            except OSError as error:
                logger.info("The computer may fall asleep: %s", error)

    def release(self) -> None:
        """The computer may sleep again."""
        if self._platform == "win32":
            _set_execution_state(_ES_CONTINUOUS)
        elif self._helper is not None:
            assert self._helper.stdin is not None
            with suppress(OSError):
                self._helper.stdin.close()
            with suppress(subprocess.TimeoutExpired):
                self._helper.wait(1)
            if self._helper.poll() is None:
                self._helper.kill()
                self._helper.wait()
            self._helper = None


def _set_execution_state(flags: int) -> None:
    import ctypes

    if not ctypes.windll.kernel32.SetThreadExecutionState(flags):  # type: ignore[attr-defined,unused-ignore]
        logger.info("The computer may fall asleep: Windows refused to stay awake.")
