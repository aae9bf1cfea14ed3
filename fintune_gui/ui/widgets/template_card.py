"""How a row is written for the model: template, system prompt, and what is learned from."""

from __future__ import annotations

from PySide6.QtCore import Signal, Slot

from fintune_gui.project.document import FormatSettings, LearnFrom, Role, Template
from fintune_gui.ui.widgets.card import Card
from fintune_gui.ui.widgets.controls import ComboBox, Label, set_shown
from fintune_gui.ui.widgets.notes import NotesField

_PROMPT_HEIGHT = 62
_PLAIN = "Plain paragraphs"
_NO_PROMPT = "None. It would stand before every row."
_NO_PREFIX = "None. For example: summarize:"
_TWO_HALVES = (
    "This model reads the prompt apart and writes the answer, so there is no template and only the answer is learned. "
    "A prefix tells it what is asked; one that it was made with helps, such as “summarize:” or "
    "“translate English to German:”."
)


class TemplateCard(Card):
    """The three settings of a format that generates text.

    Signals:
        chosen: A dict with the changed fields of `FormatSettings`.
    """

    chosen = Signal(object)

    def __init__(self) -> None:
        super().__init__("Template")
        self.template = ComboBox("Template")
        self.template.chosen.connect(self._choose_template)
        self.add(self.template)
        self._note = self.add_note("")
        self._prompt_name = Label("System prompt", "small")
        self.add(self._prompt_name)
        self.system_prompt = NotesField("System prompt", _NO_PROMPT)
        self.system_prompt.setFixedHeight(_PROMPT_HEIGHT)
        self.system_prompt.committed.connect(self._choose_prompt)
        self.add(self.system_prompt)
        self._prompt_note = self.add_note("")
        self._learn_name = Label("Learn from", "small")
        self.add(self._learn_name)
        self.learn_from = ComboBox("Learn from", [("The answer only", LearnFrom.ANSWER), ("Everything", LearnFrom.ALL)])
        self.learn_from.chosen.connect(self._choose_learn_from)
        self.add(self.learn_from)
        for field in (self.template, self.learn_from):
            field.setSizePolicy(field.sizePolicy().Policy.Expanding, field.sizePolicy().Policy.Fixed)

    def show_format(
        self,
        format_: FormatSettings,
        model_name: str,
        has_template: bool | None,
        *,
        editable: bool,
        two_halves: bool = False,
    ) -> None:
        """Show the settings.

        Args:
            has_template: Whether the model has one of its own; None while no model is chosen.
            two_halves: Whether it reads and writes apart. What means nothing for it is shown only where it is set.
        """
        own = f"The model's own: {model_name}" if model_name else "The model's own, if it has one"
        if has_template is False and format_.template is not Template.MODEL:
            self.template.set_choices([(_PLAIN, Template.PLAIN)])
            self.template.set_value(Template.PLAIN)
            self._note.setText("This model has no chat template of its own.")
        else:
            self.template.set_choices([(own, None), (_PLAIN, Template.PLAIN)])
            self.template.set_value(Template.PLAIN if format_.template is Template.PLAIN else None)
            self._note.setText(
                "This model has no chat template of its own: choose plain paragraphs." if has_template is False else ""
            )
        if two_halves:
            self._note.setText(_TWO_HALVES)
        self._note.setVisible(bool(self._note.text()))
        self.set_title("Prompt" if two_halves else "Template")
        self._prompt_name.setText("Prefix" if two_halves else "System prompt")
        self.system_prompt.setAccessibleName(self._prompt_name.text())
        self.system_prompt.setPlaceholderText(_NO_PREFIX if two_halves else _NO_PROMPT)
        set_shown(self.template, shown=not two_halves or format_.template is Template.MODEL)
        for widget in (self._learn_name, self.learn_from):
            set_shown(widget, shown=not two_halves or format_.learn_from is LearnFrom.ALL)
        self.system_prompt.set_text(format_.system_prompt)
        column = format_.roles.get(Role.SYSTEM)
        self._prompt_note.setText(f"Used where the column “{column}” is empty." if column else "")
        self._prompt_note.setVisible(column is not None)
        self.learn_from.set_value(format_.learn_from)
        for field in (self.template, self.learn_from):
            field.setEnabled(editable)
        self.system_prompt.setReadOnly(not editable)

    @Slot(object)
    def _choose_template(self, template: Template | None) -> None:
        self.chosen.emit({"template": template})

    @Slot(str)
    def _choose_prompt(self, text: str) -> None:
        self.chosen.emit({"system_prompt": text})

    @Slot(object)
    def _choose_learn_from(self, learn_from: LearnFrom) -> None:
        self.chosen.emit({"learn_from": learn_from})
