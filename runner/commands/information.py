"""Everything that `xrun` tells instead of running: --help, --cfg, --info, --hydra-help, completion."""

import argparse
import sys
from pathlib import Path
from typing import Any

from runner.commands import COMMANDS
from runner.commands import options as shared
from runner.config import place
from runner.config.load import Request, load
from runner.console import columns
from runner.secret import looks_secret
from runner.spec import Experiment
from runner.steps import inspect_steps

USAGE = """\
xrun: run experiments that YAML declares, in parallel, into a validated table

usage: xrun +experiment=NAME [overrides]      run what conf/experiment/NAME.yaml declares
       xrun FILE.yaml [overrides]             run a composed experiment again (results/NAME/experiment.yaml)
       xrun COMMAND ...                       {commands}

overrides (Hydra's grammar):
  N=10,100   N=range(1,9)   N=[10,100]        values of the axis N (with or without -m)
  lr=0.1                                      a fixed parameter; lr=0.1,0.2 makes it an axis
  +M=1,2   ~N                                 add an axis, drop one
  model=svm,tree                              a config group, swept
  replicates=5   executor=serial   executor.workers=4

options:
  -h, --help             this page; with +experiment=NAME, that experiment's axes, kwargs and steps
  -f, --force            execute runs that are completed as well; it takes no value, which would swallow the override behind it
  --force-where COND     execute completed runs as well where a condition holds: 'N > 10 and seconds > 60'
  --force-from STEP      execute completed runs as well, from that step on
  --only ID              these runs of the plan alone, by a beginning of the id; repeatable
  --no-retry-failed      leave runs that failed, crashed or timed out as they are
  --show-output          show what runs print while they execute (--no-show-output: do not; `xrun logs ID` has it in any case)
  -q, --quiet            print nothing but errors
  --json                 print the outcome as JSON
  --grace SECONDS        how long runs may go on after Ctrl-C (5) or SIGTERM (20); a second Ctrl-C ends them at once
  --requeueable          exit with 75 after SIGTERM and SIGUSR2, for clusters that start the same command again
  --on-disk-full exit    end with 74 when the disk is full, instead of waiting for room (wait)
  --workspace DIR        keep .xrun/ and results/ in DIR (default: $XRUN_WORKSPACE, or the project root)
  -m, --multirun         accepted, not needed
  -cp, -cd, -cn          config directory (with FILE.yaml: of its project), additional one, name of the primary config
  -c, --cfg job|hydra|all [-p PACKAGE] [--resolve]   print the composed config
  -i, --info [TOPIC]     Hydra's information: defaults, defaults-tree, config, plugins, searchpath
  -sc install=bash       completion: eval "$(xrun -sc install=bash)"
  --hydra-help, --version

exit codes: 0 all completed and the table valid; 1 a run failed, the table is invalid or a check is breached; 2 usage or config;
  3 nothing there; 65 provenance.require not met; 66 declared data missing; 73 run by someone else; 74 store; 75 try again;
  130, 143 interrupted

example: xrun +experiment=coins -m N=10,100
"""


def main(chosen: argparse.Namespace) -> int:
    """Tell what was asked for; returns the exit code."""
    request = shared.request(chosen)
    if chosen.help and not (chosen.shell_completion or chosen.info or chosen.hydra_help or chosen.cfg):
        _help(request)
        return 0
    from runner.config import delegate  # the whole of Hydra

    if chosen.shell_completion:
        delegate.complete(request, sorted(COMMANDS))
    elif chosen.info:
        delegate.info(request, chosen.info)
    elif chosen.hydra_help:
        delegate.hydra_help(request)
    else:
        delegate.show_cfg(request, chosen.cfg, chosen.package, resolve=chosen.resolve)
    return 0


def _help(request: Request) -> None:
    words = "\n                                              ".join(f"{name}: {what}" for name, what in COMMANDS.items())
    if not request.overrides and request.file is None:
        print(USAGE.format(commands=words))
        names = _experiments(request)
        if names:
            print("experiments here:\n" + "\n".join(f"  xrun +experiment={name}" for name in names))
        return
    for experiment in load(request):
        _help_on(experiment)


def _experiments(request: Request) -> list[str]:
    """Names of the experiments in the config directory, by file name; no composition, this page must be quick."""
    folder = place.find(request.cwd, request.config_path).conf
    if folder is None:
        return []
    return sorted(str(p.relative_to(folder / "experiment").with_suffix("")) for p in Path(folder / "experiment").rglob("*.yaml"))


def _help_on(experiment: Experiment) -> None:
    """One experiment's axes, kwargs, types, defaults, and what the docstrings say of them."""
    inspection = inspect_steps(experiment)
    about = {p.name: p for step in inspection.steps for p in step.parameters}
    print(f"{experiment.name}: {experiment.description}" if experiment.description else experiment.name)
    grids = [grid for variant in experiment.variants for grid in variant.grids]
    axes: dict[str, list[Any]] = {}
    for axis in (axis for grid in grids for axis in grid.axes):
        axes.setdefault(axis.name, []).extend(value for value in axis.values if value not in axes.get(axis.name, []))
    if experiment.replicates is not None:
        axes["replicate"] = list(range(experiment.replicates))
    sections = (
        ("axes", {name: _listed(values) for name, values in axes.items()}),
        ("kwargs", {name: repr(value) for name, value in experiment.variants[0].kwargs.items()}),
        ("parameters with a default of their own", {n: _default(n, p.default) for n, p in about.items() if p.default is not None}),
    )
    told: set[str] = set()
    for title, entries in sections:
        rows = [
            (f"  {n}", about[n].type if n in about else "", v, about[n].doc if n in about else "")
            for n, v in entries.items()
            if n not in told
        ]
        told.update(entries)
        if rows:
            print(f"\n{title}:\n{columns(rows)}")
    print("\nsteps:")
    for info in inspection.steps:
        print(f"  {info.call}" + (f": {info.doc}" if info.doc else ""))
    for problem in inspection.problems:
        print(f"xrun: warning: {experiment.mask.text(problem)}", file=sys.stderr)


def _default(name: str, text: str) -> str:
    return "***" if looks_secret(name) and text[:1] in "'\"" else text


def _listed(values: list[Any]) -> str:
    if len(values) <= 8:
        return ", ".join(map(repr, values))
    return f"{', '.join(map(repr, values[:6]))}, ... ({len(values):,} values)"
