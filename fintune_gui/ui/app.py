"""Starts the window: application object, hooks, theme, and what was asked for on the command line."""

from __future__ import annotations

import locale
import logging
import os
import signal
import sys
from functools import partial
from pathlib import Path

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication

from fintune_gui import __version__
from fintune_gui.ui.services.background import wait_for_background
from fintune_gui.ui.services.notifications import install_hooks
from fintune_gui.ui.services.settings import WindowSettings
from fintune_gui.ui.theme import theme
from fintune_gui.ui.theme.icons import app_icon
from fintune_gui.ui.window import MainWindow

_LAST_WAIT_MS = 5000
DEFAULT_SAMPLE = "tickets"


def main(argv: list[str]) -> int:
    """Show the window until it is closed.

    Args:
        argv: What follows the program's name: ``[--sample [tickets|faq]] [PROJECT]``.

    Returns:
        The exit code.
    """
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl+C in a terminal; running jobs notice, save and end
    app = make_application()
    install_hooks()
    settings = WindowSettings()
    theme().apply(settings.appearance)
    window = MainWindow(settings)
    window.show()
    sample, project = read_arguments(argv)
    if project is not None:  # after the first picture: looking into a project imports what the start must not wait for
        QTimer.singleShot(0, partial(window.open_project, project))
    elif sample is not None:
        QTimer.singleShot(0, partial(window.home.open_sample, sample))
    code = app.exec()
    _end(window)
    return code


def make_application() -> QApplication:
    """The application object, named, and with numbers written with a point in every library."""
    app = QApplication(sys.argv[:1])
    locale.setlocale(locale.LC_NUMERIC, "C")  # a comma breaks sentencepiece and profilers, and Qt has set the user's
    app.setApplicationName("Fintune")
    app.setApplicationDisplayName("Fintune")
    app.setApplicationVersion(__version__)
    app.setDesktopFileName("fintune")
    app.setWindowIcon(app_icon())
    return app


def read_arguments(argv: list[str]) -> tuple[str | None, Path | None]:
    """The sample and the project that were asked for."""
    sample: str | None = None
    rest = list(argv)
    if "--sample" in rest:
        place = rest.index("--sample")
        following = rest[place + 1 : place + 2]
        sample = following[0] if following and following[0] in ("tickets", "faq") else DEFAULT_SAMPLE
        del rest[place : place + 1 + (following == [sample])]
    paths = [argument for argument in rest if not argument.startswith("-")]
    return sample, Path(paths[0]) if paths else None


def _end(window: MainWindow) -> None:
    """Wait a bounded time for threads; whatever still hangs must not keep the process alive."""
    left = [thread for thread in window.session.jobs.running if not thread.wait(_LAST_WAIT_MS)]
    if left or not wait_for_background(_LAST_WAIT_MS):
        logging.shutdown()
        sys.stdout.flush()
        os._exit(0)
