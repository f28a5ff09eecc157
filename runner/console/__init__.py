"""The terminal; the door to rich."""

from runner.console.tables import columns, plain_table
from runner.console.terminal import Console, here, summary

__all__ = ["Console", "columns", "here", "plain_table", "summary"]
