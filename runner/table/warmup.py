"""Everything heavy, imported before it is needed."""

import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from runner.table.collection import no_collection


def warm(*, schema: bool = True) -> None:
    """Import pandas, pyarrow and (unless no table will have a schema) pandera, and use each once.

    The first table then costs no more than the second. For a helper process of its own: pandera's synthesis of test
    data is left out of it, which nothing there can need.
    """
    with no_collection(), _hidden("hypothesis"):
        import pyarrow.parquet as pq

        from runner.table.files import to_arrow
        from runner.table.frame import Row, build
        from runner.table.validity import validate

        frame = build([Row(id_run="0", params={"n": 1}, fields_json='{"x":0.5}')], ("n",))
        pq.write_table(to_arrow(frame), io.BytesIO(), compression="zstd")
        if schema:
            validate(frame, {"columns": {"x": {"dtype": "float64", "checks": {"ge": 0}}}})


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
