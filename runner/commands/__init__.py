"""The sub-commands, one module each: `main(arguments) -> exit code`. To add one: a module here and a line in `COMMANDS`."""

from typing import Final

COMMANDS: Final[dict[str, str]] = {
    "plan": "what would run, and what is cached; executes nothing",
    "why": "what makes a run differ from another one, or from the current plan",
    "ls": "the experiments of this project, or the runs of one",
    "show": "one run: parameters, fields, metrics, artifacts, failure, provenance",
    "table": "the result table of an experiment",
    "check": "hold results against limits and a baseline: the gate of a CI job",
    "diff": "what differs between two results, in config, code, data, environment and the table",
    "reproduce": "the recorded commit, data and seeds once more: is it the same table?",
    "verify": "whether results are what their manifest says, without running anything",
    "metrics": "what runs logged: summaries, or the points of one metric",
    "rows": "the tables that runs logged, row by row",
    "artifacts": "the files that runs keep",
    "logs": "what a run has printed, also while it executes",
    "query": "SQL on the store, read-only",
    "export": "runs for MLflow, TensorBoard, DVC, CSV, Parquet",
    "doctor": "whether the store, the kept files and the results are whole; --repair mends them",
    "gc": "removes what no result needs any more; says what would go unless --yes",
}
"""Sub-commands: name -> what it does."""
