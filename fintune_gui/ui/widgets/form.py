"""Forms made from settings models: type, range, unit and help are said once, in the model, and shown here."""

from __future__ import annotations

import math
import types
from collections.abc import Sequence
from enum import Enum
from typing import Any, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from PySide6.QtCore import QLocale, Qt, Signal, Slot
from PySide6.QtWidgets import QGridLayout, QSizePolicy, QVBoxLayout, QWidget

from fintune_gui.project.settings import FieldHelp, field_help
from fintune_gui.ui.theme import metrics
from fintune_gui.ui.widgets.card import row
from fintune_gui.ui.widgets.controls import Button, CheckBox, ComboBox, Label, LineEdit


class Form(QWidget):
    """The fields of a pydantic model that carry a `FieldHelp`: the simple ones, and the others behind "More".

    An emptied field means the default. What cannot be used is said under its field and is not emitted.

    Signals:
        changed: A dict with the one changed value, by field name; it is valid by itself and with the others.
    """

    changed = Signal(object)

    def __init__(
        self,
        model: type[BaseModel],
        *,
        names: Sequence[str] | None = None,
        help_shown: bool = True,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._model = model
        self._values: dict[str, Any] = {}
        chosen = [name for name in model.model_fields if names is None or name in names]
        self.fields = {name: Field(model, name, help_shown=help_shown) for name in chosen}
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(metrics.GAP)
        self._more = QWidget()
        more_layout = QVBoxLayout(self._more)
        more_layout.setContentsMargins(0, 0, 0, 0)
        more_layout.setSpacing(metrics.GAP)
        for field in self.fields.values():
            (layout if field.help.simple else more_layout).addWidget(field)
            field.committed.connect(self._take)
        self._toggle = Button("More", self._toggle_more, kind="link")
        if any(not field.help.simple for field in self.fields.values()):
            if any(field.help.simple for field in self.fields.values()):
                layout.addLayout(row(self._toggle, None))
                self._more.hide()
            layout.addWidget(self._more)
        layout.addStretch(1)

    def set_values(self, settings: BaseModel) -> None:
        """Show these settings; a field in which the user is typing is left alone."""
        self._values = dict(settings)
        for name, field in self.fields.items():
            field.show_value(self._values[name])

    def set_enabled_fields(self, names: Sequence[str], *, enabled: bool) -> None:
        """Enable or disable some fields, for example those of an adapter while the method is "full"."""
        for name in names:
            self.fields[name].setEnabled(enabled)

    def show_error(self, name: str, sentence: str) -> None:
        """Say under a field why its value cannot be used."""
        self.fields[name].show_error(sentence)

    @Slot()
    def _toggle_more(self) -> None:
        opened = self._more.isHidden()
        self._more.setVisible(opened)
        self._toggle.setText("Less" if opened else "More")

    @Slot(str, object)
    def _take(self, name: str, value: object) -> None:
        field = self.fields[name]
        try:
            valid = self._model.model_validate({**self._values, name: value})
        except ValidationError as error:
            own = [e for e in error.errors() if not e["loc"] or e["loc"][0] == name]
            field.show_error(field.range_sentence if own and own[0]["loc"] else str(error.errors()[0]["msg"]))
            return
        field.show_error("")
        new = getattr(valid, name)
        if new != self._values.get(name):
            self._values[name] = new
            self.changed.emit({name: new})


class Field(QWidget):
    """One setting: its label, its editor, its unit, and a line below for help or for what is wrong.

    Signals:
        committed: (name, value or None for the default); not yet checked against the range.
    """

    committed = Signal(str, object)

    def __init__(self, model: type[BaseModel], name: str, *, help_shown: bool = True) -> None:
        super().__init__()
        self.name = name
        self.help: FieldHelp = field_help(model, name)
        self._info = model.model_fields[name]
        self._kind = _value_type(self._info)
        self.range_sentence = _range_sentence(self._info, self._kind)
        self._help_shown = help_shown
        self._ruled_out = ""
        self.editor = self._make_editor()
        self.editor.setToolTip(self._info.description or "")
        self._below = Label("", "small", wrap=True)
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(metrics.SMALL_GAP)
        grid.setVerticalSpacing(metrics.TINY_GAP)
        grid.setColumnStretch(0, 1)
        if isinstance(self.editor, CheckBox):
            grid.addWidget(self.editor, 0, 0, 1, 2, Qt.AlignmentFlag.AlignLeft)
        else:
            label = Label(self.help.label + (f" ({self.help.unit})" if self.help.unit else ""))
            label.setBuddy(self.editor)
            grid.addWidget(label, 0, 0)
            grid.addWidget(self.editor, 0, 1)
            self.editor.setFixedWidth(metrics.FIELD_WIDTH)
        grid.addWidget(self._below, 1, 0, 1, 2)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        self.show_error("")

    def _make_editor(self) -> CheckBox | ComboBox | LineEdit:
        name = f"{self.help.label}, {self.help.unit}" if self.help.unit else self.help.label
        if self._kind is bool:
            box = CheckBox(self.help.label)
            box.clicked.connect(self._commit_bool)
            return box
        if isinstance(self._kind, type) and issubclass(self._kind, Enum):
            combo = ComboBox(name, [(_words(member), member) for member in self._kind])
            combo.chosen.connect(self._commit_choice)
            return combo
        default = "automatic" if self._info.default is None else self._text(self._info.default)
        edit = LineEdit(name, placeholder=default)
        edit.committed.connect(self._commit_text)
        return edit

    def show_value(self, value: object) -> None:
        """Show a value of the model; a default is shown as well, so that nothing is hidden."""
        if isinstance(self.editor, CheckBox):
            self.editor.setChecked(bool(value))
        elif isinstance(self.editor, ComboBox):
            self.editor.set_value(value)
        else:
            self.editor.set_text("" if value is None else self._text(value))
        if not self.editor.hasFocus():
            self.show_error("")

    def show_error(self, sentence: str) -> None:
        """Say what is wrong, with a red frame; "" shows the help again."""
        if isinstance(self.editor, LineEdit):
            self.editor.mark_invalid(invalid=bool(sentence))
        help_text = self._ruled_out or ((self._info.description or "") if self._help_shown else "")
        self._below.setText(sentence or help_text)
        self._below.set_tone("bad" if sentence else None)
        self._below.setVisible(bool(sentence or help_text))
        self.editor.setAccessibleDescription(sentence or self._ruled_out or self._info.description or "")

    def rule_out(self, reason: str) -> None:
        """Disable the setting and say why; "" enables it again."""
        self._ruled_out = reason
        self.setEnabled(not reason)
        self.show_error(self.error)

    @property
    def error(self) -> str:
        """What is wrong now, or ""."""
        return self._below.text() if self._below.property("tone") == "bad" else ""

    def _text(self, value: object) -> str:
        if isinstance(value, float) and self.help.scientific:
            return _scientific(value)
        if isinstance(value, float):
            return f"{value:.{max(self.help.decimals, 1)}f}".rstrip("0").rstrip(".") or "0"
        return str(value)

    @Slot(bool)
    def _commit_bool(self, checked: bool) -> None:
        self.committed.emit(self.name, checked)

    @Slot(object)
    def _commit_choice(self, value: object) -> None:
        self.committed.emit(self.name, value)

    @Slot(str)
    def _commit_text(self, text: str) -> None:
        if not text.strip() and self._kind is not str:
            assert isinstance(self.editor, LineEdit)
            self.editor.set_text("" if self._info.default is None else self._text(self._info.default))
            self.committed.emit(self.name, self._info.default)
            return
        value = text if self._kind is str else parse_number(text)
        if value is None or (self._kind is int and value != int(value)):
            self.show_error(self.range_sentence)
            return
        self.committed.emit(self.name, int(value) if self._kind is int else value)


def parse_number(text: str) -> float | None:
    """A finite number as people write it: "2e-4", "0,05", "1 000"; None if it is none."""
    compact = text.strip().replace("\u00a0", "").replace("\u202f", "").replace(" ", "")
    for attempt in (compact, compact.replace(",", ".")):
        try:
            number = float(attempt)
        except ValueError:
            continue
        return number if math.isfinite(number) else None
    number, known = QLocale().toDouble(compact)
    return number if known and math.isfinite(number) else None


def _scientific(value: float) -> str:
    """ "2e-4", without the zeros that Python writes."""
    mantissa, _, exponent = f"{value:e}".partition("e")
    return f"{float(mantissa):g}e{int(exponent)}"


def _value_type(info: FieldInfo) -> Any:
    """The type of a value that is not None."""
    annotation = info.annotation
    if get_origin(annotation) in (Union, types.UnionType):
        return next(part for part in get_args(annotation) if part is not type(None))
    return annotation


def _words(member: Enum) -> str:
    named: str | None = getattr(member, "display_name", None)
    return named or str(member.value).replace("_", " ").capitalize()


def _range_sentence(info: FieldInfo, kind: Any) -> str:
    """ "Write a whole number from 1 to 4,096." """
    low = next((item for item in info.metadata if isinstance(item, Ge | Gt)), None)
    high = next((item for item in info.metadata if isinstance(item, Le | Lt)), None)
    noun = "a whole number" if kind is int else "a number"
    parts = []
    if isinstance(low, Gt):
        parts.append(f"above {low.gt:,g}")
    elif low is not None:
        parts.append(f"from {low.ge:,}")
    if isinstance(high, Lt):
        parts.append(f"below {high.lt:,}")
    elif high is not None:
        parts.append(f"{'to' if isinstance(low, Ge) else 'up to'} {high.le:,}")
    return f"Write {noun} {' '.join(parts)}".rstrip() + ", or nothing for the usual value."
