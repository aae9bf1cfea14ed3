"""The tasks in words that people know, for Home and for the Objective page."""

from __future__ import annotations

from fintune_gui.project.document import Task
from fintune_gui.ui.widgets.choice import Choice

TASKS = (
    Choice(
        Task.CLASSIFICATION,
        "Sort texts into topics",
        "It reads a text and chooses one of your labels, for example the department that a ticket belongs to.",
    ),
    Choice(
        Task.MULTI_LABEL,
        "Give texts several labels",
        "It reads a text and says of each of your labels whether it fits; a text may have several, or none.",
    ),
    Choice(
        Task.INSTRUCTION,
        "Answer as in my examples",
        "It gets a question or an order and answers the way your examples answer.",
    ),
    Choice(
        Task.CHAT,
        "Hold a conversation",
        "It takes the part of the assistant in conversations of several turns, as in yours.",
    ),
    Choice(
        Task.TEXT,
        "Write in a style",
        "It goes on writing in the language and tone of your texts; they need no labels and no answers.",
    ),
)
