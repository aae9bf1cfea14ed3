"""Which page shows which step. Pages are imported when they are first shown, so that the window starts at once."""

from __future__ import annotations

from importlib import import_module

from fintune_gui.project.flow import Step
from fintune_gui.ui.pages.page import Page

PAGES: dict[Step, str] = {
    Step.OBJECTIVE: "objective:ObjectivePage",
    Step.DATA: "data:DataPage",
    Step.CLEAN: "clean:CleanPage",
    Step.FORMAT: "format:FormatPage",
    Step.SPLIT: "split:SplitPage",
    Step.MODEL: "model:ModelPage",
    Step.TRAIN: "train:TrainPage",
    Step.EVALUATE: "evaluate:EvaluatePage",
    Step.EXPORT: "export:ExportPage",
}
"""For each step "module:class" inside this package."""


def page_class(step: Step) -> type[Page]:
    """The class of the page for a step, imported now."""
    module, name = PAGES[step].split(":")
    found: type[Page] = getattr(import_module(f"fintune_gui.ui.pages.{module}"), name)
    return found
