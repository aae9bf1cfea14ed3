"""Job folders: frozen rows, everything checked first, all problems at once."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import psutil
import pyarrow.parquet as pq
import pytest

from fintune_gui.dataset import runs
from fintune_gui.dataset.facts import gather_facts
from fintune_gui.dataset.importing import ImportOptions
from fintune_gui.dataset.results import ResultRow, read_results, write_results
from fintune_gui.dataset.splitting import current_split, make_split, split_rows
from fintune_gui.project.combinations import Abilities
from fintune_gui.project.document import Role, Template
from fintune_gui.project.errors import DataError, DiskFullError, FintuneError, ModelError, ProjectError, TrainingError
from fintune_gui.project.events import CheckpointSaved, Ended, Event, Plan, Started, Validated
from fintune_gui.project.history import read_history
from fintune_gui.project.paths import resource
from fintune_gui.project.report import read_report
from fintune_gui.project.settings import Method
from fintune_gui.project.spec import (
    LATEST_CHECKPOINT,
    PARTS,
    EvaluateSpec,
    ExportSpec,
    FitSpec,
    ImportSpec,
    TrainSpec,
    read_spec,
)
from fintune_gui.project.store import ProjectFolder

Make = Any
ROWS = [[f"Where is order {i}?", ["late", "lost", "broken"][i % 3]] for i in range(60)]


def prepared(folder: Path) -> dict[str, Any]:
    return {
        "name": "sample:tiny-base",
        "folder": str(folder),
        "fingerprint": "abc",
        "parameters": 2_557_632,
        "context_length": 1024,
        "architecture": "LlamaForCausalLM",
        "has_chat_template": True,
        "weights": "something that a model choice does not keep",
    }


@pytest.fixture
def ready(make_project: Make) -> tuple[ProjectFolder, Any]:
    pf, dataset = make_project(ROWS)
    make_split(pf, dataset)
    runs.record_prepared(pf, prepared(resource("models", "tiny-base")), Method.LORA)
    return pf, dataset


def tell(folder: Path, *events: Event) -> None:
    with (folder / "events.jsonl").open("a") as file:
        file.writelines(event.model_dump_json() + "\n" for event in events)


def test_that_a_run_holds_frozen_rows_and_the_whole_specification(ready: Any) -> None:
    pf, dataset = ready
    dataset.edit(0, "text", "edited")
    make_split(pf, dataset)
    folder = runs.create_run(pf, dataset)
    spec = read_spec(folder)
    assert isinstance(spec, TrainSpec)
    assert (folder.name, spec.run, spec.labels) == ("0001", 1, ("broken", "late", "lost"))
    split = current_split(pf)
    assert split is not None
    seen = {}
    for part in PARTS:
        table = pq.read_table(folder / "data" / f"{part}.parquet").to_pylist()
        assert [row["row_id"] for row in table] == split_rows(pf, split, part).tolist()
        seen |= {row["row_id"]: (row["text"], row["label"]) for row in table}
    assert seen[0] == ("edited", "late")
    assert seen[59] == tuple(ROWS[59])
    dataset.edit(0, "text", "later")
    assert pq.read_table(folder / "data" / "train.parquet").num_rows == split.counts["train"]


def test_that_everything_that_is_missing_is_told_at_once(make_project: Make) -> None:
    pf, dataset = make_project(ROWS)
    roles = {Role.TEXT: "text"}
    pf.save(pf.project.with_(format=pf.project.format.model_copy(update={"roles": roles})))
    with pytest.raises(DataError) as error:
        runs.create_run(pf, dataset)
    problem = error.value.problem
    assert [line.split(":")[0] for line in problem.details.split("\n")] == [
        "data.missing_role",
        "data.no_split",
        "model.none",
    ]
    assert "3 things are missing" in problem.what
    assert pf.run_numbers() == []


def test_that_a_stale_split_and_a_model_that_is_gone_are_told(ready: Any, tmp_path: Path) -> None:
    pf, dataset = ready
    dataset.edit(0, "text", "changed")
    with pytest.raises(DataError) as error:
        runs.create_run(pf, dataset)
    assert error.value.problem.code == "data.stale_split"
    dataset.undo()
    runs.record_prepared(pf, prepared(tmp_path / "gone"), Method.LORA)
    with pytest.raises(ModelError) as gone:
        runs.create_run(pf, dataset)
    assert gone.value.problem.code == "model.gone"
    (tmp_path / "empty").mkdir()
    runs.record_prepared(pf, prepared(tmp_path / "empty"), Method.LORA)
    with pytest.raises(ModelError) as bare:
        runs.create_run(pf, dataset)
    assert bare.value.problem.code == "model.no_tokenizer"


def test_that_a_full_disk_leaves_no_half_run(ready: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    pf, dataset = ready

    def no_room(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("fintune_gui.dataset.snapshot.pq.ParquetWriter", no_room)
    with pytest.raises(DiskFullError):
        runs.create_run(pf, dataset)
    assert pf.run_numbers() == []
    assert not (pf.runs / "0001").exists()


def test_that_settings_that_cannot_work_together_start_no_run(ready: Any) -> None:
    pf, dataset = ready
    make_split(pf, dataset)
    wrong = {"optimizer": "adamw_8bit", "learning_rate": 1e-9, "scheduler": "polynomial"}
    pf.save(pf.project.with_(training={**dict(pf.project.training), **wrong}))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runs, "find_abilities", lambda: Abilities(cuda=False, bitsandbytes=False))
        with pytest.raises(FintuneError, match="8-bit optimizer") as error:
            runs.create_run(pf, dataset)
    assert "polynomial" in str(error.value.problem) + error.value.problem.details
    assert pf.run_numbers() == []


def test_that_a_read_only_project_gets_no_run(ready: Any) -> None:
    pf, dataset = ready
    with ProjectFolder.open(pf.folder) as second:
        assert second.read_only
        with pytest.raises(ProjectError) as error:
            runs.create_run(second, dataset)
    assert error.value.problem.code == "project.locked"


def test_that_a_fit_belongs_to_no_run(ready: Any) -> None:
    pf, dataset = ready
    folder = runs.create_fit(pf, dataset, steps=2)
    spec = read_spec(folder)
    assert isinstance(spec, FitSpec)
    assert (spec.steps, spec.train.run, pf.run_numbers()) == (2, 1, [])
    assert sorted(path.name for path in (folder / "data").iterdir()) == [
        "test.parquet", "train.parquet", "validation.parquet",
    ]  # fmt: skip


def test_that_only_a_finished_run_is_evaluated_and_exported(ready: Any, tmp_path: Path) -> None:
    pf, dataset = ready
    with pytest.raises(TrainingError, match="no run 1"):
        runs.create_evaluation(pf, 1)
    folder = runs.create_run(pf, dataset)
    with pytest.raises(TrainingError, match="not finished"):
        runs.create_export(pf, 1, "adapter", tmp_path / "out")
    tell(folder, Started(kind="train", pid=1), Ended(outcome="completed"))
    evaluation = runs.create_evaluation(pf, 1)
    assert read_spec(evaluation) == EvaluateSpec(run_folder=str(folder))
    (tmp_path / "used").mkdir()
    (tmp_path / "used" / "file").touch()
    (tmp_path / "loop").symlink_to("loop")
    for target in (tmp_path / "used", tmp_path / "loop"):
        with pytest.raises(ProjectError, match="already holds other files"):
            runs.create_export(pf, 1, "adapter", target)
    first = runs.create_export(pf, 1, "adapter", tmp_path / "out")
    second = runs.create_export(pf, 1, "merged", tmp_path / "out")
    assert (first.name, second.name) == ("export-0001", "export-0002")
    spec = read_spec(second)
    assert isinstance(spec, ExportSpec)
    assert (spec.what, spec.target) == ("merged", str(tmp_path / "out"))


def test_that_a_run_of_all_weights_has_no_adapter_to_export(ready: Any, tmp_path: Path) -> None:
    pf, dataset = ready
    runs.record_prepared(pf, prepared(resource("models", "tiny-base")), Method.FULL)
    folder = runs.create_run(pf, dataset)
    tell(folder, Started(kind="train", pid=1), Ended(outcome="completed"))
    with pytest.raises(TrainingError) as error:
        runs.create_export(pf, 1, "adapter", tmp_path / "out")
    assert error.value.problem.code == "training.no_adapter"


def test_that_files_are_looked_at_before_an_import_starts(make_project: Make, tmp_path: Path) -> None:
    pf, _ = make_project(ROWS)
    (tmp_path / "empty.csv").touch()
    with pytest.raises(DataError) as error:
        runs.create_import(pf, [tmp_path / "no.csv", tmp_path / "empty.csv"])
    assert "no.csv" in error.value.problem.why
    assert "empty.csv" in error.value.problem.why
    folder = runs.create_import(pf, [tmp_path / "project.csv"], ImportOptions(delimiter=";"))
    spec = read_spec(folder)
    assert isinstance(spec, ImportSpec)
    assert [(file.path, file.options.delimiter) for file in spec.files] == [(str(tmp_path / "project.csv"), ";")]
    with pytest.raises(ModelError):
        runs.create_prepare(pf, " ")


def test_that_the_status_of_a_run_is_read_from_its_events(ready: Any) -> None:
    pf, dataset = ready

    def status() -> str | None:
        run = gather_facts(pf).last_run
        return run.status if run else None

    folder = runs.create_run(pf, dataset)
    assert status() is None  # its process has said nothing yet
    me = Started(kind="train", pid=os.getpid())
    tell(folder, me)
    assert status() == "running"
    before_me = psutil.Process().create_time() - 100
    tell(folder, Started(kind="train", pid=os.getpid(), time=before_me))
    assert status() == "failed"  # that process has ended, and another one has its number now
    plan = Plan(total_steps=9, steps_per_epoch=3, training_rows=1, validation_rows=1, trainable_parameters=1,
                total_parameters=1)  # fmt: skip
    tell(folder, plan, CheckpointSaved(step=3, folder="x", best=False, reason="time", seconds=0.1))
    assert status() == "failed"  # told, but not on disk
    (folder / LATEST_CHECKPOINT).parent.mkdir()
    (folder / LATEST_CHECKPOINT).write_text("{}", encoding="utf-8")
    assert status() == "interrupted"
    tell(folder, Ended(outcome="stopped"))
    facts = gather_facts(pf)
    assert facts.last_finished_run is not None
    assert (facts.last_finished_run.status, facts.last_finished_run.total_steps) == ("stopped", 9)


def test_that_exports_count_once_they_are_complete_and_there(ready: Any, tmp_path: Path) -> None:
    pf, dataset = ready
    folder = runs.create_run(pf, dataset)
    tell(folder, Started(kind="train", pid=1), Ended(outcome="completed"))
    target = tmp_path / "out"
    job = runs.create_export(pf, 1, "adapter", target)
    tell(job, Ended(outcome="completed", result={"folder": str(target)}))
    assert gather_facts(pf).runs[0].exported == ()
    target.mkdir()
    assert gather_facts(pf).runs[0].exported == (str(target),)


def test_that_facts_count_rows_and_steps_without_opening_the_columns(ready: Any) -> None:
    pf, dataset = ready
    dataset.remove([1, 2])
    dataset.edit(0, "text", "x")
    dataset.undo()
    facts = gather_facts(pf)
    assert (facts.rows, facts.rows_kept, facts.operations, facts.columns) == (60, 58, 1, ("text", "label"))
    assert facts.dataset_fingerprint == dataset.fingerprint
    start = time.perf_counter()
    gather_facts(pf)
    assert time.perf_counter() - start < 1


def test_that_a_damaged_dataset_does_not_keep_the_project_from_opening(ready: Any) -> None:
    pf, dataset = ready
    dataset.close()
    for content in ("{", '{"rows": "x", "base_sha256": 1, "columns": 3, "rejected": null}'):
        (pf.dataset / "source.json").write_text(content)
        facts = gather_facts(pf)
        assert facts.rows is None
        assert "source.json is damaged" in facts.damage


def test_that_a_run_that_cannot_be_read_is_shown_as_failed(ready: Any) -> None:
    pf, dataset = ready
    folder = runs.create_run(pf, dataset)
    (folder / "spec.json").write_text("{")
    (run,) = gather_facts(pf).runs
    assert (run.number, run.status) == (1, "failed")
    (folder / "spec.json").unlink()
    (folder / "spec.json").mkdir()
    (folder / "report.json").mkdir()
    (folder / "events.jsonl").mkdir()
    assert gather_facts(pf).runs[0].status == "failed"
    assert read_report(folder) is None
    assert not read_history(folder).resumable


def test_that_a_template_that_refuses_rows_is_told_before_the_run(ready: Any, tmp_path: Path) -> None:
    pf, dataset = ready
    model = tmp_path / "model"
    model.mkdir()
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (model / name).write_bytes(resource("models", "tiny-base", name).read_bytes())
    (model / "chat_template.jinja").write_text("{{ raise_exception('never') }}")
    runs.record_prepared(pf, prepared(model), Method.LORA)
    objective = {"task": "instruction", "metric": "perplexity"}
    format_ = {"roles": {"instruction": "text", "answer": "label"}, "template": Template.MODEL}
    pf.save(pf.project.with_(objective=objective, format=format_))
    make_split(pf, dataset)
    with pytest.raises(FintuneError) as error:
        runs.create_run(pf, dataset)
    assert error.value.problem.code == "data.template_refuses"


def test_that_results_are_read_back_and_damage_is_said(tmp_path: Path) -> None:
    assert read_results(tmp_path) == []
    rows = [ResultRow(row_id=7, prompt="p", expected="e", untuned="u", tuned="e", change="better")]
    write_results(tmp_path, rows)
    assert read_results(tmp_path) == rows
    (tmp_path / "samples.parquet").write_bytes(b"PAR1")
    with pytest.raises(DataError) as error:
        read_results(tmp_path)
    assert error.value.problem.code == "data.no_results"


def best_of(run: Path, epoch: float) -> None:
    tell(run, Validated(step=4, epoch=epoch, loss=0.5, best=True))
    (run / "checkpoints").mkdir()
    (run / "checkpoints" / "best.json").write_text('{"folder": "step-000004", "step": 4}')


def test_that_a_continuation_has_the_same_rows_and_half_the_rate(ready: Any) -> None:
    pf, dataset = ready
    first = runs.create_run(pf, dataset)
    best_of(first, epoch=1.25)
    dataset.edit(0, dataset.columns[0], "changed since")  # what the first run learns from does not change any more

    second = runs.create_continuation(pf, 1)

    before, after = read_spec(first), read_spec(second)
    assert isinstance(before, TrainSpec)
    assert isinstance(after, TrainSpec)
    assert (after.run, after.start_from_run) == (2, 1)
    assert (after.training.learning_rate, after.training.epochs) == (1e-4, 1.75)
    assert after.inputs == before.inputs
    for part in PARTS:
        name = f"data/{part}.parquet"
        assert (second / name).read_bytes() == (first / name).read_bytes()


def test_that_a_run_without_a_best_cannot_be_continued(ready: Any) -> None:
    pf, dataset = ready
    runs.create_run(pf, dataset)
    for run in (1, 7):
        with pytest.raises(TrainingError):
            runs.create_continuation(pf, run)
    assert pf.run_numbers() == [1]
