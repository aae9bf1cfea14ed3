"""4-bit weights under an adapter: refused with a sentence where the library is missing, exact about what learns."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest
import torch

from fintune_gui.engine import export, train
from fintune_gui.engine.device import Device
from fintune_gui.engine.model import _options, load_for_training
from fintune_gui.project.combinations import Abilities
from fintune_gui.project.errors import ModelError
from fintune_gui.project.events import TrainStep
from fintune_gui.project.settings import Method
from fintune_gui.project.spec import ExportSpec
from tests.helpers.tiny import job_in, make_run, of_kind, save_model

CPU = Device(torch.device("cpu"), "CPU", half=False)


def test_that_qlora_without_its_library_says_what_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fintune_gui.engine.model.find_abilities", lambda: Abilities(cuda=True, bitsandbytes=False))
    with pytest.raises(ModelError, match="bitsandbytes, which is not installed") as failure:
        _options(Method.QLORA, CPU)
    assert failure.value.problem.code == "model.no_qlora"


@pytest.mark.parametrize(("kind", "dtype"), [("cpu", torch.float32), ("cuda", torch.bfloat16)])
def test_that_weights_are_held_in_four_bits(monkeypatch: pytest.MonkeyPatch, kind: str, dtype: torch.dtype) -> None:
    monkeypatch.setattr("fintune_gui.engine.model.find_abilities", lambda: Abilities(cuda=True, bitsandbytes=True))
    options = _options(Method.QLORA, Device(torch.device(kind), kind, half=True))
    quantization = options["quantization_config"]
    assert (quantization.load_in_4bit, quantization.bnb_4bit_quant_type) == (True, "nf4")
    assert quantization.bnb_4bit_compute_dtype is dtype
    assert options["dtype"] is dtype


@pytest.mark.skipif(find_spec("bitsandbytes") is None, reason="bitsandbytes is not installed")
@pytest.mark.parametrize("kind", ["llama", "gpt2"])
def test_that_qlora_learns_beside_four_bit_weights(tmp_path: Path, kind: str) -> None:
    spec = make_run(tmp_path / "run", save_model(tmp_path / kind, kind), method=Method.QLORA, learning_rate=1e-2)
    job, events = job_in(tmp_path / "run")
    outcome, _ = train.run(spec, job)
    losses = [event.loss for event in of_kind(events, TrainStep)]
    assert outcome == "completed"
    assert losses[-1] < losses[0] - 0.05
    model = load_for_training(spec, CPU, pad_id=0)
    assert any(parameter.dtype is torch.uint8 for parameter in model.parameters())
    assert all("lora_" in name for name, parameter in model.named_parameters() if parameter.requires_grad)


@pytest.mark.expects_log("dequantize")
@pytest.mark.skipif(find_spec("bitsandbytes") is None, reason="bitsandbytes is not installed")
@pytest.mark.parametrize(("kind", "what"), [("llama", "adapter"), ("qwen", "merged")])
def test_that_qlora_learns_added_tokens_and_exports_them(tmp_path: Path, kind: str, what: str) -> None:
    model = save_model(tmp_path / kind, kind, vocab_size=368)
    tokens = ("<ticket>", "Zendomat")
    spec = make_run(tmp_path / "run", model, method=Method.QLORA, learning_rate=1e-2, added_tokens=tokens)
    job, events = job_in(tmp_path / "run")
    assert train.run(spec, job)[0] == "completed"
    losses = [event.loss for event in of_kind(events, TrainStep)]
    assert losses[-1] < losses[0] - 0.05
    wanted = ExportSpec(run_folder=str(tmp_path / "run"), what=what, target=str(tmp_path / "out"))  # type: ignore[arg-type]
    outcome, result = export.run(wanted, job_in(tmp_path / "run")[0])
    assert (outcome, result["verified_rows"]) == ("completed", 8)
