"""Tables of any columns as one file, in parts: CSV or Parquet, of more rows than fit into memory."""

from array import array
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, BinaryIO, TypeAlias

from runner.errors import StoreError
from runner.table import text
from runner.table.column import Values, typed
from runner.table.files import to_arrow

if TYPE_CHECKING:
    import pandas as pd

PART = 65_536
"""Points that become rows at once."""

Series: TypeAlias = tuple[int, str, "array[int]", "array[float]", "array[float]"]
"""Points of a metric: the run's position, the metric's name, steps, values, Unix times."""


def framed(columns: Mapping[str, Values]) -> "pd.DataFrame":
    """The data frame of these columns, typed as `runner.table.column` says; None is missing."""
    import pandas as pd

    return pd.DataFrame({name: typed(values) for name, values in columns.items()}, copy=False)


def tidy(runs: "pd.DataFrame", points: Iterable[Series]) -> Iterator["pd.DataFrame"]:
    """One row a point, some rows at a time: the columns of its run, then `metric`, `step`, `time` (UTC), `value`. At least one frame."""
    waiting: list[Series] = []
    count = made = 0
    for series in points:
        waiting.append(series)
        count += len(series[2])
        if count >= PART:
            yield _rows(runs, waiting)
            waiting, count, made = [], 0, made + 1
    if waiting or not made:
        yield _rows(runs, waiting)


def _rows(runs: "pd.DataFrame", points: list[Series]) -> "pd.DataFrame":
    import numpy as np
    import pandas as pd

    counts = [len(series[2]) for series in points]
    frame = runs.take(np.repeat(np.array([series[0] for series in points], dtype=np.intp), counts)).reset_index(drop=True)
    names = np.repeat(np.array([series[1] for series in points], dtype=object), counts)
    frame["metric"] = pd.array(names, dtype="string")
    frame["step"] = _joined([series[2] for series in points], "int64")
    seconds = _joined([series[4] for series in points], "float64")
    frame["time"] = pd.to_datetime((seconds * 1e6).round().astype("int64"), unit="us", utc=True).as_unit("us")
    frame["value"] = _joined([series[3] for series in points], "float64")
    return frame


def _joined(parts: list[Any], dtype: str) -> Any:
    import numpy as np

    return np.concatenate([np.frombuffer(part, dtype=dtype) for part in parts]) if parts else np.empty(0, dtype=dtype)


def pour_csv(parts: Iterable["pd.DataFrame"], file: BinaryIO) -> None:
    """Write frames of equal columns as one CSV file, in the format of `runner.table.text`. Raises OSError."""
    for number, frame in enumerate(parts):
        pieces = text.csv(frame)
        header = next(pieces)
        if number == 0:
            file.write(header.encode())
        file.writelines(piece.encode() for piece in pieces)


def pour_parquet(parts: Iterable["pd.DataFrame"], types: "pd.DataFrame", file: BinaryIO) -> None:
    """Write frames of equal columns as one Parquet file; columns that `types` has get its types. Raises OSError, StoreError."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    known = to_arrow(types).schema
    writer = None
    try:
        for frame in parts:
            table = to_arrow(frame)
            fields = [known.field(name) if name in known.names else table.schema.field(name) for name in table.column_names]
            schema = pa.schema(fields, table.schema.metadata)
            writer = writer or pq.ParquetWriter(file, schema, compression="zstd")
            writer.write_table(table.cast(schema))
    except pa.ArrowException as error:
        raise StoreError(f"the table cannot be written as Parquet: {error}") from error
    finally:
        if writer is not None:
            writer.close()
