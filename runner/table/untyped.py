"""table.csv read back. CSV has no types: they come from the manifest, or else from what the texts of a column can only be."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from runner import codec
from runner.errors import IncompleteError, StoreError
from runner.table.kinds import kind

NAME: Final = "table.csv"
_WHOLE = re.compile(r"0|-?[1-9][0-9]*")
_BOOLS: Final = {"True": True, "False": False}
_WORDS: Final = ("nan", "inf", "-inf")
_DIGITS: Final = 4300
"""Python reads no longer integers; a column of them is text in our tables."""


def csv_rows(folder: Path, columns: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """The rows of table.csv in `folder`, each without the cells that are null; "" is an empty text, nothing between two commas null.

    `columns`: name -> dtype, as the manifest tells them. A column that is not in it holds numbers where every one of its texts is how we
    write a number (`3.10` and `1_0` are texts), True and False where it holds nothing else, and texts otherwise; `nan` and `inf` are
    words. Raises IncompleteError where there is no such file, StoreError for one that cannot be read, or does not have these types.
    """
    names, texts = _texts(folder / NAME)
    parsed = []
    for name, cells in zip(names, texts, strict=True):
        read = _typed(kind(columns[name])) if name in columns else _guessed([cell for cell in cells if cell is not None])
        try:
            parsed.append([None if cell is None else read(cell) for cell in cells])
        except ValueError as error:
            problem = f"the column {name!r}, which {'is' if name in columns else 'looks like'} {columns.get(name, 'numbers')}, has {error}"
            raise StoreError(f"{folder / NAME} cannot be read: {problem}") from None
    for values in zip(*parsed, strict=True):
        yield {name: value for name, value in zip(names, values, strict=True) if value is not None}


def _texts(file: Path) -> tuple[list[str], list[list[str | None]]]:
    """Names and cells of the columns; None: null."""
    import pyarrow as pa
    from pyarrow import csv

    try:
        content = file.read_bytes()
    except FileNotFoundError:
        raise IncompleteError(f"there is no table in {file.parent}") from None
    except OSError as error:
        raise StoreError(f"{file} cannot be read: {error.strerror}") from None
    try:
        head = csv.open_csv(pa.BufferReader(content), **_options(csv, len(content))).schema.names
        found = csv.read_csv(pa.BufferReader(content), **_options(csv, len(content), head))
    except (pa.ArrowException, ValueError, OverflowError) as error:  # not UTF-8, rows of other lengths, over 2 GB
        raise StoreError(f"{file} cannot be read: {str(error).partition(chr(10))[0]}") from None
    return list(found.column_names), [column.to_pylist() for column in found.columns]


def _options(csv: Any, size: int, names: Sequence[str] = ()) -> dict[str, Any]:
    """One block, since a cell may be as long as the file; every column as text, in which only what has no quotes is null."""
    return {
        "read_options": csv.ReadOptions(use_threads=False, block_size=max(size + 1, 1 << 16)),
        "parse_options": csv.ParseOptions(newlines_in_values=True),
        "convert_options": csv.ConvertOptions(
            check_utf8=True,
            column_types=dict.fromkeys(names, "string"),
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        ),
    }


def _typed(told: str) -> Callable[[str], Any]:
    """How a cell of that kind is read."""
    if told.startswith(("int", "uint")):
        return _whole
    if told.startswith("float"):
        return _float
    if told == "bool":
        return _bool
    return _listed if told == "object" else str


def _whole(text: str) -> int:
    if not _WHOLE.fullmatch(text) or len(text) > _DIGITS:
        raise ValueError(f"{text[:40]!r}")
    return int(text)


def _float(text: str) -> float:
    if text not in _WORDS and not re.fullmatch(r"[-+0-9.eE]+", text):
        raise ValueError(f"{text[:40]!r}")
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"{text[:40]!r}") from None


def _bool(text: str) -> bool:
    if text not in _BOOLS:
        raise ValueError(f"{text[:40]!r}")
    return _BOOLS[text]


def _listed(text: str) -> Any:
    """A list, which our CSV has as JSON."""
    try:
        found = codec.loads(text)
    except (ValueError, TypeError, RecursionError):
        raise ValueError(f"{text[:40]!r}") from None
    return found if isinstance(found, list) else text


def _guessed(texts: Sequence[str]) -> Callable[[str], Any]:
    """How the cells of a column are read of which nothing is known."""
    if texts and all(text in _BOOLS for text in texts):
        return _bool
    numbers = [text for text in texts if text not in _WORDS]
    if not all(map(_canonical, numbers)):
        return str
    return lambda text: text if text in _WORDS else _whole(text) if _WHOLE.fullmatch(text) else _float(text)


def _canonical(text: str) -> bool:
    """Whether it is how we write a number."""
    if _WHOLE.fullmatch(text):
        return len(text) <= _DIGITS
    try:
        return re.fullmatch(r"[-+0-9.eE]+", text) is not None and repr(float(text)) == text
    except ValueError:
        return False
