"""Files as other people have them: read, divided and shown without a word of help."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from fintune_gui.jobs.process import raise_if_failed, run_to_end
from fintune_gui.project.document import ModelChoice
from fintune_gui.project.spec import PrepareSpec, write_spec
from fintune_gui.project.store import ProjectFolder
from tests.cli.conftest import Fintune
from tests.helpers import foreign


@dataclass(frozen=True)
class Shape:
    """A kind of file, and what must be found out about it."""

    make: Callable[[Path], Path]
    task: str
    rows: int
    roles: dict[str, str] = field(default_factory=dict)
    name: str | None = None


SHAPES = {
    "two classes": Shape(foreign.two_class_csv, "classification", 5000, {"text": "Review", "label": "Sentiment"}),
    "long answers": Shape(
        foreign.long_answers_jsonl, "instruction", 7000, {"instruction": "question", "answer": "answer"}
    ),
    "alpaca": Shape(
        foreign.alpaca_json, "instruction", 200,
        {"instruction": "instruction", "input": "input", "answer": "output"}, "Alpaca",
    ),
    "sharegpt": Shape(foreign.sharegpt_json, "chat", 200, {"messages": "messages"}, "ShareGPT"),
    "77 labels": Shape(foreign.many_labels_csv, "classification", 2000, {"text": "text", "label": "category"}),
}  # fmt: skip


@pytest.fixture(scope="module")
def tiny_base(tmp_path_factory: pytest.TempPathFactory) -> ModelChoice:
    """The sample's model, made ready once."""
    folder = tmp_path_factory.mktemp("prepare")
    write_spec(folder, PrepareSpec(name="sample:tiny-base"))
    ended = run_to_end(folder)
    raise_if_failed(ended)
    return ModelChoice.model_validate(ended.result)


@pytest.mark.parametrize("name", SHAPES)
def test_that_a_file_of_this_shape_is_understood(
    fintune: Fintune, tmp_path: Path, tiny_base: ModelChoice, name: str
) -> None:
    shape = SHAPES[name]
    project = tmp_path / "p"
    assert fintune("new", project, "--task", shape.task).code == 0
    imported = fintune("import", project, shape.make(tmp_path / "rows"), "--json").json
    assert (imported["rows"], imported["rejected"]) == (shape.rows, 0)
    assert imported["roles"] == shape.roles
    assert shape.name in (None, imported["shape"])
    with ProjectFolder.open(project) as opened:
        opened.save(opened.project.with_(model=tiny_base))
    assert fintune("format", project, "--max-length", 256).code == 0
    split = fintune("split", project, "--seed", 1, "--json").json
    assert sum(split["counts"].values()) == shape.rows
    assert split["counts"]["train"] == pytest.approx(0.7 * shape.rows, rel=0.02)
    seen = fintune("preview", project, "--row", shape.rows, "--json").json
    assert "trained" in {span["kind"] for span in seen["spans"]} or shape.task == "classification"
    assert 0 < seen["tokens"] <= 256
