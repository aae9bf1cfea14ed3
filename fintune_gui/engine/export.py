"""Write a run's result into a folder of the user's, and prove that other programs can use it.

The folder is written beside its place, loaded in a fresh process by the plain libraries, compared with the run's own
answers, and only then renamed: an export that does not work never appears.
"""

from __future__ import annotations

import copy
import json
import math
import os
import shutil
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

import torch

from fintune_gui.dataset.encoding import ModelTokenizer
from fintune_gui.engine import checkpoints
from fintune_gui.engine.card import write_card
from fintune_gui.engine.data import Example, encode_rows, read_rows
from fintune_gui.engine.device import Device, choose_device
from fintune_gui.engine.evaluate import finished_run
from fintune_gui.engine.job import Job, Result
from fintune_gui.engine.model import (
    MULTI_LABEL,
    Model,
    base_of,
    load_for_training,
    load_trainable_state,
    padding_id,
)
from fintune_gui.project.document import Task
from fintune_gui.project.errors import ModelError
from fintune_gui.project.exporting import auto_class, check_export
from fintune_gui.project.files import disk_errors_explained, sync_folder, write_errors_explained, write_json
from fintune_gui.project.settings import Method
from fintune_gui.project.spec import ExportSpec, TrainSpec

_TOKENIZER_FILES = (
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "chat_template.jinja",
    "vocab.json",
    "merges.txt",
    "vocab.txt",
    "spiece.model",
)
_TOLERANCE = 1e-3
"""Largest difference of any logit, relative to the largest logit, that arithmetic in another order explains."""
_VERIFY_SECONDS = 1800


def run(spec: ExportSpec, job: Job) -> Result:
    """Export a run; the folder appears only when it was verified.

    Raises:
        ProjectError: if the target is in use.
        TrainingError: if the run has no result, or no adapter.
        ModelError: if the export does not answer as the run did.
    """
    run_folder, target = Path(spec.run_folder), Path(spec.target)
    trained, checkpoint = finished_run(run_folder)
    check_export(spec, trained)
    device = choose_device(job, half=checkpoints.read_state(checkpoint).half)
    tokenizer = ModelTokenizer.load(Path(trained.model.folder), trained.format.added_tokens)
    job.progress("Loading the model", 0)
    model = load_for_training(trained, device, padding_id(tokenizer))
    load_trainable_state(model, checkpoint / checkpoints.WEIGHTS_FILE)
    model.eval()
    places = _places_needed(trained, model)
    rows = _rows_to_verify(run_folder, trained, tokenizer, spec.verify_rows)
    with disk_errors_explained(target):
        beside = target.with_name(f".{target.name}.{uuid.uuid4().hex[:8]}.tmp")
        try:
            with write_errors_explained(target):
                beside.mkdir(parents=True)
            job.progress("Writing the files", 0)
            expected = _logits(model, rows, device)
            _write(spec, trained, model, tokenizer, beside)
            job.check_cancelled()
            job.progress("Checking the export in a fresh process", 0)
            difference = _verify(spec, trained, tokenizer, beside, rows=rows, expected=expected, places=places)
            write_card(beside, spec, trained, run_folder, verified_rows=len(rows), difference=difference, places=places)
            if target.is_dir():
                target.rmdir()
            beside.rename(target)
            sync_folder(target.parent)
        finally:
            shutil.rmtree(beside, ignore_errors=True)
    return "completed", {"folder": str(target), "verified_rows": len(rows), "max_difference": difference}


def _rows_to_verify(run_folder: Path, trained: TrainSpec, tokenizer: ModelTokenizer, count: int) -> list[Example]:
    """The first rows of the test part that can be used."""
    return encode_rows(read_rows(run_folder, "test")[: 4 * count], trained, tokenizer)[:count]


def _logits(model: Model, rows: list[Example], device: Device) -> list[torch.Tensor]:
    """What the model says to each row by itself: the logits at its end, or those of its labels."""
    with torch.inference_mode():
        return [
            model(**{name: torch.tensor([ids], device=device.torch) for name, ids in inputs.items()})
            .logits.reshape(-1)
            .float()
            .cpu()[-4096:]
            for inputs in map(_inputs, rows)
        ]


def _inputs(row: Example) -> dict[str, list[int]]:
    """What a model is called with to judge a row: of a seq2seq model both halves are given their own tokens."""
    if row.prompt:
        return {"input_ids": list(row.prompt), "decoder_input_ids": row.ids}
    return {"input_ids": row.ids}


def _write(spec: ExportSpec, trained: TrainSpec, model: Model, tokenizer: ModelTokenizer, folder: Path) -> None:
    """Weights, configuration and tokenizer. The model is merged in place, so this is its last use."""
    if spec.what == "adapter":
        base = trained.model.name if "/" in trained.model.name and not Path(trained.model.name).exists() else ""
        for config in model.peft_config.values():
            # Who loads the adapter needs the base model's name on the hub or its folder, not a place in our cache.
            config.base_model_name_or_path = base or trained.model.folder
        model.save_pretrained(folder, save_embedding_layers=False)
        if trained.labels:
            _save_label_names(model, folder)
    else:
        merged = model.merge_and_unload() if hasattr(model, "merge_and_unload") else model
        base_of(merged).save_pretrained(folder)
    for name in _TOKENIZER_FILES:
        source = Path(trained.model.folder) / name
        if source.exists():
            shutil.copyfile(source, folder / name)
    if tokenizer.added:
        _write_added_tokens(tokenizer, folder)


def _write_added_tokens(tokenizer: ModelTokenizer, folder: Path) -> None:
    """Let the tokenizer's files know the added tokens: all that do, as loaders differ in which they go by."""
    tokenizer.save(folder / "tokenizer.json")
    settings = tokenizer.added_settings()
    path = folder / "tokenizer_config.json"
    config = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    if "added_tokens_decoder" in config:
        config["added_tokens_decoder"] |= settings
        write_json(path, config)
    path = folder / "added_tokens.json"
    if path.exists():
        numbers = {token["content"]: int(number) for number, token in settings.items()}
        write_json(path, json.loads(path.read_text(encoding="utf-8")) | numbers)


def _places_needed(trained: TrainSpec, model: Model) -> int:
    """Rows that the base model's tables must be brought to before an adapter with added tokens fits; 0 if it fits."""
    from transformers import AutoConfig

    rows = base_of(model).config.get_text_config().vocab_size
    before = AutoConfig.from_pretrained(trained.model.folder, local_files_only=True).get_text_config().vocab_size
    return int(rows) if rows != before else 0


def _save_label_names(model: Model, folder: Path) -> None:
    """The configuration beside an adapter: names of the labels, and whether a text may have several."""
    config = copy.deepcopy(base_of(model).config)
    if hasattr(config, "quantization_config"):
        del config.quantization_config  # how the base was held while it learned is not how it must be loaded
    config.save_pretrained(folder)


_CHECK = """
import json, sys, torch
from safetensors.torch import load_file
import transformers
from transformers import AutoTokenizer
request = json.load(sys.stdin)
kind = getattr(transformers, request["kind"])
options = {"dtype": torch.float32, "local_files_only": True}
if request["what"] == "adapter":
    from peft import PeftModel
    if request["labels"]:
        options |= {"num_labels": request["labels"], "ignore_mismatched_sizes": True}
        if request["problem_type"]:
            options["problem_type"] = request["problem_type"]
    base = kind.from_pretrained(request["base"], **options)
    if request["places"]:
        base.resize_token_embeddings(request["places"], mean_resizing=False)
    model = PeftModel.from_pretrained(base, request["folder"])
else:
    model = kind.from_pretrained(request["folder"], **options)
tokenizer = AutoTokenizer.from_pretrained(request["folder"])
for text, ids in request["texts"]:
    found = tokenizer(text, add_special_tokens=False)["input_ids"]
    assert found == ids, f"The tokenizer cuts {text!r} into {found} and not into {ids}."
model.eval()
differences = []
expected = load_file(request["expected"])
with torch.inference_mode():
    for number, inputs in enumerate(request["rows"]):
        found = model(**{name: torch.tensor([ids]) for name, ids in inputs.items()}).logits.reshape(-1).float()[-4096:]
        wanted = expected[str(number)]
        differences.append(float((found - wanted).abs().max() / wanted.abs().max().clamp(min=1)))
print(json.dumps(max(differences, default=0.0)))
"""
"""Runs with the plain libraries only, as somebody else's program would."""


def _verify(
    spec: ExportSpec,
    trained: TrainSpec,
    tokenizer: ModelTokenizer,
    folder: Path,
    *,
    rows: list[Example],
    expected: list[torch.Tensor],
    places: int,
) -> float:
    """Load the export in a fresh process and compare logits. Returns the largest relative difference.

    Raises:
        ModelError: if it does not load, or answers otherwise.
    """
    from safetensors.torch import save_file

    logits = folder / ".expected.safetensors"
    save_file({str(number): values.contiguous() for number, values in enumerate(expected)}, logits)
    request: dict[str, Any] = {
        "what": spec.what,
        "kind": auto_class(trained.objective.task, seq2seq=trained.model.seq2seq),
        "labels": len(trained.labels),
        "problem_type": MULTI_LABEL if trained.objective.task is Task.MULTI_LABEL else "",
        "base": trained.model.folder,
        "folder": str(folder),
        "expected": str(logits),
        "places": places,
        "texts": [(text, tokenizer.cut(text).ids) for text in map("see {} here".format, trained.format.added_tokens)],
        "rows": [_inputs(row) for row in rows],
    }
    try:
        done = subprocess.run(
            _python(_CHECK),
            input=json.dumps(request),
            capture_output=True,
            text=True,
            check=False,
            timeout=_VERIFY_SECONDS,
            env={**os.environ, "HF_HUB_OFFLINE": "1"},
        )
    finally:
        logits.unlink(missing_ok=True)
    try:
        difference = float(json.loads(done.stdout.strip().splitlines()[-1]))
    except (IndexError, ValueError):
        raise _not_verified("It could not be loaded in a fresh process.", done.stderr[-3000:]) from None
    if math.isnan(difference) or difference > _tolerance(trained):
        raise _not_verified(f"Loaded in a fresh process, its answers differ by {difference:.2g}.", done.stderr[-3000:])
    return difference


def _python(script: str) -> list[str]:
    """The command that runs `script` in a fresh interpreter."""
    return [sys.executable, "-c", script]


def _tolerance(trained: TrainSpec) -> float:
    """What was trained beside coarse weights is loaded beside exact ones, or merged into them and rounded once more."""
    return 0.1 if trained.model.method is Method.QLORA else _TOLERANCE


def _not_verified(why: str, details: str) -> ModelError:
    return ModelError(
        "model.export_not_verified",
        "The export was not kept, because it does not work as the run did.",
        why,
        "Try again; if it happens again, report it with the details. The run itself is untouched.",
        details=details,
    )
