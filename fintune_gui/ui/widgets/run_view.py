"""A training run in pictures and words: figures, progress, curves, decisions, answers and log."""

from __future__ import annotations

import math
from datetime import datetime

from PySide6.QtCore import QSize, Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QProgressBar, QVBoxLayout, QWidget

from fintune_gui.project.document import Objective
from fintune_gui.project.events import Started
from fintune_gui.project.history import RunHistory
from fintune_gui.ui.theme import metrics
from fintune_gui.ui.widgets.card import Card, StatCard
from fintune_gui.ui.widgets.controls import ComboBox, ElidedLabel, set_property
from fintune_gui.ui.widgets.legend import LegendEntry
from fintune_gui.ui.widgets.live_plot import LivePlot
from fintune_gui.ui.widgets.plot_bar import PlotBar
from fintune_gui.ui.widgets.plot_curve import Curve
from fintune_gui.ui.widgets.run_axis import XAxis
from fintune_gui.ui.widgets.run_curves import RunCurves
from fintune_gui.ui.widgets.run_notes import RunNotes
from fintune_gui.ui.widgets.run_words import (
    Figure,
    metric_curve,
    outcome_figure,
    speed_figure,
    time_figure,
    training_figure,
    validation_figure,
    where_it_is,
)

_SCALE = 1000


class _Curves(QWidget):
    """Takes the room there is, and asks for no more than a small window has."""

    def sizeHint(self) -> QSize:
        return QSize(700, self.minimumSizeHint().height())


class RunView(QWidget):
    """Shows a `RunHistory`; call `show_history` after every batch of events, it only takes in what is new.

    Attributes:
        compare: The choice of an earlier run to draw beside this one; its values are run numbers or None.
        axis: What all curves are drawn over.
        more: Curves that matter now and then; closed at first.
        notes: Decisions, answers and log.

    Signals:
        copied: What was put on the clipboard, in words.
    """

    copied = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._started: Started | None = None
        self._history: RunHistory | None = None
        self._other: RunHistory | None = None
        self._other_curve: Curve | None = None
        self._objective: Objective | None = None
        self.axis = XAxis.STEP
        self.validation = StatCard("Validation loss")
        self.training = StatCard("Training loss")
        self.speed = StatCard("Speed")
        self.time = StatCard("Time left")
        self.outcome = StatCard("Outcome")
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setAccessibleName("Progress of the run")
        self.where = ElidedLabel("", "small")
        self.compare = ComboBox("Compare with another run")
        self.more = RunCurves()
        self.notes = RunNotes(self.more)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(metrics.GAP)
        self._curves = _Curves()
        curves = QVBoxLayout(self._curves)
        curves.setContentsMargins(0, 0, 0, 0)
        curves.setSpacing(metrics.GAP)
        figures = QHBoxLayout()
        figures.setSpacing(metrics.GAP)
        for card in (self.validation, self.training, self.speed, self.time, self.outcome):
            figures.addWidget(card, 1)
        curves.addLayout(figures)
        progress = QVBoxLayout()
        progress.setSpacing(metrics.TINY_GAP)
        progress.addWidget(self.bar)
        progress.addWidget(self.where)
        curves.addLayout(progress)
        curves.addLayout(self._build_plots(), 1)
        layout.addWidget(self._curves, 1)
        layout.addWidget(self.notes)
        layout.addStretch(0)
        for plot in (self.loss, self.rate, self.metric_plot, *self.more.plots.values()):
            plot.copied.connect(self.copied)
        self.notes.log.copied.connect(self.copied)

    def _build_plots(self) -> QHBoxLayout:
        self.loss = LivePlot("Loss")
        self.rate = LivePlot("Learning rate")
        self.metric_plot = LivePlot("Metric on validation")
        self._training_curve = self.loss.add_curve("training", "training")
        self._validation_curve = self.loss.add_curve("validation", "validation")
        self._rate_curve = self.rate.add_curve("learning rate", "metric")
        self._metric_curve = self.metric_plot.add_curve("metric", "metric")
        loss_card = Card("Loss")
        self._other_entry = LegendEntry("", "other")
        self._other_entry.hide()
        loss_card.add_action(
            LegendEntry("training", "training"),
            LegendEntry("validation", "validation"),
            self._other_entry,
            self.compare,
        )
        self.compare.hide()
        loss_card.add(self.loss, 1)
        self.bar_of_loss = PlotBar(self.loss)
        self.bar_of_loss.axis_chosen.connect(self._draw_over)
        self.bar_of_loss.smoothed.connect(self._show_smoothed)
        loss_card.add(self.bar_of_loss)
        rate_card = Card("Learning rate")
        rate_card.add(self.rate, 1)
        self._metric_card = Card("Metric on validation")
        self._metric_card.add(self.metric_plot, 1)
        right = QVBoxLayout()
        right.setSpacing(metrics.GAP)
        right.addWidget(rate_card, 1)
        right.addWidget(self._metric_card, 1)
        plots = QHBoxLayout()
        plots.setSpacing(metrics.GAP)
        plots.addWidget(loss_card, 3)
        plots.addLayout(right, 2)
        return plots

    def clear(self) -> None:
        """Forget the run: the next history is that of another one."""
        self._started = self._history = None
        for plot in (self.loss, self.rate, self.metric_plot):
            plot.clear()
        self.more.clear()
        self.notes.clear()
        self.show_other(None, "")

    def show_history(self, history: RunHistory, objective: Objective | None, now: datetime, *, working: bool) -> None:
        """Bring everything up to date.

        Args:
            history: The run's events so far.
            objective: What the run is measured by; its target is drawn. None while it is not known.
            now: The time on the user's clock.
            working: Whether the run is at work right now.
        """
        if history.started != self._started:
            self._started = history.started
            self._forget_curves()  # a resumed run repeats the steps that were lost
        self._objective = objective
        self._sync(history)
        self._show_figures(history, now, working=working)
        self._show_progress(history, working=working)
        self._curves.setVisible(working or len(history.steps) > 0)
        self.notes.show_history(history)

    def _sync(self, history: RunHistory) -> None:
        """Let all curves take in what is new."""
        self._history = history
        xs = self.axis.of_steps(history)
        self._training_curve.sync(xs, history.curves["loss"])
        self._rate_curve.sync(xs, history.curves["learning_rate"])
        self._validation_curve.sync(*self._validation_points(history))
        best = history.best
        best_at = self.axis.of_step(history, best.step) if best else None
        self.loss.set_best(best_at, "best" if history.ended else "best so far")
        for plot in (self.loss, self.rate, self.metric_plot):
            plot.set_x_name(self.axis.value, self.axis.decimals)
            plot.set_x_end(self.axis.end(history))
        self.more.show_history(history, self.axis)
        self._show_metric(history, self._objective)

    def _validation_points(self, history: RunHistory) -> tuple[list[float], list[float]]:
        told = history.validations
        return [self.axis.of_step(history, v.step) for v in told], [v.loss for v in told]

    @Slot(object)
    def _draw_over(self, axis: XAxis) -> None:
        """Draw all curves over something else."""
        self.axis = axis
        self._forget_curves()
        history, other = self._history, self._other
        if other is not None and self._other_curve is not None:
            self._other_curve.clear()
            self._other_curve.sync(*self._validation_points(other))
        if history is not None:
            self._sync(history)

    @Slot()
    def _show_smoothed(self) -> None:
        _fill(self.training, training_figure(self._training_curve.last, self.bar_of_loss.smoothed_over))

    def _forget_curves(self) -> None:
        self.more.forget_points()
        for curve in (self._training_curve, self._validation_curve, self._rate_curve, self._metric_curve):
            curve.clear()

    def _show_metric(self, history: RunHistory, objective: Objective | None) -> None:
        if objective is None:
            return
        steps, values = metric_curve(history, objective)
        self._metric_card.setVisible(bool(steps) or not history.validations)
        self._metric_card.set_title(f"{objective.metric.display_name} on validation")
        self.metric_plot.setAccessibleName(f"{objective.metric.display_name} on validation")
        self._metric_curve.sync([self.axis.of_step(history, int(step)) for step in steps], values)
        self.metric_plot.set_target(objective.target)

    def _show_figures(self, history: RunHistory, now: datetime, *, working: bool) -> None:
        _fill(self.validation, validation_figure(history))
        _fill(self.training, training_figure(self._training_curve.last, self.bar_of_loss.smoothed_over))
        _fill(self.speed, speed_figure(history))
        _fill(self.time, time_figure(history, now))
        _fill(self.outcome, outcome_figure(history))
        self.time.setVisible(working)
        self.outcome.setVisible(not working)

    def _show_progress(self, history: RunHistory, *, working: bool) -> None:
        done, total = 0.0, 0.0
        if history.last_step is not None and history.plan is not None:
            done, total = history.last_step.step, history.plan.total_steps
        elif history.progress is not None and history.progress.total:
            done, total = history.progress.done, history.progress.total
        if history.finished:
            done, total = 1.0, 1.0
        if total or not working:
            self.bar.setRange(0, _SCALE)
            self.bar.setValue(math.floor(_SCALE * min(1.0, done / total)) if total else 0)
        else:
            self.bar.setRange(0, 0)
        over = not working and not history.finished
        set_property(self.bar, "tone", "warn" if history.paused or over else "")
        self.where.setText(where_it_is(history))

    # Another run beside this one

    def offer_runs(self, numbers: list[int]) -> None:
        """Earlier runs that can be drawn beside this one."""
        self.compare.set_choices([("alone", None), *((f"with run {n}", n) for n in numbers)])
        self.compare.setVisible(bool(numbers))

    def show_other(self, history: RunHistory | None, name: str) -> None:
        """Draw the validation loss of another run, dashed; None takes it away."""
        if self._other_curve is not None:
            self.loss.remove_curve(self._other_curve.name)
            self._other_curve = None
        self._other_entry.setVisible(history is not None)
        self._other = history
        if history is None:
            self.compare.set_value(None)
            return
        self._other_entry.set_name(name)
        self._other_curve = self.loss.add_curve(name, "other")
        self._other_curve.sync(*self._validation_points(history))


def _fill(card: StatCard, figure: Figure) -> None:
    card.show_value(figure.value, figure.note, brief=figure.brief, badge=figure.badge, tone=figure.tone)
    card.setMinimumWidth(card.needed_width)  # in a small window a figure goes before equal widths
