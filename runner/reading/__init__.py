"""Reading back what the store keeps: `load("coins").runs(where="params.lr < 1e-2")`, and what the commands that only look build on."""

from runner.reading.columns import ID as ID
from runner.reading.columns import default_columns as default_columns
from runner.reading.columns import points_of as points_of
from runner.reading.columns import resolve_columns as resolve_columns
from runner.reading.columns import run_columns as run_columns
from runner.reading.columns import values as values
from runner.reading.finding import Found as Found
from runner.reading.finding import Selection as Selection
from runner.reading.finding import check_experiment as check_experiment
from runner.reading.finding import find as find
from runner.reading.finding import rows as rows
from runner.reading.finding import select as select
from runner.reading.finding import summarised as summarised
from runner.reading.finding import targets as targets
from runner.reading.kept import ARTIFACT_COLUMNS as ARTIFACT_COLUMNS
from runner.reading.kept import STREAMS as STREAMS
from runner.reading.kept import artifact_rows as artifact_rows
from runner.reading.kept import check_metric as check_metric
from runner.reading.kept import output_of as output_of
from runner.reading.results import Results as Results
from runner.reading.results import load as load
from runner.reading.standing import Standing as Standing
from runner.reading.standing import children_of as children_of
from runner.reading.standing import elapsed as elapsed
