"""The dry run of cheaper settings: real child processes, each with a peak of its own."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest
from transformers import LlamaConfig, LlamaForCausalLM

from fintune_gui.engine import fit_series
from fintune_gui.project.cheaper import CheaperWay
from fintune_gui.project.errors import CancelledError, FintuneError
from fintune_gui.project.events import Decided, Plan, Progress
from fintune_gui.project.settings import Method
from fintune_gui.project.spec import FitSpec, TrainSpec, Trial, read_spec
from tests.helpers.tiny import job_in, make_run, of_kind, save_model

pytestmark = pytest.mark.slow

LORA = CheaperWay(name="lora", title="LoRA instead of full", sentence="S.", method=Method.LORA)
SHORTER = CheaperWay(name="shorter-rows", title="Shorter", sentence="S.", max_length=4096)


def _with_lora(train: TrainSpec) -> Trial:
    return Trial(
        way=LORA, train=train.model_copy(update={"model": train.model.model_copy(update={"method": Method.LORA})})
    )


def test_that_a_cheaper_way_after_a_heavy_one_shows_its_own_lower_peak(tmp_path: Path) -> None:
    model = save_model(tmp_path / "model")
    wide = LlamaConfig.from_pretrained(
        model, hidden_size=512, intermediate_size=1024, num_hidden_layers=4, head_dim=128
    )
    LlamaForCausalLM(wide).save_pretrained(model)  # weights that stand out from what a process takes anyway
    train = make_run(tmp_path / "job", model, method=Method.FULL)
    job, events = job_in(tmp_path / "job")
    spec = FitSpec(train=train, steps=2, cheaper=(_with_lora(train), Trial(way=SHORTER, train=train)))

    outcome, result = fit_series.run(spec, job)

    assert outcome == "completed"
    assert [told["way"]["name"] for told in result["cheaper"]] == ["lora"], "no row is longer than 4,096 tokens"
    lora = result["cheaper"][0]
    weights = of_kind(events, Plan)[0].total_parameters * 4
    # full tuning remembers two numbers for each weight, and its gradient
    assert lora["peak_memory_bytes"] < result["peak_memory_bytes"] - 1.5 * weights
    assert lora["checkpoint_bytes"] < result["checkpoint_bytes"] / 10
    assert lora["tokens_per_second"] > 0
    assert [event.what for event in of_kind(events, Decided)].count("layout") == 1, "of the settings as they are"
    assert any(event.stage == "Trying: LoRA instead of full" for event in of_kind(events, Progress))
    assert isinstance(read_spec(tmp_path / "job" / "trial-1"), FitSpec)


def test_that_cancelling_ends_the_child_too(tmp_path: Path) -> None:
    train = make_run(tmp_path / "job", save_model(tmp_path / "model"))
    job, _ = job_in(tmp_path / "job")
    looks = iter(range(100))

    def cancelled_soon() -> None:
        if next(looks) > 5:
            raise CancelledError

    job.commands.cancel_check = lambda: cancelled_soon
    with pytest.raises(CancelledError):
        fit_series.run(FitSpec(train=train, cheaper=(_with_lora(train),)), job)

    assert not psutil.Process().children(recursive=True)


def test_that_another_failure_than_a_lack_of_memory_is_told_at_once(tmp_path: Path) -> None:
    train = make_run(tmp_path / "job", save_model(tmp_path / "model"), method=Method.FULL)
    (tmp_path / "model" / "model.safetensors").write_bytes(b"no weights")
    job, _ = job_in(tmp_path / "job")

    with pytest.raises(FintuneError, match="cannot be loaded"):
        fit_series.run(FitSpec(train=train, cheaper=(_with_lora(train),)), job)

    assert not (tmp_path / "job" / "trial-1").exists()


def test_that_settings_that_the_system_kills_are_told_beside_those_that_fit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train = make_run(tmp_path / "job", save_model(tmp_path / "model"), method=Method.FULL)
    job, _ = job_in(tmp_path / "job")
    engine = fit_series.own_program("engine")
    monkeypatch.setattr(fit_series, "own_program", lambda _role: ["sh", "-c", _killing(engine)])

    outcome, result = fit_series.run(FitSpec(train=train, steps=1, cheaper=(_with_lora(train),)), job)

    assert outcome == "completed"
    assert "peak_memory_bytes" not in result
    assert result["cheaper"][0]["peak_memory_bytes"] > 0


def _killing(engine: list[str]) -> str:
    """A shell's program that is killed in the first part, and is the engine in all others. The folder is $0."""
    command = " ".join(f"'{word}'" for word in engine)
    return f'case "$0" in *trial-0) kill -9 $$;; esac; exec {command} "$0"'
