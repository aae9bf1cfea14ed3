"""Does the wheel hold everything? It is built, put into an environment of its own, and used far from the sources.

Run it with the Python of an environment that holds the dependencies: they are lent to the new one, so that only the
program itself comes from the wheel.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
import time
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
WINDOW_S = 8.0
"""How long the window must stay open without a complaint."""


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        wheel = build(place / "dist")
        programs = install(wheel, place / "venv")
        environment = {**os.environ, "FINTUNE_HOME": str(place / "home"), "QT_QPA_PLATFORM": "offscreen"}
        environment.pop("PYTHONPATH", None)
        check_origin(programs, place, environment)
        check_command_line(programs, place, environment)
        check_window(programs, place, environment)
    print("the wheel works")


def build(target: Path) -> Path:
    """Build both distributions; the wheel is built from the source distribution, so that is whole as well."""
    run([sys.executable, "-m", "build", "--outdir", str(target), str(ROOT)])
    wheel, source = next(target.glob("*.whl")), next(target.glob("*.tar.gz"))
    shipped = zipfile.ZipFile(wheel).namelist()
    for needed in ("resources/samples/", "resources/models/", "ui/theme/style.qss"):
        assert any(needed in path for path in shipped), f"{wheel.name} lacks {needed}"
    assert not any(path.startswith("tests/") for path in shipped), "the wheel carries the tests"
    with tarfile.open(source) as archive:
        names = {path.partition("/")[2] for path in archive.getnames()}
    assert {"pyproject.toml", "README.md", "LICENSE", "constraints.txt"} <= names, "the source distribution lacks files"
    print(f"{wheel.name}: {wheel.stat().st_size / 1e6:.1f} MB, {source.name}: {source.stat().st_size / 1e6:.1f} MB")
    return wheel


def install(wheel: Path, folder: Path) -> Path:
    """Install only the wheel into a new environment that sees this one's libraries. Returns its folder of programs."""
    run([sys.executable, "-m", "venv", "--without-pip", str(folder)])
    programs = folder / ("Scripts" if os.name == "nt" else "bin")
    python = programs / "python"
    run([sys.executable, "-m", "pip", "--python", str(python), "install", "-q", "--no-deps", str(wheel)])
    places = sysconfig.get_paths("venv", vars={"base": str(folder), "platbase": str(folder)})
    (Path(places["purelib"]) / "lent.pth").write_text(sysconfig.get_paths()["purelib"] + "\n", encoding="utf-8")
    return programs


def check_origin(programs: Path, place: Path, environment: dict[str, str]) -> None:
    script = "import fintune_gui, PySide6; print(fintune_gui.__file__)"
    origin = run([str(programs / "python"), "-c", script], cwd=place, env=environment)
    assert str(place) in origin, f"the program came from {origin}"


def check_command_line(programs: Path, place: Path, environment: dict[str, str]) -> None:
    fintune = str(programs / "fintune")
    assert "train" in run([fintune, "--help"], cwd=place, env=environment)
    answer = run([fintune, "sample", "tickets", "--json"], cwd=place, env=environment)
    made = json.loads(answer.splitlines()[-1])
    assert made["rows"] > 1000, made
    status = json.loads(run([fintune, "status", "tickets", "--json"], cwd=place, env=environment).splitlines()[-1])
    assert status["rows"] == made["rows"], status
    print(f"fintune sample: {made['rows']} rows")


def check_window(programs: Path, place: Path, environment: dict[str, str]) -> None:
    """The window must open on the project and stay; it has no display to be closed on, so it is ended."""
    command = [str(programs / "fintune-gui"), str(place / "tickets")]
    with subprocess.Popen(command, cwd=place, env=environment, stderr=subprocess.PIPE, text=True) as window:
        time.sleep(WINDOW_S)
        lives = window.poll() is None
        window.terminate()
        complaints = window.communicate(timeout=30)[1]
    assert lives, f"the window ended by itself with {window.returncode}:\n{complaints}"
    assert "Traceback" not in complaints, complaints
    print("fintune-gui: the window stays open")


def run(command: list[str], **options: object) -> str:
    """Standard output of a command that must succeed."""
    result = subprocess.run(command, text=True, capture_output=True, check=False, **options)  # type: ignore[call-overload]
    if result.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{result.stdout}\n{result.stderr}")
    return str(result.stdout)


if __name__ == "__main__":
    main()
