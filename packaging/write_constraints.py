"""Record the versions that are installed here, of everything the program and its tests need, in constraints.txt.

Run it in the virtual environment in which the tests have just passed: python packaging/write_constraints.py
"""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]


def main() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["test"]]
    versions: dict[str, str] = {}
    for text in wanted:
        collect(Requirement(text), versions)
    lines = [f"{name}=={version}" for name, version in sorted(versions.items(), key=lambda item: item[0].lower())]
    head = "# Versions that were tested together. Written by packaging/write_constraints.py\n"
    (ROOT / "constraints.txt").write_text(head + "\n".join(lines) + "\n", encoding="utf-8")
    print(f"{len(lines)} packages")


def collect(requirement: Requirement, versions: dict[str, str], extra: str = "") -> None:
    """Add the installed version of `requirement`, and of all that it needs in turn, to `versions`."""
    if requirement.marker and not requirement.marker.evaluate({"extra": extra}):
        return
    try:
        installed = distribution(requirement.name)
    except PackageNotFoundError:
        raise SystemExit(f"{requirement} is not installed here") from None
    name = canonicalize_name(installed.metadata["Name"])
    known = name in versions
    versions[name] = re.sub(r"\+.*", "", installed.version)  # the build for one kind of machine, as in 2.13.0+cpu
    if known and not requirement.extras:
        return
    for text in installed.requires or ():
        for chosen in ("", *requirement.extras):
            collect(Requirement(text), versions, chosen)


if __name__ == "__main__":
    main()
