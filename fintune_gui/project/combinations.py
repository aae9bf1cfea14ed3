"""Settings that cannot work together, or not on this computer, or not with this model: all reasons at once.

The window, the command line and the making of a run ask the same function, so that none of them can start such a run.
"""

from __future__ import annotations

import json
import shutil
import struct
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

from fintune_gui.project.errors import Problem
from fintune_gui.project.settings import ALL_LINEAR, ATTENTION, Method, Optimizer, Scheduler, TrainingSettings

_LAYER_COUNTS = ("num_hidden_layers", "n_layer", "num_layers", "n_layers")
_LOWEST_POLYNOMIAL_RATE = 1e-7
_FEWEST_EVALUATIONS = 3
_NAMES_SHOWN = 12
_LARGEST_HEADER_BYTES = 100_000_000
_BYTES_COMPARED = 4096


@dataclass(frozen=True)
class Abilities:
    """What this computer has that some settings need.

    Attributes:
        cuda: Whether there is an NVIDIA graphics card.
        bitsandbytes: Whether the library for 4-bit weights and the 8-bit optimizer is installed.
        cards: Number of graphics cards that can compute together.
    """

    cuda: bool
    bitsandbytes: bool
    cards: int = 0


@lru_cache(maxsize=1)
def find_abilities() -> Abilities:
    """Look at this computer, at once and without torch."""
    linux = sys.platform == "linux"
    driver = not linux or any(Path(place).exists() for place in ("/proc/driver/nvidia", "/dev/dxg", "/dev/nvidiactl"))
    cards = Path("/proc/driver/nvidia/gpus")
    return Abilities(
        cuda=shutil.which("nvidia-smi") is not None and driver,
        bitsandbytes=find_spec("bitsandbytes") is not None,
        cards=len(list(cards.iterdir())) if cards.is_dir() else 0,  # Linux only, as is what they talk through
    )


def find_layers(model_folder: Path) -> int | None:
    """How many layers the model in a folder has; None if its configuration does not say."""
    try:
        config = json.loads((model_folder / "config.json").read_bytes())
    except (OSError, ValueError):
        return None
    if not isinstance(config, dict):
        return None
    parts = (config, config.get("text_config"))
    found = (part[name] for part in parts if isinstance(part, dict) for name in _LAYER_COUNTS if name in part)
    return next((count for count in found if isinstance(count, int)), None)


def find_matrices(model_folder: Path) -> list[str]:
    """The names of the model's weight matrices, from the headers of its files; none if they cannot be read."""
    from safetensors import SafetensorError, safe_open

    names = []
    for path in sorted(model_folder.glob("*.safetensors")):
        try:
            with safe_open(path, framework="np") as file:
                wanted = [name for name in file.keys() if name.endswith(".weight")]  # noqa: SIM118 (not a dict)
                names += [name.removesuffix(".weight") for name in wanted if len(file.get_slice(name).get_shape()) == 2]
        except (OSError, SafetensorError):
            return []
    return names


def last_names(names: list[str]) -> list[str]:
    """What layers are called in every block: the last words of their names, each once."""
    return sorted({name.rpartition(".")[2] for name in names})


def is_named(full_name: str, chosen: str) -> bool:
    """Whether a layer is meant by a name that the user wrote: the whole one, or its end."""
    return full_name == chosen or full_name.endswith(f".{chosen}")


def has_head_of_its_own(model_folder: Path) -> bool:
    """Whether a model of two halves writes from another table than it reads from, as Flan-T5 does.

    Its configuration says otherwise, so that adapters mix the rows of both up. Told by the first bytes of the tables.
    """
    first = {}
    for path in sorted(model_folder.glob("*.safetensors")):
        try:
            with path.open("rb") as file:
                size = struct.unpack("<Q", file.read(8))[0]
                header = json.loads(file.read(size)) if size < _LARGEST_HEADER_BYTES else {}
                for name in {"shared.weight", "lm_head.weight"} & header.keys():
                    start, end = header[name]["data_offsets"]
                    file.seek(8 + size + start)
                    first[name] = file.read(min(end - start, _BYTES_COMPARED))
        except (OSError, ValueError, KeyError, TypeError, struct.error):
            return False
    return len(first) == 2 and first["shared.weight"] != first["lm_head.weight"]


def find_conflicts(
    training: TrainingSettings,
    method: Method,
    *,
    model_folder: Path,
    rows: int | None,
    abilities: Abilities,
    added_tokens: bool = False,
) -> list[Problem]:
    """Every reason why a run with these settings cannot be started.

    Args:
        model_folder: The base model's folder; it is looked into only for settings that name its layers.
        rows: Number of training rows, if it is known yet.
        added_tokens: Whether the format adds tokens to the vocabulary.
    """
    adapter = method is not Method.FULL
    checks: list[Callable[[], Problem | None]] = [
        lambda: qlora_problem(abilities) if method is Method.QLORA else None,
        lambda: _eight_bits(abilities) if training.optimizer is Optimizer.ADAMW_8BIT else None,
        lambda: cards_problem(training.gpus, abilities) if training.gpus > 1 else None,
        lambda: _frozen(training.frozen_layers, model_folder) if training.frozen_layers else None,
        lambda: _targets(training.chosen_targets, model_folder) if adapter and training.chosen_targets else None,
        lambda: (
            _polynomial(training.effective_learning_rate(method))
            if training.scheduler is Scheduler.POLYNOMIAL
            else None
        ),
        lambda: _two_rhythms() if training.eval_steps and training.eval_minutes else None,
        lambda: _tokens(model_folder) if adapter and added_tokens else None,
        lambda: _plateau(training, rows) if rows and training.scheduler is Scheduler.REDUCE_LR_ON_PLATEAU else None,
    ]
    return [problem for check in checks if (problem := check()) is not None]


def qlora_problem(abilities: Abilities) -> Problem | None:
    """Why 4-bit weights cannot be used on this computer; None if they can."""
    if abilities.bitsandbytes and sys.platform != "darwin":
        return None
    return Problem(
        code="model.no_qlora",
        what="QLoRA cannot be used on this computer.",
        why="It needs the library bitsandbytes, which is not installed."
        if not abilities.bitsandbytes
        else "Its library bitsandbytes does not train on Apple computers.",
        todo="Choose LoRA on the page Model.",
    )


def _eight_bits(abilities: Abilities) -> Problem | None:
    lacking = [
        word
        for word, there in (("an NVIDIA graphics card", abilities.cuda), ("bitsandbytes", abilities.bitsandbytes))
        if not there
    ]
    if not lacking:
        return None
    return Problem(
        code="training.no_8bit",
        what="The 8-bit optimizer cannot be used on this computer.",
        why=f"It lacks {' and '.join(lacking)}.",
        todo="Choose the optimizer AdamW, or Adafactor if memory is short.",
    )


def cards_problem(wanted: int, abilities: Abilities) -> Problem | None:
    """Why so many graphics cards cannot compute together here; None if they can."""
    if wanted <= abilities.cards:
        return None
    return Problem(
        code="training.cards",
        what=f"{wanted} graphics cards cannot compute together on this computer.",
        why=f"It has {abilities.cards or 'none'} that can: NVIDIA's, under Linux.",
        todo=f"Set the graphics cards to {max(abilities.cards, 1)}.",
    )


def _frozen(frozen: int, model_folder: Path) -> Problem | None:
    layers = find_layers(model_folder)
    if layers is None or frozen < layers:
        return None
    return Problem(
        code="training.frozen_layers",
        what=f"{frozen} frozen layers leave nothing to learn.",
        why=f"The model has {layers} layers.",
        todo=f"Freeze at most {layers - 1} of them.",
    )


def _targets(chosen: tuple[str, ...], model_folder: Path) -> Problem | None:
    known = find_matrices(model_folder)
    unknown = [name for name in chosen if known and not any(is_named(full, name) for full in known)]
    return unknown_targets(unknown, known) if unknown else None


def unknown_targets(unknown: list[str], known: list[str]) -> Problem:
    """What is said about names of layers that the model does not have."""
    quoted = ", ".join(f"“{name}”" for name in unknown)
    return Problem(
        code="training.lora_targets",
        what=f"The model has no layer called {quoted}.",
        why=f"Its layers are called {', '.join(last_names(known)[:_NAMES_SHOWN])}.",
        todo=f'Choose some of these as LoRA targets, or write "{ALL_LINEAR}" or "{ATTENTION}".',
    )


def _tokens(model_folder: Path) -> Problem | None:
    if not has_head_of_its_own(model_folder):
        return None
    return Problem(
        code="training.tokens_and_adapter",
        what="An adapter cannot learn the added tokens of this model.",
        why="It reads from one table and writes from another, and an adapter for T5 holds new rows for both as one.",
        todo="Choose full fine-tuning on the page Model, or remove the added tokens on the page Format.",
    )


def _polynomial(rate: float) -> Problem | None:
    if rate > _LOWEST_POLYNOMIAL_RATE:
        return None
    return Problem(
        code="training.polynomial_rate",
        what=f"A learning rate of {rate:g} cannot fall by the polynomial scheduler.",
        why=f"That scheduler ends at {_LOWEST_POLYNOMIAL_RATE:g}.",
        todo="Raise the learning rate, or choose another scheduler.",
    )


def _two_rhythms() -> Problem:
    return Problem(
        code="training.two_rhythms",
        what="The validation rows cannot be measured by steps and by minutes at once.",
        why="Both “Evaluate every … steps” and “Evaluate every … minutes” are set.",
        todo="Empty one of the two fields.",
    )


def _plateau(training: TrainingSettings, rows: int) -> Problem | None:
    evaluations = training.evaluations(rows)
    if training.eval_minutes or evaluations >= _FEWEST_EVALUATIONS:
        return None
    return Problem(
        code="training.plateau",
        what="The learning rate could never be reduced on a plateau.",
        why=f"The run would be evaluated {'once' if evaluations == 1 else 'twice'}; "
        f"it takes {_FEWEST_EVALUATIONS} evaluations for a reduction to have an effect.",
        todo="Evaluate more often, train longer, or choose another scheduler.",
    )
