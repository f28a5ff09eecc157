"""The sub-commands, one module each: `main(arguments) -> exit code`. To add one: a module here and a line in `COMMANDS`."""

from typing import Final

COMMANDS: Final[dict[str, str]] = {
    "plan": "what would run, and what is cached; executes nothing",
    "ls": "the experiments of this project, or the runs of one",
    "show": "one run: parameters, fields, failure, provenance",
    "table": "the result table of an experiment",
}
"""Sub-commands: name -> what it does."""
