"""Opening rows loads little: PyArrow must not bring pandas (a third of a second), and no file is imported."""

from __future__ import annotations

import subprocess
import sys

_OPENS_ROWS = """
import sys
import fintune_gui.dataset.store
import pyarrow as pa
assert pa.array(["a", None]).to_pylist() == ["a", None]
assert "pandas" not in sys.modules
assert "fintune_gui.dataset.importing" not in sys.modules
assert pa.table({"a": [1, 2]}).to_pandas()["a"].tolist() == [1, 2]
"""


def test_that_rows_are_read_without_pandas_and_pandas_still_works() -> None:
    done = subprocess.run([sys.executable, "-c", _OPENS_ROWS], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
