"""The order of the plan that was asked for last, as its results tell."""

import json
from pathlib import Path


def plan_order(results: Path) -> tuple[str, ...]:
    """The ids of its runs, from the manifest in the folder `results`; none where nothing has been published, or that cannot be read."""
    try:
        told = json.loads((results / "manifest.json").read_text(encoding="utf-8"))
        return tuple(map(str, told["runs"]))
    except (OSError, ValueError, KeyError, TypeError):
        return ()
