"""Collects what the code under test logs as a warning or worse."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from types import TracebackType
from typing import Self

# Hugging Face's libraries keep their records from the root logger, except where CI is set
_LOGGERS = ("", "transformers", "datasets", "huggingface_hub")


class WarningRecorder(logging.Handler):
    """While it is entered, keeps every record of level WARNING and above that matches none of `expected`."""

    def __init__(self, expected: Sequence[str]) -> None:
        super().__init__(logging.WARNING)
        self._expected = [re.compile(pattern) for pattern in expected]
        self.unexpected: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        line = f"{record.levelname} {record.name}: {record.getMessage()}"
        if line not in self.unexpected and not any(pattern.search(line) for pattern in self._expected):
            self.unexpected.append(line)

    def __enter__(self) -> Self:
        for name in _LOGGERS:
            logging.getLogger(name).addHandler(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for name in _LOGGERS:
            logging.getLogger(name).removeHandler(self)
