"""The values of one column -> a typed pandas array that holds exactly them.

| all values are (missing ones apart) | the column is |
|---|---|
| bool | bool, or boolean where a value is missing |
| int | int64 or uint64, or Int64 or UInt64; decimal text where one needs more than 64 bits |
| float, or float and int without loss | float64 (NaN stays NaN), or Float64 where a value is missing |
| str | string |
| datetime, with one UTC offset or none | datetime64[us], tz kept; ISO text where the offsets differ |
| timedelta | timedelta64[us] |
| date, time; UUID; bytes | ISO text; text; Base64 text |
| lists of bool, int, float or str | object, Python lists |
| nothing but missing ones | object, None |
| anything else, and mixtures | JSON text, `runner.codec` |

A text column takes nothing away: its values can be told apart and read back.
"""

import base64
import datetime as dt
import uuid
from collections.abc import Callable
from itertools import chain
from types import NoneType
from typing import Any

from runner import codec

Values = list[Any]
"""One value a run; None: missing."""
_EXACT = 2**53
_INT64 = range(-(2**63), 2**63)
_UINT64 = range(2**64)
_MICROSECOND = dt.timedelta(microseconds=1)


def typed(values: Values) -> Any:
    """The pandas array (or numpy array) of `values`, by the table above."""
    kinds = frozenset(map(type, values)) - {NoneType}
    make = _MAKERS.get(kinds)
    array = make(values) if make else None
    return _written(values, codec.dumps) if array is None else array


def objects(values: Values) -> Any:
    """An object array of `values` as they are; numpy alone would make a matrix of lists of equal length."""
    import numpy as np

    array = np.empty(len(values), dtype=object)
    for index, value in enumerate(values):
        array[index] = value
    return array


def texts(values: Values) -> Any:
    """The string array of `values`, each a str or None."""
    import pandas as pd

    return pd.array(values, dtype="string")


def _written(values: Values, text: Callable[[Any], str]) -> Any:
    return texts([None if value is None else text(value) for value in values])


def _split(values: Values, fill: Any) -> tuple[Values, Any]:
    """`values` with `fill` for the missing ones, and the mask of those; None when there are none."""
    import numpy as np

    if None not in values:
        return values, None
    return [fill if value is None else value for value in values], np.array([value is None for value in values])


def _bools(values: Values) -> Any:
    import numpy as np
    import pandas as pd

    full, mask = _split(values, fill=False)
    data = np.array(full, dtype=np.bool_)
    return data if mask is None else pd.arrays.BooleanArray(data, mask)


def _ints(values: Values) -> Any:
    import numpy as np
    import pandas as pd

    full, mask = _split(values, fill=0)
    low, high = min(full), max(full)
    if low not in _UINT64 and low not in _INT64:
        return None
    if high not in (_INT64 if low < 0 or high in _INT64 else _UINT64):
        return None
    data = np.array(full, dtype=np.int64 if high in _INT64 else np.uint64)
    return data if mask is None else pd.arrays.IntegerArray(data, mask)


def _floats(values: Values) -> Any:
    import numpy as np
    import pandas as pd

    full, mask = _split(values, fill=float("nan"))
    data = np.array(full, dtype=np.float64)
    return data if mask is None else pd.arrays.FloatingArray(data, mask)


def exact(number: float) -> bool:
    """Whether a float64 holds the number."""
    if type(number) is float or -_EXACT <= number <= _EXACT:
        return True
    try:
        return int(float(number)) == number
    except OverflowError:
        return False


def _numbers(values: Values) -> Any:
    return _floats(values) if all(exact(value) for value in values if value is not None) else None


def _datetimes(values: Values) -> Any:
    import numpy as np
    import pandas as pd

    offsets = {value.utcoffset() for value in values if value is not None}
    offset = next(iter(offsets))
    if len(offsets) > 1 or (offset is not None and offset.seconds % 60):  # Arrow's time zones are whole minutes
        return _written(values, dt.datetime.isoformat)
    local = [None if value is None else value.replace(tzinfo=None) for value in values]
    data = np.array(local, dtype="datetime64[us]")
    if offset is None:
        return pd.array(data, dtype="datetime64[us]")
    zone = dt.timezone(offset) if offset else dt.UTC
    return pd.DatetimeIndex(data - np.timedelta64(offset)).tz_localize("UTC").tz_convert(zone).array


def _timedeltas(values: Values) -> Any:
    import numpy as np
    import pandas as pd

    if not all(value is None or -(2**63) < value // _MICROSECOND < 2**63 for value in values):
        return None
    return pd.array(np.array(values, dtype="timedelta64[us]"), dtype="timedelta64[us]")


def _lists(values: Values) -> Any:
    """Lists that Parquet can hold as such: of one kind of scalar."""
    items = [item for item in chain.from_iterable(value for value in values if value is not None) if item is not None]
    kinds = frozenset(map(type, items))
    if kinds == {int, float} and all(map(exact, items)):
        return objects([value and [None if item is None else float(item) for item in value] for value in values])
    if len(kinds) > 1 or not kinds <= {bool, int, float, str}:
        return None
    return None if kinds == {int} and not all(item in _INT64 for item in items) else objects(values)


_MAKERS: dict[frozenset[type], Callable[[Values], Any]] = {
    frozenset(): objects,
    frozenset({bool}): _bools,
    frozenset({int}): _ints,
    frozenset({float}): _floats,
    frozenset({int, float}): _numbers,
    frozenset({str}): texts,
    frozenset({dt.datetime}): _datetimes,
    frozenset({dt.timedelta}): _timedeltas,
    frozenset({dt.date}): lambda values: _written(values, dt.date.isoformat),
    frozenset({dt.time}): lambda values: _written(values, dt.time.isoformat),
    frozenset({uuid.UUID}): lambda values: _written(values, str),
    frozenset({bytes}): lambda values: _written(values, lambda value: base64.b64encode(value).decode()),
    frozenset({list}): _lists,
}
