"""Which role? Decided before anything heavy is imported.

``python -m fintune_gui`` opens the window; ``engine FOLDER`` and ``data FOLDER`` are the processes that jobs run in,
``team`` computes for one of them on a further graphics card, and ``texts`` is the one that takes work on very
many texts off the window.
"""

from __future__ import annotations

import sys

CHILD_ROLES = {
    "engine": "fintune_gui.engine.worker",
    "team": "fintune_gui.engine.team_member",
    "data": "fintune_gui.dataset.worker",
    "texts": "fintune_gui.dataset.text_process",
}
"""Role of a child process -> the module whose ``main`` does the work; for a job it gets the job's folder."""

USAGE = """usage: fintune-gui [--sample [tickets|faq]] [PROJECT]

Opens the window: on a project's folder, on a sample project, or on the list of recent projects.
The same work by command line: fintune --help"""

QT_NEEDS = {
    "libglib-2.0.so.0": "libglib2.0-0",
    "libEGL.so.1": "libegl1",
    "libGL.so.1": "libgl1",
    "libfontconfig.so.1": "libfontconfig1",
    "libdbus-1.so.3": "libdbus-1-3",
    "libxkbcommon.so.0": "libxkbcommon0",
}
"""System library that Qt does not bring along -> the Debian package that holds it."""
QT_NEEDS_ON_X11 = {
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
    "libxcb-cursor.so.0": "libxcb-cursor0",
    "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-shape.so.0": "libxcb-shape0",
}


def main() -> None:
    """A job's process if a role is named, else the window."""
    if getattr(sys, "frozen", False):
        import multiprocessing

        multiprocessing.freeze_support()  # a worker of a pool comes through here as well and must go no further
    if sys.argv[1:2] and sys.argv[1] in CHILD_ROLES:
        _work_as_child(*sys.argv[1:])
    window()


def command_line() -> None:
    """The command ``fintune``."""
    from fintune_gui.cli.app import run

    sys.exit(run(sys.argv[1:]))


def window() -> None:
    """The command ``fintune-gui [--sample [tickets|faq]] [PROJECT]``."""
    arguments = sys.argv[1:]
    if {"-h", "--help"} & set(arguments):
        print(USAGE)  # noqa: T201 - asked for in a terminal
        sys.exit(0)
    if obstacle := _obstacle_to_windows():
        print(obstacle, file=sys.stderr)  # noqa: T201 - there is no window to show it in
        sys.exit(1)
    from fintune_gui.ui.app import main as open_window

    sys.exit(open_window(arguments))


def _work_as_child(role: str, *folders: str) -> None:
    from importlib import import_module
    from pathlib import Path

    sys.exit(import_module(CHILD_ROLES[role]).main(*map(Path, folders)))


def _obstacle_to_windows() -> str:
    """Why no window can be opened here, with the way that works, or ""."""
    if sys.platform != "linux":
        return ""
    import os

    if os.environ.get("QT_QPA_PLATFORM"):
        return ""  # the user knows
    display, wayland = os.environ.get("DISPLAY"), os.environ.get("WAYLAND_DISPLAY")
    if not display and not wayland:
        return (
            "Fintune cannot open its window, because this computer has no display. "
            'The same work can be done by command line: start with "fintune sample FOLDER", and see "fintune --help".'
        )
    needed = QT_NEEDS | ({} if wayland else QT_NEEDS_ON_X11)
    missing = [package for library, package in needed.items() if not _can_be_loaded(library)]
    if not missing:
        return ""
    return (
        "Fintune cannot open its window, because this system lacks libraries that every Qt program needs. "
        f"On Debian and Ubuntu install them with: sudo apt-get install {' '.join(missing)}. "
        'Until then the same work can be done by command line: see "fintune --help".'
    )


def _can_be_loaded(library: str) -> bool:
    import ctypes

    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


if __name__ == "__main__":
    main()
