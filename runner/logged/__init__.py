"""What runs log, as frozen values on their way from a worker to the store."""

from runner.logged.entries import (
    Artifact,
    Begun,
    Child,
    Entries,
    Entry,
    Loaded,
    Output,
    Params,
    Prefix,
    Progress,
    Restart,
    Rows,
    Trouble,
)
from runner.logged.packing import pack, unpack
from runner.logged.points import FLOAT, INT, Points, Summary, unpack_points

__all__ = [
    "FLOAT",
    "INT",
    "Artifact",
    "Begun",
    "Child",
    "Entries",
    "Entry",
    "Loaded",
    "Output",
    "Params",
    "Points",
    "Prefix",
    "Progress",
    "Restart",
    "Rows",
    "Summary",
    "Trouble",
    "pack",
    "unpack",
    "unpack_points",
]
