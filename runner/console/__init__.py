"""The terminal; the door to rich."""

from runner.console.tables import columns, plain_table
from runner.console.terminal import Console, summary

__all__ = ["Console", "columns", "plain_table", "summary"]
