"""Which column plays which role, and a row as a conversation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from fintune_gui.dataset import shapes
from fintune_gui.dataset.column import Mask
from fintune_gui.dataset.conversations import BadConversation, Message, conversation_of, parse_text
from fintune_gui.dataset.label_sets import (
    FoundSeparator,
    count_labels,
    is_list,
    recognise_separator,
)
from fintune_gui.project.document import (
    REQUIRED_ROLES,
    FormatSettings,
    LabelSeparator,
    Project,
    Role,
    Task,
    filled_roles,
)
from fintune_gui.project.errors import DataError, Problem

if TYPE_CHECKING:
    from fintune_gui.dataset.store import Dataset

__all__ = [
    "Message",
    "check_format",
    "find_separator",
    "label_rows",
    "label_separator",
    "label_values",
    "propose_roles",
    "to_messages",
    "usable_rows",
]

Row = Mapping[str, str | None]

FEWEST_ROWS = 3
"""One for training, one for validation, one for the test."""
_MOST_LABELS_SHARE = 0.5
"""A column of which more than this share of the values is different is no label."""

_LABELS_COME_BACK = 0.6
"""A column of whose parted values less than this share comes back holds no labels: long texts have commas too."""

_NAMES: dict[Role, tuple[str, ...]] = {
    Role.TEXT: shapes.TEXT_NAMES,
    Role.LABEL: (*shapes.LABEL_NAMES, "tags", "topics", "categories", "genres"),
    Role.INSTRUCTION: ("instruction", *shapes.QUESTION_NAMES),
    Role.INPUT: ("input", "context", "passage", "article"),
    Role.ANSWER: (*shapes.CHOSEN_NAMES, *shapes.ANSWER_NAMES),
    Role.SYSTEM: ("system", "system_prompt"),
    Role.MESSAGES: (shapes.MESSAGES, "conversations", "conversation"),
}
_PROPOSED: dict[Task, tuple[Role, ...]] = {
    Task.CLASSIFICATION: (Role.LABEL, Role.TEXT),
    Task.MULTI_LABEL: (Role.LABEL, Role.TEXT),
    Task.INSTRUCTION: (Role.ANSWER, Role.INSTRUCTION, Role.INPUT, Role.SYSTEM),
    Task.CHAT: (Role.MESSAGES, Role.SYSTEM),
    Task.TEXT: (Role.TEXT,),
}


def propose_roles(columns: Sequence[str], sample_rows: Sequence[Row], task: Task) -> dict[Role, str]:
    """A column for each role of the task, by name and then by content. Roles without a good candidate are left out.

    Of preference pairs the better answer is proposed; the rejected one plays no role.
    """
    names = _names_for(columns, sample_rows)
    rejected = {column for column in columns if _lower(column) in shapes.REJECTED_NAMES}
    roles: dict[Role, str] = {}
    for role in _PROPOSED[task]:
        free = [column for column in columns if column not in roles.values() and column not in rejected]
        by_name = {_lower(column): column for column in reversed(free)}
        column = next((by_name[name] for name in names[role] if name in by_name), None)
        if column is None and role in REQUIRED_ROLES[task]:
            by_content = _with_several_labels if role is Role.LABEL and task is Task.MULTI_LABEL else _by_content
            column = by_content(role, free, sample_rows)
        if column is not None:
            roles[role] = column
    return {role: roles[role] for role in sorted(roles, key=list(Role).index)}


def _names_for(columns: Sequence[str], sample_rows: Sequence[Row]) -> dict[Role, tuple[str, ...]]:
    """The names that tell a role, with those that only some formats use in this way."""
    recognised = shapes.recognise(sample_rows)
    if recognised is None:
        return _NAMES
    names = dict(_NAMES)
    found = tuple(map(_lower, recognised.columns))
    if "preference" in recognised.name:
        better = tuple(name for name in found if name in shapes.CHOSEN_NAMES)
        asked = tuple(name for name in found if name not in (*shapes.CHOSEN_NAMES, *shapes.REJECTED_NAMES))
        names[Role.ANSWER] = better
        names[Role.INSTRUCTION] = (*asked, *names[Role.INSTRUCTION])
        names[Role.MESSAGES] = better if not asked else names[Role.MESSAGES]
    elif recognised.name in ("question and answer", "article and summary", "prompt and completion", "KTO"):
        names[Role.INSTRUCTION] = (found[0], *names[Role.INSTRUCTION])
        names[Role.ANSWER] = (found[1], *names[Role.ANSWER])
    return names


def _lower(name: str) -> str:
    return name.strip().lower()


def _by_content(role: Role, columns: Sequence[str], rows: Sequence[Row]) -> str | None:
    values = {column: [value for row in rows if (value := row.get(column))] for column in columns}
    values = {column: found for column, found in values.items() if found}
    if role is Role.MESSAGES:
        return next((column for column, found in values.items() if _is_conversation(found[0])), None)
    if role is Role.LABEL:
        few = {
            column: len(set(found))
            for column, found in values.items()
            if 1 < len(set(found)) <= _MOST_LABELS_SHARE * len(found) and max(map(len, found)) <= 60
        }
        return min(few, key=lambda column: few[column]) if few else None
    if role in (Role.TEXT, Role.ANSWER) and values:
        return max(values, key=lambda column: sum(map(len, values[column])) / len(values[column]))
    return None


def _with_several_labels(role: Role, columns: Sequence[str], rows: Sequence[Row]) -> str | None:
    """The column whose cells most surely hold several labels."""
    found = {column: recognise_separator({row.get(column) or "": None for row in rows}) for column in columns}
    best = max(columns, key=lambda column: found[column].sure, default=None)
    if best is None or found[best].sure < _LABELS_COME_BACK:
        return _by_content(role, columns, rows)
    return best


def _is_conversation(text: str) -> bool:
    try:
        parse_text(text)
    except BadConversation:
        return False
    return True


def label_values(dataset: Dataset, column: str) -> dict[str, int]:
    """The labels of the kept rows and how often each occurs, the most frequent first. Empty cells are no label."""
    counts: dict[str, int] = {}
    kept = ~dataset.removed_mask
    for start, (array,) in dataset.batches([column]):
        inside = array.filter(pa.array(kept[start : start + len(array)]))
        for item in pc.value_counts(inside).to_pylist():
            if item["values"] is not None and item["values"].strip():
                counts[item["values"]] = counts.get(item["values"], 0) + item["counts"]
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def find_separator(dataset: Dataset, column: str) -> FoundSeparator:
    """How the cells of the kept rows part their labels, from the most frequent cells."""
    return recognise_separator(label_values(dataset, column))


def label_separator(dataset: Dataset, format_: FormatSettings, task: Task) -> LabelSeparator | None:
    """What parts the labels of a cell: as chosen, or as recognised. None where a cell is one label."""
    if task is not Task.MULTI_LABEL or (column := format_.roles.get(Role.LABEL)) not in dataset.columns:
        return None
    return format_.label_separator or find_separator(dataset, str(column)).separator


def label_rows(dataset: Dataset, format_: FormatSettings, task: Task) -> dict[str, int]:
    """The labels of the kept rows and how many rows have each, the most frequent first."""
    values = label_values(dataset, format_.roles[Role.LABEL])
    separator = label_separator(dataset, format_, task)
    return values if separator is None else count_labels(values, separator)


def usable_rows(dataset: Dataset, format_: FormatSettings, task: Task) -> Mask:
    """For each row whether it is kept and has something in every column that must be filled."""
    usable = ~dataset.removed_mask
    required = [format_.roles[role] for role in filled_roles(task)]
    for start, arrays in dataset.batches(required):
        for array in arrays:
            filled = pc.greater(pc.binary_length(pc.utf8_trim_whitespace(pc.fill_null(array, ""))), 0)
            usable[start : start + len(array)] &= filled.to_numpy(zero_copy_only=False)
    return usable


def to_messages(row: Row, format_: FormatSettings, task: Task) -> list[Message]:
    """A row of the tasks instruction and chat as a conversation that ends with the answer.

    Raises:
        DataError: if the row holds no usable conversation.
    """
    roles = format_.roles
    system = (row.get(roles.get(Role.SYSTEM, "")) or "").strip() or format_.system_prompt.strip()
    if task is Task.CHAT:
        messages = _conversation(row.get(roles[Role.MESSAGES]) or "")
        if messages[0].role == "system":
            return messages
    else:
        messages = _question_and_answer(row, roles)
        if messages[0].role == "system":
            return messages
    return [Message(role="system", content=system), *messages] if system else messages


def _question_and_answer(row: Row, roles: Mapping[Role, str]) -> list[Message]:
    """Both as turns. Some formats write a question, or an answer, as a conversation; then its turns are taken."""
    asked, answered = row.get(roles[Role.INSTRUCTION]) or "", row.get(roles[Role.ANSWER]) or ""
    answers = conversation_of(answered) or [Message(role="assistant", content=answered.strip())]
    questions = conversation_of(asked)
    if questions is None:
        parts = [asked, row.get(roles.get(Role.INPUT, "")) or ""]
        questions = [Message(role="user", content="\n\n".join(part.strip() for part in parts if part.strip()))]
    return _learnable([*questions, *answers])


def _conversation(text: str) -> list[Message]:
    try:
        messages = parse_text(text)
    except BadConversation as error:
        raise DataError(
            "data.bad_conversation",
            "A row holds no conversation that can be used.",
            f"{error}.",
            "Mend the row on the page Clean, or remove it.",
        ) from error
    return _learnable(messages)


def _learnable(messages: list[Message]) -> list[Message]:
    """The turns, if there is something to learn in them."""
    if any(message.calls_tools and not message.content.strip() for message in messages):
        raise DataError(
            "data.calls_tools",
            "A row holds a conversation in which tools are called.",
            "An answer that only calls a tool has no text, and calls of tools cannot be learned yet.",
            "Remove the row on the page Clean, or write an answer into the turn.",
        )
    if not any(message.role == "assistant" for message in messages):
        raise DataError(
            "data.no_answer",
            "A row holds a conversation without an answer.",
            "None of its turns is the assistant's, so there is nothing to learn from it.",
            "Mend the row on the page Clean, or remove it.",
        )
    return messages


def check_format(project: Project, dataset: Dataset) -> list[Problem]:
    """Everything about roles and rows that stands in the way of training, all at once."""
    task, roles = project.objective.task, project.format.roles
    problems = [
        Problem(
            code="data.missing_role",
            what=f"No column is chosen as the {role.value}.",
            why=f"The task {task.value} needs it.",
            todo=f"Choose one of the columns: {', '.join(dataset.columns)}.",
        )
        for role in project.format.missing_roles(task)
    ]
    problems += [
        Problem(
            code="data.no_column",
            what=f"There is no column “{column}” for the {role.value}.",
            why=f"The columns are: {', '.join(dataset.columns)}.",
            todo="Choose one of them on the page Format.",
        )
        for role, column in roles.items()
        if column not in dataset.columns
    ]
    twice = {column for column in roles.values() if list(roles.values()).count(column) > 1}
    problems += [
        Problem(
            code="data.column_twice",
            what=f"The column “{column}” plays two roles.",
            why="A text cannot be question and answer at once.",
            todo="Choose another column for one of them.",
        )
        for column in sorted(twice)
    ]
    return problems or _check_rows(project, dataset)


def _check_rows(project: Project, dataset: Dataset) -> list[Problem]:
    task, roles = project.objective.task, project.format.roles
    problems = []
    usable = usable_rows(dataset, project.format, task)
    if usable.sum() < FEWEST_ROWS:
        problems.append(
            Problem(
                code="data.too_few_rows",
                what=f"Only {int(usable.sum())} of {dataset.total_rows:,} rows can be used.",
                why=f"At least {FEWEST_ROWS} rows need a value in every required column: to train, validate and test.",
                todo="Import more rows, fill the empty cells, or bring removed rows back.",
            )
        )
    if task is Task.CLASSIFICATION:
        labels = label_values(dataset, roles[Role.LABEL])
        if len(labels) == 1:
            problems.append(
                Problem(
                    code="data.one_label",
                    what=f"The column “{roles[Role.LABEL]}” has only one label: “{next(iter(labels))}”.",
                    why="Telling labels apart needs at least two.",
                    todo="Choose another column as the label, or import rows with other labels.",
                )
            )
    if task is Task.MULTI_LABEL:
        problems += _check_label_sets(project, dataset, int(usable.sum()))
    if task is Task.CHAT:
        problems += _check_conversations(dataset, roles[Role.MESSAGES], usable)
    return problems


def _check_label_sets(project: Project, dataset: Dataset, rows: int) -> list[Problem]:
    column = project.format.roles[Role.LABEL]
    labels = label_rows(dataset, project.format, project.objective.task)
    if not labels:
        return [
            Problem(
                code="data.no_label",
                what=f"The column “{column}” has no label at all.",
                why="Rows without a label are fine, but some must have one: there is nothing to learn otherwise.",
                todo="Choose another column as the label.",
            )
        ]
    if min(labels.values()) >= rows:
        return [
            Problem(
                code="data.one_label",
                what=f"In the column “{column}” all rows have the same labels.",
                why="Telling texts apart needs labels that some rows have and others have not.",
                todo="Choose another column as the label, or import rows with other labels.",
            )
        ]
    if project.format.label_separator is not LabelSeparator.LIST:
        return []
    other = next((cell for cell in label_values(dataset, column) if not is_list(cell)), None)
    if other is None:
        return []
    return [
        Problem(
            code="data.no_list_of_labels",
            what=f"In the column “{column}” some cells are no list of labels, for example “{other[:60]}”.",
            why='Labels are said to stand in lists such as ["red", "round"].',
            todo="Choose on the page Format what parts the labels, or mend these cells.",
        )
    ]


def _check_conversations(dataset: Dataset, column: str, usable: Mask) -> list[Problem]:
    """Look at the first conversations only; a whole column of other things shows at once."""
    rows = np.flatnonzero(usable)[:50]
    for row_id, (text,) in zip(rows.tolist(), dataset.cells(rows, [column]), strict=True):
        try:
            _conversation(text or "")
        except DataError as error:
            problem = error.problem
            return [problem.model_copy(update={"what": f"Row {row_id:,}: {problem.what}"})]
    return []
