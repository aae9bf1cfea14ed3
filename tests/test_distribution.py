"""What is distributed: the recorded versions and the commands that README promises."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def _pins() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [line.split("==") for line in lines if not line.startswith("#")]
    return {canonicalize_name(name): version for name, version in pins}


@pytest.mark.parametrize("text", [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["test"]])
def test_that_every_dependency_has_a_recorded_version_that_is_allowed(text: str) -> None:
    requirement = Requirement(text)
    version = _pins()[canonicalize_name(requirement.name)]
    assert requirement.specifier.contains(version)
    assert re.fullmatch(r"[0-9][0-9a-z.]*", version), "a version of one machine's build"


def test_that_the_binding_that_aborts_is_excluded() -> None:
    binding = next(Requirement(text) for text in PROJECT["dependencies"] if text.startswith("PySide6"))
    assert not binding.specifier.contains("6.12.0")
    assert binding.specifier.contains("6.12.1")


@pytest.mark.parametrize("name", ["start-command", "test-command", "system-packages"])
def test_that_readme_has_the_commands_that_ci_runs(name: str) -> None:
    block = re.search(rf"<!-- {name} -->\n```sh\n(.+?)```", README, re.DOTALL)
    assert block is not None
    assert subprocess.run(["bash", "-n", "-c", block[1]], check=False).returncode == 0


def test_that_readme_uses_the_recorded_versions() -> None:
    assert len(re.findall(r"pip install -c constraints\.txt", README)) >= 2
