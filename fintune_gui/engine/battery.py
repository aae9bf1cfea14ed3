"""A look at the battery, now and then: a run must not be what empties it."""

from __future__ import annotations

import time

import psutil

LOW_PERCENT = 10
_LOOK_EVERY_S = 30.0


class Battery:
    """Knows whether the battery is nearly empty and nothing charges it. Computers without one are never low."""

    def __init__(self) -> None:
        self._looked_at = -_LOOK_EVERY_S
        self._low = False
        self._overruled = False

    def is_low(self) -> bool:
        """Whether work should pause. Looks at most twice a minute, so that it may be asked at every step."""
        now = time.monotonic()
        if now - self._looked_at >= _LOOK_EVERY_S:
            self._looked_at = now
            self._low = nearly_empty()
            self._overruled &= self._low
        return self._low and not self._overruled

    def recovered(self) -> bool:
        """Whether it is being charged again; looks each time."""
        self._low = nearly_empty()
        return not self._low

    def overrule(self) -> None:
        """The user goes on all the same: say nothing more until it was charged."""
        self._overruled = True


def nearly_empty() -> bool:
    """Whether the battery has at most `LOW_PERCENT` left and is not being charged."""
    read = getattr(psutil, "sensors_battery", None)  # some systems have no such reading at all
    state = read() if read is not None else None
    return state is not None and state.power_plugged is False and state.percent <= LOW_PERCENT
