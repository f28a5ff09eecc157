"""The order of the plan that was asked for last, as its results tell."""

from pathlib import Path

from runner import manifest
from runner.errors import StoreError


def plan_order(results: Path) -> tuple[str, ...]:
    """The ids of its runs, from the manifest in the folder `results`; none where nothing has been published, or that cannot be read."""
    try:
        told = manifest.read(results, str(results))
    except StoreError:
        return ()
    return (told.runs or ()) if told is not None else ()
