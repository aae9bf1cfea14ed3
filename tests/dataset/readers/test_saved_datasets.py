"""Folders that the library datasets wrote, and streams of the hub."""

from __future__ import annotations

import json
from pathlib import Path

import datasets
import pytest

from fintune_gui.dataset.importing import FileChoice, ImportOptions, sniff
from fintune_gui.dataset.intake import rows_of
from fintune_gui.dataset.readers import hub
from fintune_gui.dataset.readers.reader import Source
from fintune_gui.project.errors import DataError
from tests.dataset.readers.importing import imported, refused

TRAIN = datasets.Dataset.from_dict({"text": ["a", None, "c"], "n": [1, 2, 3]})
TEST = datasets.Dataset.from_dict({"text": ["z"], "n": [9]})


@pytest.fixture(autouse=True, scope="module")
def _quiet() -> None:
    datasets.disable_progress_bars()


def test_that_a_saved_data_set_is_read_in_the_order_of_its_rows(tmp_path: Path) -> None:
    TRAIN.select([2, 0, 1]).save_to_disk(tmp_path / "saved", num_shards=2)
    rows, result = imported(tmp_path / "saved")
    assert rows == [{"text": "c", "n": "3"}, {"text": "a", "n": "1"}, {"text": None, "n": "2"}]
    assert (result.sources[0].format, result.bytes > 0) == ("datasets", True)


def test_that_splits_come_together_with_their_names_or_one_alone(tmp_path: Path) -> None:
    folder = tmp_path / "saved"
    datasets.DatasetDict(train=TRAIN, test=TEST).save_to_disk(folder)
    assert sniff(folder).tables == ("train", "test")
    assert [row["split"] for row in imported(folder)[0]] == ["train", "train", "train", "test"]
    assert imported(folder, table="test")[0] == [{"text": "z", "n": "9"}]
    assert refused(folder, table="dev") == "data.no_table"


def test_that_a_damaged_data_set_is_said_and_nothing_outside_is_read(tmp_path: Path) -> None:
    folder = tmp_path / "saved"
    TRAIN.save_to_disk(folder)
    (tmp_path / "secret.arrow").write_bytes(next(folder.glob("*.arrow")).read_bytes())
    state = json.loads((folder / "state.json").read_text())
    state["_data_files"] = [{"filename": "../secret.arrow"}]
    (folder / "state.json").write_text(json.dumps(state))
    assert refused(folder) == "data.damaged_file"
    (folder / "state.json").write_text("[")
    assert refused(folder) == "data.damaged_file"


def test_that_a_folder_is_never_taken_for_a_data_set_of_the_hub(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "owner" / "name").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match="or the folder of this name"):
        sniff("owner/name", ImportOptions(format="hub"))


def test_that_a_stream_of_the_hub_is_read_batch_by_batch(tmp_path: Path) -> None:
    TRAIN.to_parquet(tmp_path / "train.parquet")
    TEST.to_parquet(tmp_path / "test.parquet")
    files = {"train": str(tmp_path / "train.parquet"), "test": str(tmp_path / "test.parquet")}
    streams = datasets.load_dataset("parquet", data_files=files, streaming=True, cache_dir=str(tmp_path / "cache"))
    source = Source(Path("owner/name"), "owner/name")
    rows = [raw.values for piece in hub.read_streams(streams, source) for raw in rows_of(piece)]
    assert rows[0] == {"text": "a", "n": "1", "split": "train"}
    assert rows[-1] == {"text": "z", "n": "9", "split": "test"}
    limited = hub.read_streams({"train": streams["train"]}, source, most_rows=2)
    assert [raw.values for piece in limited for raw in rows_of(piece)] == [
        {"text": "a", "n": "1"},
        {"text": None, "n": "2"},
    ]


def test_that_being_offline_is_said_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    choice = FileChoice(path="owner/name", options=ImportOptions(format="hub"))
    with pytest.raises(DataError) as error:
        sniff(choice)
    assert error.value.problem.code == "data.hub_offline"


@pytest.mark.parametrize("name", ["../../etc", "/etc/passwd", "a/b/c", "owner/na me", ".", "..", "owner/.."])
def test_that_a_path_is_no_name_of_the_hub(name: str) -> None:
    with pytest.raises(DataError) as error:
        sniff(FileChoice(path=name, options=ImportOptions(format="hub")))
    assert error.value.problem.code == "data.bad_hub_name"


@pytest.mark.parametrize(
    ("kind", "said", "code"),
    [
        ("GatedRepoError", "Access is restricted", "data.hub_gated"),
        ("DatasetNotFoundError", "Dataset 'x' doesn't exist on the Hub or cannot be accessed.", "data.hub_unknown"),
        ("DatasetNotFoundError", "Dataset 'x' is a gated dataset on the Hub.", "data.hub_gated"),
        ("ConnectError", "Name or service not known", "data.hub_offline"),
        ("ValueError", "Config name is missing.\nPlease pick one among: a, b", "data.hub_subset"),
        ("RuntimeError", "Dataset scripts are no longer supported, but found x.py", "data.hub_code"),
        ("RuntimeError", "something new", "data.hub_failed"),
    ],
)
def test_that_every_refusal_of_the_hub_has_its_sentence(kind: str, said: str, code: str) -> None:
    error = type(kind, (Exception,), {})(said)
    with pytest.raises(DataError) as explained, hub.errors_explained("owner/name"):
        raise error
    assert explained.value.problem.code == code
    assert explained.value.problem.todo
