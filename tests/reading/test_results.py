"""What `runner.load` gives back."""

import math
import re
from pathlib import Path

import pandas as pd
import pytest

import runner
from runner import table
from runner.errors import IncompleteError, UsageError
from runner.reading import Results, load
from runner.workspace import Workspace
from tests_reading import CHILD, IDS


def test_runs_have_a_row_each_with_all_there_is_to_say_under_the_shortest_names_that_stand_for_it(results: Results) -> None:
    frame = results.runs()
    assert list(frame) == [
        "id_run", "run.status", "lr", "params.step", "P", "error", "nested.a", "nested.b", "fields.loss", "metrics.loss", "val/acc", "twice",
    ]  # fmt: skip
