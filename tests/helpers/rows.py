"""Real rows and the tiny base model in the project of a session, for tests of pages."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from typing import Any

from fintune_gui.dataset.importing import import_files
from fintune_gui.project.document import ModelChoice, Role
from fintune_gui.project.paths import resource
from fintune_gui.ui.services.session import ProjectSession


def bring_rows(
    qtbot: Any, session: ProjectSession, rows: Sequence[Mapping[str, str]], roles: Mapping[Role, str] | None = None
) -> None:
    """Import `rows` into the open project, set its roles, and wait until the facts are known."""
    session.close_dataset()
    source = session.folder.folder / "source.csv"
    with source.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    import_files([source], session.folder.dataset)
    format_ = session.project.format.model_copy(update={"roles": dict(roles or {})})
    session.apply(session.project.with_(format=format_))
    session.rows_were_changed()
    qtbot.waitUntil(lambda: session.facts.rows == len(rows))


def tiny_base() -> ModelChoice:
    """The sample model, as a prepare job describes it."""
    return ModelChoice(
        name="sample:tiny-base",
        folder=str(resource("models", "tiny-base")),
        fingerprint="tiny",
        parameters=2_558_976,
        context_length=1024,
        architecture="LlamaForCausalLM",
        has_chat_template=True,
    )


def tickets(count: int, labels: Sequence[str] = ("billing", "bug", "how-to")) -> list[dict[str, str]]:
    """Short texts with labels in turn, and a column of customers."""
    return [
        {"text": f"Ticket number {n}", "label": labels[n % len(labels)], "customer": f"c{n // 2}"} for n in range(count)
    ]


def questions(count: int) -> list[dict[str, str]]:
    """Questions with answers."""
    return [{"question": f"Is boat {n} free?", "answer": f"Yes, boat {n} is free.", "note": "x"} for n in range(count)]
