"""Commands for what the model sees: format, preview."""

from __future__ import annotations

import sys
from dataclasses import asdict
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fintune_gui.cli.output import Json, Output, counted
from fintune_gui.cli.work import ProjectPath, not_understood, open_project, open_rows
from fintune_gui.project.added_tokens import change_tokens, token_words
from fintune_gui.project.document import (
    ROLES_OF_TASK,
    FormatSettings,
    LabelSeparator,
    LearnFrom,
    Role,
    Task,
    Template,
)
from fintune_gui.project.errors import DataError, ModelError
from fintune_gui.project.store import ProjectFolder

if TYPE_CHECKING:
    from fintune_gui.dataset.encoding import ModelTokenizer, TokenSpan
    from fintune_gui.dataset.store import Dataset
    from fintune_gui.dataset.token_use import TokenUses

_COLOURS = {"trained": typer.colors.GREEN, "special": typer.colors.MAGENTA, "cut": typer.colors.RED, "context": None}
_MARKS = {"trained": "[{}]", "special": "<{}>", "cut": "~{}~", "context": "{}"}


def format_(
    project: ProjectPath,
    *,
    mapping: Annotated[
        list[str] | None,
        typer.Option("--map", metavar="ROLE=COLUMN", help="Which column plays a role; ROLE= for none."),
    ] = None,
    system: Annotated[
        str | None, typer.Option("--system", metavar="TEXT", help="System prompt before every example.")
    ] = None,
    template: Annotated[Template | None, typer.Option(help="The model's chat template, or plain paragraphs.")] = None,
    max_length: Annotated[int | None, typer.Option(min=8, max=131072, help="Longest example in tokens.")] = None,
    learn_from: Annotated[
        LearnFrom | None, typer.Option(help="Learn from the answers only, or from every token.")
    ] = None,
    labels_by: Annotated[
        LabelSeparator | None, typer.Option(help="What parts several labels in a cell; else it is recognised.")
    ] = None,
    add_token: Annotated[
        list[str] | None,
        typer.Option("--add-token", metavar="TEXT", help="A text that the model shall read as one piece; repeatable."),
    ] = None,
    remove_token: Annotated[
        list[str] | None, typer.Option("--remove-token", metavar="TEXT", help="Take an added token away; repeatable.")
    ] = None,
    suggest_tokens: Annotated[
        bool, typer.Option("--suggest-tokens", help="Look for tags and torn words that are worth a token.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Say which column is what, and how rows are written."""
    from fintune_gui.dataset.formatting import check_format, find_separator, label_rows
    from fintune_gui.dataset.problems import raise_problems

    output = Output(as_json=as_json)
    with open_project(project, to_change=True) as opened, open_rows(opened) as dataset:
        before = opened.project.format
        changes = {
            "roles": _roles(before.roles, mapping or [], opened.project.objective.task, dataset.columns),
            "system_prompt": system,
            "template": template,
            "max_length": max_length,
            "learn_from": learn_from,
            "label_separator": labels_by,
            "added_tokens": change_tokens(before.added_tokens, add_token or (), remove_token or ()),
        }
        settings = before.model_copy(update={name: value for name, value in changes.items() if value is not None})
        changed = opened.project.with_(format=FormatSettings.model_validate(settings.model_dump()))
        raise_problems(check_format(changed, dataset), "There is more than one thing to mend.")
        opened.save(changed)
        labels: dict[str, int] = {}
        if changed.objective.task is Task.MULTI_LABEL:
            labels = label_rows(dataset, settings, Task.MULTI_LABEL)
            found = find_separator(dataset, settings.roles[Role.LABEL])
            chosen = settings.label_separator
            output.say(f"Labels are parted by {chosen.display_name}, as you said." if chosen else found.sentence)
            rows = "  ".join(f"{label} ({rows:,})" for label, rows in list(labels.items())[:_LABELS_SHOWN])
            output.say(f"{counted(len(labels), 'label')}: {rows}{' …' if len(labels) > _LABELS_SHOWN else ''}")
        uses = _token_uses(opened, dataset, suggest=suggest_tokens)
    output.table([(role.value, column) for role, column in settings.roles.items()])
    output.say(f"At most {settings.max_length:,} tokens; the model learns from {_LEARNS[settings.learn_from]}.")
    for line in _told_of_tokens(uses, settings.added_tokens):
        output.say(line)
    output.say("Next: fintune " + (f'preview "{project}" --row 1' if changed.model else f'model "{project}" MODEL'))
    told = settings.model_dump(mode="json") | ({"labels": labels} if labels else {})
    output.finish(told | ({"token_uses": asdict(uses)} if uses else {}))


def _token_uses(opened: ProjectFolder, dataset: Dataset, *, suggest: bool) -> TokenUses | None:
    """What added tokens do for the rows; None where that is not asked, or not known yet."""
    project = opened.project
    if not (project.format.added_tokens or suggest) or project.format.missing_roles(project.objective.task):
        return None
    if project.model is None and not suggest:
        return None
    from fintune_gui.dataset.token_use import find_token_uses

    own = _tokenizer(opened, added=False)
    return find_token_uses(dataset, own, project.format, project.objective.task, suggest=suggest)


def _told_of_tokens(uses: TokenUses | None, tokens: tuple[str, ...]) -> list[str]:
    """The added tokens, and what each does."""
    if uses is None:
        return [f"Added tokens: {', '.join(tokens)}."] if tokens else []
    read = counted(uses.rows, "row")
    lines = [f"In {read}, {token_words(use)}" for use in uses.added]
    lines += [f'Worth a token: {token_words(use)} Add it with --add-token "{use.text}".' for use in uses.suggested]
    return lines


_LABELS_SHOWN = 12
_LEARNS = {LearnFrom.ANSWER: "the answers only", LearnFrom.ALL: "every token"}


def _roles(before: dict[Role, str], mapping: list[str], task: Task, columns: tuple[str, ...]) -> dict[Role, str]:
    roles = dict(before)
    known = {role.value: role for role in ROLES_OF_TASK[task]}
    for assignment in mapping:
        name, separator, column = assignment.partition("=")
        if not separator or name not in known:
            not_understood(
                f'"{assignment}" is not ROLE=COLUMN; the roles of the task {task.value} are: {", ".join(known)}.'
            )
        if not column:
            roles.pop(known[name], None)
        elif column in columns:
            roles[known[name]] = column
        else:
            raise DataError(
                "data.no_column",
                f"There is no column “{column}”.",
                f"The rows have these columns: {', '.join(columns)}.",
                "Choose one of them.",
            )
    return roles


def preview(
    project: ProjectPath,
    *,
    row: Annotated[int, typer.Option(min=1, help="Number of the row, as the table shows it.")] = 1,
    as_json: Json = False,
) -> None:
    """Show a row as the model sees it, token by token."""
    from fintune_gui.dataset.encoding import encode_row, token_view

    output = Output(as_json=as_json)
    with open_project(project) as opened, open_rows(opened) as dataset:
        if row > dataset.total_rows:
            raise DataError(
                "data.no_row",
                f"There is no row {row}.",
                f"The rows are numbered from 1 to {dataset.total_rows:,}.",
                "Choose one of them.",
            )
        tokenizer = _tokenizer(opened)
        settings, task = opened.project.format, opened.project.objective.task
        if (model := opened.project.model) is not None:  # a run cuts there, too
            settings = settings.model_copy(update={"max_length": min(settings.max_length, model.context_length)})
        encoded = encode_row(tokenizer, _values(dataset, row - 1), settings, task)
        spans = token_view(tokenizer, encoded)
    colours = sys.stdout.isatty()
    for is_heading, part in groupby(spans, lambda span: span.kind == "part"):
        shown = [span.text if is_heading else _show(span, colours=colours) for span in part]
        output.say(f"{shown[0]}:" if is_heading else "|".join(shown))
    output.say()
    output.say(_legend(colours=colours, added=any(span.added for span in spans)))
    learned = sum(encoded.learned)
    if task.generates:
        output.say(f"{counted(len(encoded.ids), 'token')}, {learned:,} of them learned, {encoded.cut:,} cut off.")
    else:
        output.say(
            f"{counted(len(encoded.ids), 'token')}, {encoded.cut:,} cut off; "
            f"{'the label is' if task is Task.CLASSIFICATION else 'labels are'} learned from the whole text."
        )
    output.finish(
        {
            "row": row,
            "tokens": len(encoded.ids),
            "learned": learned,
            "cut": encoded.cut,
            "ids": list(encoded.ids),
            "spans": [span.model_dump(mode="json") for span in spans],
        }
    )


def _tokenizer(project: ProjectFolder, *, added: bool = True) -> ModelTokenizer:
    from fintune_gui.dataset.encoding import ModelTokenizer

    if project.project.model is None:
        raise ModelError(
            "model.none",
            "No model is chosen yet.",
            "How a row is cut into tokens depends on the model.",
            'Choose one with "fintune model".',
        )
    tokens = project.project.format.added_tokens if added else ()
    return ModelTokenizer.load(Path(project.project.model.folder), tokens)


def _values(dataset: Dataset, row_id: int) -> dict[str, str | None]:
    return dict(zip(dataset.columns, dataset.cells([row_id])[0], strict=True))


def _show(span: TokenSpan, *, colours: bool) -> str:
    if colours:
        return typer.style(span.text, fg=_COLOURS[span.kind], dim=span.kind == "context", bold=span.added)
    return _MARKS[span.kind].format(f"+{span.text}" if span.added else span.text)


def _legend(*, colours: bool, added: bool) -> str:
    last = ("  " + (typer.style("added", bold=True) if colours else "+… added")) if added else ""
    words = {"trained": "learned", "context": "only read", "special": "special token", "cut": "cut off"}
    if colours:
        return "  ".join(typer.style(words[kind], fg=_COLOURS[kind], dim=kind == "context") for kind in words) + last
    return "  ".join(f"{_MARKS[kind].format('…')} {words[kind]}" for kind in words if kind != "context") + last
