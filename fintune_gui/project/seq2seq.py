"""Models of two halves (T5, BART): one half reads the whole prompt, the other writes the answer.

Prompt and answer are given to them apart, so some settings that suit other models mean nothing here.
"""

from __future__ import annotations

from typing import Any

from fintune_gui.project.document import LearnFrom, Project, Task, Template
from fintune_gui.project.errors import Problem
from fintune_gui.project.settings import Method

KINDS = ("t5", "mt5", "umt5", "longt5", "bart", "pegasus")
"""The families T5 and BART, by the names that ``config.json`` uses."""

HOW_IT_WORKS = "It reads the whole prompt first and then writes the answer; made for summaries and translations."

WHY_NO_QLORA = "4-bit weights are not supported for models that read a prompt and then write the answer."


def is_seq2seq(config: dict[str, Any]) -> bool:
    """Whether the ``config.json`` of a model says that it has two halves."""
    return bool(config.get("is_encoder_decoder"))


def start_token(config: dict[str, Any]) -> int | None:
    """The token that the writing half begins with; None where the model has no such half, or does not say."""
    number = config.get("decoder_start_token_id") if is_seq2seq(config) else None
    return number if isinstance(number, int) else None


def seq2seq_problems(project: Project) -> list[Problem]:
    """Every reason why a project's model of two halves cannot be trained as the project says; none for other models."""
    model, format_, task = project.model, project.format, project.objective.task
    if model is None or not model.seq2seq:
        return []
    problems = []
    if task is not Task.INSTRUCTION:
        problems.append(
            Problem(
                code="model.wrong_task",
                what=f"The model {model.short_name} cannot be tuned for the task {task.value}.",
                why=wrong_task(task),
                todo="Choose the objective instruction, or another model.",
            )
        )
    if model.method is Method.QLORA:
        problems.append(
            Problem(
                code="model.no_qlora",
                what=f"The model {model.short_name} cannot be tuned with QLoRA.",
                why=WHY_NO_QLORA,
                todo="Choose LoRA on the page Model.",
            )
        )
    if format_.template is Template.MODEL:
        problems.append(
            Problem(
                code="data.no_chat_template",
                what=f"The model {model.short_name} has no chat template.",
                why="It is given prompt and answer apart, but the format asks for a template around both.",
                todo="Choose another template on the page Format, or another model.",
            )
        )
    if format_.learn_from is LearnFrom.ALL:
        problems.append(
            Problem(
                code="data.only_answers",
                what=f"The model {model.short_name} can learn from the answers only.",
                why="It reads the prompt and never writes it, but the format asks to learn from everything.",
                todo="Choose to learn from the answer only on the page Format, or another model.",
            )
        )
    return problems


def wrong_task(task: Task) -> str:
    """Why a model of two halves cannot learn `task`."""
    if not task.generates:
        return "It reads a text and writes another one; it has no form that answers with labels."
    if task is Task.CHAT:
        return "It reads a text and writes another one; it does not hold conversations."
    return "It reads a text and writes another one; plain texts have nothing to read apart from what is written."
