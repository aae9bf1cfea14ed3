"""What the window remembers from one start to the next. A damaged file loses only what is damaged."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

from fintune_gui.project.errors import FintuneError
from fintune_gui.project.files import write_json
from fintune_gui.project.paths import config_folder
from fintune_gui.ui.theme import Appearance

_log = logging.getLogger(__name__)
_MOST_PROJECTS = 50


class WindowSettings:
    """Appearance, geometry, last step of each project, and the state of tables.

    Written whole after each change, on top of what other windows and pages have written meanwhile. Unknown keys are
    kept: another version may want them.
    """

    def __init__(self) -> None:
        self._values = self._read()

    @property
    def _file(self) -> Path:
        return config_folder() / "window.json"

    def _read(self) -> dict[str, Any]:
        try:
            values = json.loads(self._file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return values if isinstance(values, dict) else {}

    def _write(self) -> None:
        try:
            write_json(self._file, self._values)
        except (OSError, FintuneError) as error:
            _log.info("The window's settings were not saved: %s", error)

    def _refresh(self) -> None:
        self._values |= self._read()

    def _set(self, key: str, value: object) -> None:
        self._refresh()
        if self._values.get(key) != value:
            self._values[key] = value
            self._write()

    @property
    def appearance(self) -> Appearance:
        value = self._values.get("appearance")
        return value if value in ("light", "dark") else "system"

    @appearance.setter
    def appearance(self, value: Appearance) -> None:
        self._set("appearance", value)

    @property
    def recent_commands(self) -> list[str]:
        """Words of the actions that ran lately from the command palette, the last one first."""
        value = self._values.get("recent_commands")
        return [str(words) for words in value] if isinstance(value, list) else []

    @recent_commands.setter
    def recent_commands(self, value: list[str]) -> None:
        self._set("recent_commands", value)

    @property
    def geometry(self) -> str:
        """The window's place, as Qt writes it, in base64; "" when there is none."""
        value = self._values.get("geometry")
        return value if isinstance(value, str) else ""

    @geometry.setter
    def geometry(self, value: str) -> None:
        self._set("geometry", value)

    def _part(self, name: str) -> dict[str, Any]:
        part = self._values.get(name)
        return part if isinstance(part, dict) else {}

    def last_step(self, project_id: str) -> str:
        """Name of the step that was shown last in a project, or ""."""
        return str(self._part("last_steps").get(project_id, ""))

    def remember_step(self, project_id: str, step: str) -> None:
        self._refresh()
        steps = self._part("last_steps")
        steps.pop(project_id, None)
        steps = {**dict(list(steps.items())[-_MOST_PROJECTS:]), project_id: step}
        self._set("last_steps", steps)

    def last_view(self, project_id: str) -> dict[str, Any]:
        """Filter, order, columns and place of the rows that were shown last in a project; empty when not known."""
        view = self._part("last_views").get(project_id)
        return view if isinstance(view, dict) else {}

    def remember_view(self, project_id: str, view: dict[str, Any]) -> None:
        """Keep what `last_view` gives, for the last projects."""
        self._refresh()
        views = self._part("last_views")
        views.pop(project_id, None)
        self._set("last_views", {**dict(list(views.items())[-_MOST_PROJECTS:]), project_id: view})

    def table_state(self, name: str) -> dict[str, Any]:
        """What a table remembered: column widths by column name, sort."""
        state = self._part("tables").get(name)
        return state if isinstance(state, dict) else {}

    def remember_table(self, name: str, state: dict[str, Any]) -> None:
        self._refresh()
        self._set("tables", {**self._part("tables"), name: state})
