"""Commands for the rows: import, check, clean, split."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fintune_gui.cli.output import Json, Output, counted, size
from fintune_gui.cli.work import ProjectPath, do_job, not_understood, open_project, open_rows
from fintune_gui.project.document import SplitSettings
from fintune_gui.project.errors import FintuneError
from fintune_gui.project.import_options import AnyFormat, FileChoice, ImportOptions, TextUnit
from fintune_gui.project.paths import user_path
from fintune_gui.project.spec import PARTS
from fintune_gui.project.store import ProjectFolder

if TYPE_CHECKING:
    from fintune_gui.dataset.recipe import Replayed
    from fintune_gui.dataset.store import Dataset


def import_(
    project: ProjectPath,
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="FILE...",
            help="Tables or texts, also packed, and folders of them; several are put together.",
        ),
    ] = None,
    *,
    add: Annotated[bool, typer.Option("--add", help="Put the rows behind the present ones.")] = False,
    format_: Annotated[AnyFormat, typer.Option("--format", help="Kind of the files; found out if left out.")] = "auto",
    encoding: Annotated[str | None, typer.Option(help="Encoding of texts; found out if left out.")] = None,
    delimiter: Annotated[
        str | None, typer.Option(help="What separates the cells of a CSV file; found out if left out.")
    ] = None,
    quote: Annotated[str | None, typer.Option(help='What stands around cells of a CSV file; "" for nothing.')] = None,
    escape: Annotated[
        str | None, typer.Option(help="What takes the next character's meaning away in a CSV file.")
    ] = None,
    header: Annotated[
        bool | None,
        typer.Option("--header/--no-header", help="Whether the first line of a table holds the columns' names."),
    ] = None,
    table: Annotated[
        str | None, typer.Option(metavar="NAME", help="Sheet of a workbook, table of a database, split of a data set.")
    ] = None,
    member: Annotated[
        str | None, typer.Option(metavar="NAME", help="The only file to read of an archive or a folder.")
    ] = None,
    text_unit: Annotated[TextUnit | None, typer.Option(help="What becomes a row of a plain text.")] = None,
    hub: Annotated[
        list[str] | None, typer.Option("--hub", metavar="OWNER/NAME", help="A data set of the Hugging Face hub.")
    ] = None,
    subset: Annotated[str | None, typer.Option(metavar="NAME", help="Part of a data set of the hub.")] = None,
    revision: Annotated[str | None, typer.Option(help="Branch or commit of a data set of the hub.")] = None,
    most_rows: Annotated[int | None, typer.Option(min=1, help="Stop after so many rows of a data set.")] = None,
    as_json: Json = False,
) -> None:
    """Read files into the project. The files are only read; earlier rows are kept beside."""
    from fintune_gui.dataset.apply import record_import
    from fintune_gui.dataset.importing import ImportResult
    from fintune_gui.dataset.runs import create_import

    output = Output(as_json=as_json)
    options = ImportOptions(
        format=format_,
        encoding=encoding,
        delimiter=delimiter,
        quote=quote,
        escape=escape,
        header=header,
        table=table,
        member=member,
        text_unit=text_unit,
        subset=subset,
        revision=revision,
        most_rows=most_rows,
    )
    choices = [FileChoice(path=str(file), options=options) for file in files or ()]
    choices += [FileChoice(path=name, options=options.model_copy(update={"format": "hub"})) for name in hub or ()]
    if not choices:
        not_understood("Name at least one file, folder, or data set of the hub.")
    with open_project(project, to_change=True) as opened:
        ended = do_job(create_import(opened, choices, add=add), output)
        result = ImportResult.model_validate(ended.result)
        record_import(opened, result)
        roles = {role.value: column for role, column in opened.project.format.roles.items()}
        missing = [role.value for role in opened.project.format.missing_roles(opened.project.objective.task)]
    came = f"{counted(result.rows, 'row')} {'added' if add else 'read'}, {result.rejected:,} rejected"
    output.say(f"{came}, {size(result.bytes)}, {max(result.seconds, 0.1):,.1f} s.")
    output.say(f"The columns are {', '.join(result.columns)}.")
    for note in result.notes:
        output.say(note)
    if result.shape:
        output.say(f"The format was recognised: {result.shape}.")
    if result.rejected:
        output.say(
            f'{counted(result.rejected, "row")} could not be read; see and mend them: fintune rejected "{project}"'
        )
    if roles:
        output.say("Roles: " + ", ".join(f"{role} = {column}" for role, column in roles.items()) + ".")
    if missing:
        output.say(f'Say which column is the {missing[0]}: fintune format "{project}" --map {missing[0]}=COLUMN')
    output.finish({**result.model_dump(mode="json"), "roles": roles, "missing_roles": missing})


def check(project: ProjectPath, *, as_json: Json = False) -> None:
    """Look for problems in the rows. Nothing is changed."""
    from fintune_gui.dataset.cleaning import find_problems
    from fintune_gui.dataset.formatting import label_separator

    output = Output(as_json=as_json)
    with open_project(project) as opened, open_rows(opened) as dataset:
        format_ = opened.project.format
        separator = label_separator(dataset, format_, opened.project.objective.task)
        findings = find_problems(dataset, format_.roles, separator)
        kept = dataset.kept_rows()
    signs = {"bad": "✗", "warn": "!", "info": "·"}
    output.table(
        [
            (signs[f.severity], f"{f.count:,}", f.title, f"mended by {f.step.name}" if f.step else "for you to decide")
            for f in findings
        ],
        right=(1,),
    )
    if not findings:
        output.say(f"No problems were found in {counted(kept, 'row')}.")
    elif any(f.safe for f in findings):
        output.say(f'What is safe to mend without looking: fintune clean "{project}" --safe')
    output.finish({"rows": kept, "findings": [f.model_dump(mode="json") for f in findings]})


def clean(
    project: ProjectPath,
    *,
    recipe: Annotated[
        Path | None, typer.Option("--recipe", metavar="FILE", help="Do the steps of a saved recipe.")
    ] = None,
    safe: Annotated[bool, typer.Option("--safe", help="Do every step that the check calls safe.")] = False,
    undo: Annotated[bool, typer.Option("--undo", help="Take the last step back.")] = False,
    save: Annotated[
        Path | None, typer.Option("--save", metavar="FILE", help="Save all steps so far as a recipe.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Change the rows by a recipe, or by all safe steps. Everything can be undone."""
    if [recipe is not None, safe, undo, save is not None].count(True) != 1:
        not_understood("Say one of --recipe FILE, --safe, --undo or --save FILE.")
    output = Output(as_json=as_json)
    with open_project(project, to_change=save is None) as opened, open_rows(opened) as dataset:
        done = _save_recipe(dataset, save) if save else _change(opened, dataset, recipe, undo=undo)
        kept = dataset.kept_rows()
    for operation in done.operations:
        output.say(("Taken back: " if undo else "") + operation.label)
    for reason in done.left_out:
        output.say(f"Left out: {reason}")
    if save:
        output.say(f"The recipe is in {save}.")
    elif not done.operations:
        output.say("There was nothing to take back." if undo else "There was nothing to change.")
    output.say(f"{counted(kept, 'row')} are in.")
    operations = [operation.model_dump(mode="json") for operation in done.operations]
    output.finish({"rows_kept": kept, "operations": operations, "left_out": done.left_out})


def _change(project: ProjectFolder, dataset: Dataset, recipe: Path | None, *, undo: bool) -> Replayed:
    from fintune_gui.dataset import cleaning
    from fintune_gui.dataset.formatting import label_separator
    from fintune_gui.dataset.recipe import Replayed, read_recipe, replay

    if undo:
        undone = dataset.undo()
        return Replayed([undone] if undone else [])
    if recipe is not None:
        return replay(dataset, read_recipe(user_path(recipe)))
    format_ = project.project.format
    separator = label_separator(dataset, format_, project.project.objective.task)
    findings = cleaning.find_problems(dataset, format_.roles, separator)
    return Replayed(cleaning.apply_recipe(dataset, cleaning.safe_steps(findings)))


def _save_recipe(dataset: Dataset, target: Path) -> Replayed:
    from fintune_gui.dataset.recipe import Replayed, recipe_of
    from fintune_gui.project.files import write_text

    write_text(user_path(target), recipe_of(dataset).model_dump_json(indent=2) + "\n")
    return Replayed()


def split(
    project: ProjectPath,
    *,
    ratios: Annotated[
        str | None, typer.Option(metavar="70/15/15", help="Shares of training, validation and test rows.")
    ] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, max=2**31 - 1, help="The same seed gives the same split; 42 at first.")
    ] = None,
    stratify: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="Values of this column keep their shares in every part.")
    ] = None,
    group: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="Equal values of this column are never divided.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Divide the rows into training, validation and test. Duplicates stay together."""
    from fintune_gui.dataset.splitting import make_split

    output = Output(as_json=as_json)
    with open_project(project, to_change=True) as opened, open_rows(opened) as dataset:
        before = opened.project.split
        settings = SplitSettings(
            ratios=before.ratios if ratios is None else _ratios(ratios),
            seed=before.seed if seed is None else seed,
            stratify=before.stratify if stratify is None else stratify or None,
            group=before.group if group is None else group or None,
        )
        opened.save(opened.project.with_(split=settings))
        try:
            manifest = make_split(opened, dataset)
        except FintuneError:
            opened.save(opened.project.with_(split=before))
            raise
    output.say(" / ".join(f"{manifest.counts[part]:,} {part}" for part in PARTS))
    if manifest.duplicates_kept_together:
        output.say(f"{counted(manifest.duplicates_kept_together, 'duplicate')} stayed together with the same text.")
    labels = list(dict.fromkeys(label for part in PARTS for label in manifest.labels.get(part, {})))
    if labels:
        counts = [[f"{manifest.labels[part].get(label, 0):,}" for part in PARTS] for label in labels]
        rows = [(label or "(none)", *found) for label, found in zip(labels, counts, strict=True)]
        output.table(rows, header=("label", *PARTS), right=(1, 2, 3))
    output.finish(manifest.model_dump(mode="json"))


def _ratios(text: str) -> tuple[float, float, float]:
    """ "70/15/15", "0.8/0.1/0.1" or "7:2:1" as shares that add up to 1."""
    try:
        numbers = [float(part) for part in text.replace(":", "/").split("/")]
    except ValueError:
        numbers = []
    if len(numbers) != 3 or not all(0 < number < math.inf for number in numbers):
        not_understood(f'"{text}" is not three numbers above 0 such as 70/15/15.')
    train, validation, test = (number / sum(numbers) for number in numbers)
    return train, validation, test
