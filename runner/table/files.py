"""The table on disk: `table.parquet` and `table.csv`, whole or not at all."""

import datetime as dt
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, NewType

from runner.errors import IncompleteError, StoreError
from runner.files import draft_of, sync
from runner.table import text
from runner.table.column import objects
from runner.table.kinds import kind

if TYPE_CHECKING:
    import pandas as pd

Digest = NewType("Digest", str)
"""SHA-256 of a table's content, in hex. Equal tables have equal digests, whatever libraries wrote them."""

_PARQUET, _CSV = "table.parquet", "table.csv"


def write(frame: "pd.DataFrame", folder: Path) -> Digest:
    """Write `frame` to `folder` as Parquet and CSV and return its digest.

    Each file is the old one or the new one, never a part, also after a crash. Raises StoreError when they cannot be
    written.
    """
    import hashlib

    import pyarrow as pa
    import pyarrow.parquet as pq

    digest = hashlib.sha256(_header(frame))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _replaced(folder, _PARQUET, _CSV) as (parquet, csv):
            pq.write_table(to_arrow(frame), parquet, compression="zstd")
            for part in text.csv(frame):
                encoded = part.encode()
                digest.update(encoded)
                csv.write(encoded)
    except (OSError, pa.ArrowException) as error:
        raise StoreError(f"the table cannot be written to {folder}: {error}") from error
    return Digest(digest.hexdigest())


def read(folder: Path) -> "pd.DataFrame":
    """The table that `write` put there, with the same types.

    Raises IncompleteError where there is none, StoreError where it cannot be read.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with (folder / _PARQUET).open("rb") as content, pq.ParquetFile(content) as file:  # its own opening wants a name that is Unicode
            return from_arrow(file.read())
    except FileNotFoundError:
        raise IncompleteError(f"there is no table in {folder}") from None
    except (OSError, pa.ArrowException) as error:
        raise StoreError(f"the table in {folder} cannot be read: {error}") from error


def digests(folder: Path, columns: Mapping[str, str]) -> dict[str, Digest]:
    """The digests of the two files that are there, each by its own content: file name -> digest.

    `columns`: name -> dtype, as the manifest tells them; CSV has no types. Raises StoreError for a table that cannot be read.
    """
    found = {}
    if (folder / _PARQUET).is_file():
        frame = read(folder)
        found[_PARQUET] = _digest(_header(frame), (part.encode() for part in text.csv(frame)))
    if (folder / _CSV).is_file():
        header = _told((name, kind(dtype)) for name, dtype in columns.items())
        found[_CSV] = _digest(header, [(folder / _CSV).read_bytes()])
    return found


def _digest(header: bytes, parts: Iterable[bytes]) -> Digest:
    import hashlib

    digest = hashlib.sha256(header)
    for part in parts:
        digest.update(part)
    return Digest(digest.hexdigest())


def to_arrow(frame: "pd.DataFrame") -> Any:
    """The Arrow table of `frame`, in which a NaN stays a NaN; Arrow by itself makes it a null."""
    import pyarrow as pa

    table = pa.Table.from_pandas(frame, preserve_index=False, nthreads=1)
    for index, (name, column) in enumerate(frame.items()):
        values = column.array.tolist() if column.dtype == object else column.to_numpy() if str(column.dtype).startswith("float") else None
        if values is not None:
            table = table.set_column(index, str(name), pa.array(values, from_pandas=False))
    return table


def from_arrow(table: Any) -> "pd.DataFrame":
    """The data frame of `table`: nulls and NaNs apart, lists as Python lists, fixed offsets as Python's own time zones."""
    import numpy as np
    import pandas as pd
    import pyarrow as pa

    frame: pd.DataFrame = table.to_pandas()
    for name in frame:
        column = table.column(name)
        if pa.types.is_list(column.type):
            frame[name] = pd.Series(objects(column.to_pylist()))
        elif isinstance(frame[name].dtype, pd.Float64Dtype):
            mask = column.is_null().to_numpy()
            frame[name] = pd.Series(pd.arrays.FloatingArray(column.fill_null(np.nan).to_numpy(), mask))
        elif pa.types.is_timestamp(column.type) and (column.type.tz or "").startswith(("+", "-")):
            zone = dt.datetime.strptime(column.type.tz, "%z").tzinfo
            frame[name] = frame[name].dt.tz_convert(zone)
    return frame


def _header(frame: "pd.DataFrame") -> bytes:
    """What the CSV file does not say of the table: the types."""
    return _told((str(name), kind(dtype)) for name, dtype in frame.dtypes.items())


def _told(kinds: Iterable[tuple[str, str]]) -> bytes:
    return json.dumps(list(kinds), ensure_ascii=True).encode() + b"\n"


@contextmanager
def _replaced(folder: Path, *names: str) -> Iterator[tuple[BinaryIO, ...]]:
    """New files that take the place of `names`, one after the other, once all of them are complete and on the disk."""
    drafts = [draft_of(folder / name) for name in names]
    files: list[BinaryIO] = []
    try:
        files += [draft.open("xb") for draft in drafts]
        yield tuple(files)
        for file in files:
            file.flush()
            os.fsync(file.fileno())
            file.close()
        for draft, name in zip(drafts, names, strict=True):
            draft.replace(folder / name)
    finally:
        for file in files:
            file.close()
        for draft in drafts:
            draft.unlink(missing_ok=True)
    sync(folder)
