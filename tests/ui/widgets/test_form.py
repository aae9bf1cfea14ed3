"""Forms say and check what the settings model says, and nothing else."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from fintune_gui.project.settings import Scheduler, TrainingSettings
from fintune_gui.ui.widgets.controls import CheckBox, ComboBox, LineEdit
from fintune_gui.ui.widgets.form import Form, parse_number


@pytest.fixture
def form(qtbot) -> Form:
    made = Form(TrainingSettings)
    qtbot.addWidget(made)
    made.set_values(TrainingSettings())
    made.show()
    return made


def enter(form: Form, name: str, text: str) -> list[dict[str, object]]:
    """Type into a field and leave it. Returns what the form emitted."""
    told: list[dict[str, object]] = []
    form.changed.connect(told.append)
    editor = form.fields[name].editor
    assert isinstance(editor, LineEdit)
    editor.setFocus()
    editor.selectAll()
    QTest.keyClicks(editor, text) if text else editor.clear()
    QTest.keyClick(editor, Qt.Key.Key_Return)
    form.changed.disconnect(told.append)
    return told


def test_that_every_setting_has_a_field_with_a_name_and_help(form: Form) -> None:
    assert set(form.fields) == set(TrainingSettings.model_fields)
    for field in form.fields.values():
        assert field.editor.accessibleName()
        assert field.editor.accessibleDescription()


def test_that_what_is_shown_comes_back_unchanged(form: Form) -> None:
    settings = TrainingSettings(
        learning_rate=3e-4, epochs=1.5, batch_size=2048, scheduler=Scheduler.LINEAR, gradient_checkpointing=True
    )
    told: list[object] = []
    form.changed.connect(told.append)
    form.set_values(settings)
    for field in form.fields.values():
        if isinstance(field.editor, LineEdit):
            field._commit_text(field.editor.text())
        elif isinstance(field.editor, ComboBox):
            field._commit_choice(field.editor.currentData())
        elif isinstance(field.editor, CheckBox):
            field._commit_bool(field.editor.isChecked())
    assert told == []  # reading every field back gives the same settings
    assert form._values == dict(settings)


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("learning_rate", "2e-4", 2e-4),
        ("learning_rate", "0,0005", 5e-4),
        ("batch_size", "2 048", 2048),
        ("epochs", "2.5", 2.5),
        ("warmup_ratio", "0.1", 0.1),
    ],
)
def test_that_numbers_are_read_as_people_write_them(form: Form, name: str, text: str, value: float) -> None:
    assert enter(form, name, text) == [{name: value}]


def test_that_an_emptied_field_means_the_usual_value(form: Form) -> None:
    form.set_values(TrainingSettings(batch_size=99, learning_rate=0.5))
    assert enter(form, "batch_size", "") == [{"batch_size": 16}]
    assert form.fields["batch_size"].editor.text() == "16"
    assert enter(form, "learning_rate", "") == [{"learning_rate": None}]


@pytest.mark.parametrize("text", ["0", "5000", "1.5", "many", "-3", "nan", "inf"])
def test_that_what_cannot_be_used_is_said_and_not_stored(form: Form, text: str) -> None:
    assert enter(form, "batch_size", text) == []
    assert form.fields["batch_size"].error == "Write a whole number from 1 to 4,096, or nothing for the usual value."
    assert enter(form, "batch_size", "8") == [{"batch_size": 8}]
    assert form.fields["batch_size"].error == ""


def test_that_a_choice_and_a_switch_are_told(form: Form, qtbot) -> None:
    scheduler = form.fields["scheduler"].editor
    assert isinstance(scheduler, ComboBox)
    with qtbot.waitSignal(form.changed) as told:
        scheduler.activated.emit(scheduler.findData(Scheduler.CONSTANT))
    assert told.args == [{"scheduler": Scheduler.CONSTANT}]
    switch = form.fields["gradient_checkpointing"].editor
    assert isinstance(switch, CheckBox)
    with qtbot.waitSignal(form.changed) as told:
        switch.click()
    assert told.args == [{"gradient_checkpointing": True}]


def test_that_typing_is_not_disturbed_by_new_values(form: Form) -> None:
    form.activateWindow()
    editor = form.fields["epochs"].editor
    assert isinstance(editor, LineEdit)
    editor.setFocus()
    QTest.qWaitForWindowActive(form)
    editor.selectAll()
    QTest.keyClicks(editor, "7")
    form.set_values(TrainingSettings(epochs=2))
    assert editor.text() == "7"


def test_that_more_shows_the_rest(form: Form) -> None:
    assert form.fields["learning_rate"].isVisible()
    assert not form.fields["weight_decay"].isVisible()
    form._toggle_more()
    assert form.fields["weight_decay"].isVisible()


def test_that_the_wheel_does_not_change_a_closed_field(form: Form) -> None:
    form._toggle_more()
    editor = form.fields["scheduler"].editor
    assert isinstance(editor, ComboBox)
    before = editor.currentData()
    wheel = QWheelEvent(
        QPointF(5, 5), editor.mapToGlobal(QPointF(5, 5)), QPoint(0, -120), QPoint(0, -120),
        Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(editor, wheel)
    assert editor.currentData() == before
    assert wheel.type() is QEvent.Type.Wheel
    assert not wheel.isAccepted()  # so that the page scrolls


def test_that_text_without_a_number_is_not_one() -> None:
    assert parse_number("two") is None
    assert parse_number("") is None
