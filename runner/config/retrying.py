"""When a run that failed in a step is tried again: `retries`, `backoff`, `backoff_max`, `retry_on`."""

import re
from collections.abc import Collection, Mapping
from typing import Any

from runner.config import quantities
from runner.config.reader import Reader, shown
from runner.suggest import nearest

_STATUSES = ("FAILED", "CRASHED", "TIMED_OUT")
_KIND = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*|exit \d+")


def read(reader: Reader, entry: Mapping[str, Any], given: Collection[str], key: str) -> dict[str, Any]:
    """The arguments of a Step that are about retries. `given`: the options that somebody wrote; `entry` has the defaults as well."""
    for option in ("backoff", "backoff_max", "retry_on"):
        if option in given and "retries" not in given:
            raise reader.refuse(f"{key}.{option}", f"`{option}` does nothing without `retries`", "retries: 3")
    backoff = entry["backoff"]
    if backoff is None and "backoff_max" in given:
        raise reader.refuse(f"{key}.backoff_max", "`backoff_max` does nothing without `backoff`", "backoff: 1s")
    return {
        "retries": reader.integer(entry["retries"], f"{key}.retries", 0),
        "backoff": 0.0 if backoff in (None, 0) and backoff is not False else quantities.seconds(reader, backoff, f"{key}.backoff"),
        "backoff_max": quantities.seconds(reader, entry["backoff_max"], f"{key}.backoff_max"),
        "retry_on": () if entry["retry_on"] is None else _failures(reader, entry["retry_on"], f"{key}.retry_on"),
    }


def _failures(reader: Reader, value: Any, key: str) -> tuple[str, ...]:
    """Statuses, classes of exceptions (dotted or their last parts), ends of processes (`SIGKILL`, `exit 3`)."""
    names = reader.texts([value] if isinstance(value, str) else value, key)
    if not names:
        raise reader.refuse(key, "nothing is worth a retry", "retries: 0 says so")
    for n, name in enumerate(names):
        where = f"{key}[{n}]"
        if not _KIND.fullmatch(name):
            hint = "write ConnectionError, TIMED_OUT, SIGKILL, exit 3"
            raise reader.refuse(where, f"{shown(name)} is neither a status nor a kind of failure", hint)
        if name in ("COMPLETED", "SKIPPED", "CANCELLED"):
            raise reader.refuse(where, f"no run fails as {name}", f"statuses: {', '.join(_STATUSES)}")
        if name not in _STATUSES and (name.isupper() or "_" in name) and (close := nearest(name, _STATUSES)):
            raise reader.refuse(where, f"no run fails as {name}", f"did you mean `{close}`?")
    return names
