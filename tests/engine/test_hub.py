"""Fetching a model from the hub, by the real child process, from a stand-in on this machine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from fintune_gui.engine.hub import _needed_files
from fintune_gui.jobs.process import JobProcess, run_to_end
from fintune_gui.project import hub_token
from fintune_gui.project.events import Ended, Event, Progress
from fintune_gui.project.paths import resource
from fintune_gui.project.spec import PrepareSpec, write_spec
from tests.helpers.hub import StandInHub, stand_in_hub

NAME = "someone/tiny"
TOKEN = "hf_abcdefghijklmnop"


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StandInHub]:
    base = resource("models", "tiny-base")
    files = {path.name: path.read_bytes() for path in base.iterdir() if path.is_file()}
    files |= {"pytorch_model.bin": b"pickle", "modeling_tiny.py": b"raise SystemExit", "onnx/model.onnx": b"graph"}
    monkeypatch.setitem(hub_token._in_memory, hub_token._ACCOUNT, "")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.delenv("HF_TOKEN", raising=False)
    with stand_in_hub(NAME, files) as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.address)
        yield hub


def job(tmp_path: Path, number: int = 1) -> Path:
    folder = tmp_path / f"job{number}"
    folder.mkdir()
    write_spec(folder, PrepareSpec(name=NAME))
    return folder


def test_that_a_model_is_fetched_with_progress_in_bytes_and_without_anything_that_runs(hub, tmp_path) -> None:
    events: list[Event] = []
    ended = run_to_end(job(tmp_path), events.append)

    assert ended.outcome == "completed", ended.problem
    names = {name for name, _start in hub.fetched}
    assert {"config.json", "tokenizer.json", "model.safetensors"} <= names
    assert not names & {"pytorch_model.bin", "modeling_tiny.py", "onnx/model.onnx"}
    told = [event for event in events if isinstance(event, Progress) and event.unit == "bytes"]
    assert told
    assert told[-1].done >= len(hub.files["model.safetensors"])


def test_that_a_cancelled_download_goes_on_where_it_stopped(hub, tmp_path) -> None:
    hub.slow_after = 20 << 16
    process = JobProcess.start(job(tmp_path))
    for event in process.events():
        if isinstance(event, Progress) and event.unit == "bytes" and event.done > (10 << 16):
            process.send("cancel")
        last = event
    assert isinstance(last, Ended)
    assert last.outcome == "cancelled"

    hub.slow_after = None
    hub.fetched.clear()
    ended = run_to_end(job(tmp_path, 2))

    assert ended.outcome == "completed", ended.problem
    assert dict(hub.fetched)["model.safetensors"] > 0, "the first part is not fetched again"
    assert (Path(ended.result["folder"]) / "model.safetensors").read_bytes() == hub.files["model.safetensors"]


def test_that_a_gated_model_wants_a_token_and_the_token_is_nowhere_on_the_disk(hub, tmp_path) -> None:
    hub.token = TOKEN
    refused = run_to_end(job(tmp_path))
    assert refused.problem is not None
    assert refused.problem.code == "model.gated"

    assert not hub_token.keep_token(f" {TOKEN}\n"), "tests have no keyring"
    ended = run_to_end(job(tmp_path, 2))

    assert ended.outcome == "completed", ended.problem
    written = [path for path in tmp_path.rglob("*") if path.is_file() and TOKEN.encode() in path.read_bytes()]
    assert written == []


def test_that_a_model_that_has_no_room_is_refused_before_anything_is_fetched(hub, tmp_path) -> None:
    hub.sizes["model.safetensors"] = 1 << 60
    ended = run_to_end(job(tmp_path))

    assert ended.problem is not None
    assert ended.problem.code == "model.no_space"
    assert hub.fetched == []


def test_that_a_model_with_pickles_alone_is_refused_before_anything_is_fetched(hub, tmp_path) -> None:
    del hub.files["model.safetensors"]
    ended = run_to_end(job(tmp_path))

    assert ended.problem is not None
    assert ended.problem.code == "model.no_weights"
    assert hub.fetched == []


def test_that_weights_are_not_fetched_twice() -> None:
    names = ["config.json", "consolidated.safetensors", "model-00001-of-00002.safetensors", "original/params.json"]
    assert _needed_files(names) == ["config.json", "model-00001-of-00002.safetensors"]
    assert _needed_files(["consolidated.safetensors"]) == ["consolidated.safetensors"]
