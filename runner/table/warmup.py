"""Everything heavy, imported before it is needed."""

import gc
import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager


def warm() -> None:
    """Import pandas, pandera and pyarrow and use each once, so that the first table costs no more than the second.

    For a helper process of its own: pandera's synthesis of test data is left out, which nothing there can need.
    """
    with _no_collection(), _hidden("hypothesis"):
        import pyarrow.parquet as pq

        from runner.table.files import to_arrow
        from runner.table.frame import Row, build
        from runner.table.validity import validate

        frame = build([Row(id_run="0", params={"n": 1}, fields_json='{"x":0.5}')], ("n",))
        validate(frame, {"columns": {"x": {"dtype": "float64", "checks": {"ge": 0}}}})
        pq.write_table(to_arrow(frame), io.BytesIO(), compression="zstd")


@contextmanager
def _no_collection() -> Iterator[None]:
    """No garbage collection meanwhile: imports make none, and looking for it takes a tenth of their time."""
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


@contextmanager
def _hidden(package: str) -> Iterator[None]:
    """Let `import package` fail meanwhile, unless it is imported already.

    pandera imports hypothesis wherever it is installed, and does without where it is not: 50 to 100 ms.
    """
    if package in sys.modules:
        yield
        return
    sys.modules[package] = None  # type: ignore[assignment]  # documented: makes the import raise ModuleNotFoundError
    try:
        yield
    finally:
        del sys.modules[package]
