"""`xrun plan [overrides]`: what would run; executes nothing and writes nothing."""

import argparse
import sys
from collections.abc import Iterator
from typing import Any

from runner import app, codec, novelty, reading, stores
from runner.commands import options as shared
from runner.config.load import load
from runner.console import columns
from runner.novelty import State
from runner.plan import Plan, Run, limited
from runner.workspace import locate

LIMIT = 40


def main(arguments: list[str]) -> int:
    """Print the plan; returns 0, or raises what makes it impossible."""
    parser = shared.Parser(
        prog="xrun plan",
        description="What would run: every run with its id, and whether it is new, cached, failed before, or changed and why. Executes "
        "nothing, writes nothing. With --force and the like: what the same options would execute.",
        epilog="example: xrun plan +experiment=coins N=10,100",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    shared.add_config(parser)
    shared.add_rerun(parser)
    parser.add_argument("--json", action="store_true", help="one JSON object a line and run")
    parser.add_argument("--all", action="store_true", help=f"list all runs, not just the first {LIMIT}")
    chosen = parser.parse_intermixed_args(arguments)
    rerun = shared.rerun(chosen)
    for experiment in load(shared.request(chosen)):
        workspace = locate(experiment.root, chosen.workspace)
        planned = limited(app.plan_only(experiment, workspace), chosen.only)
        reader = stores.read(workspace.store) if workspace.store.is_file() else None
        try:
            published = reading.plan_order(workspace.results / experiment.name)
            found = novelty.states(planned, reader, experiment.root, rerun, published)
            if chosen.json:
                _print_json(planned, found)
            else:
                _print(planned, found, sys.maxsize if chosen.all else LIMIT)
        finally:
            if reader is not None:
                reader.close()
    return 0


def _print(planned: Plan, found: Iterator[tuple[Run, State]], limit: int) -> None:
    counts: dict[str, int] = {}
    rows: list[tuple[str, ...]] = []
    for run, state in found:
        counts[state.word] = counts.get(state.word, 0) + 1
        if len(rows) < limit:
            rows.append(
                (str(run.index), run.id_run, state.word, *(_shown(run.params, name) for name in planned.axes), _why(planned, state))
            )
    head = ("#", "id_run", "state", *planned.axes, "why")
    width = len(head) if any(row[-1] for row in rows) else len(head) - 1
    print(columns([row[:width] for row in (head, *rows)], head=1))
    total = sum(counts.values())
    if total > limit:
        print(f"... and {total - limit:,} more; --all lists them")
    told = ", ".join(f"{count:,} {state}" for state, count in counts.items())
    print(f"\n{planned.experiment.name}: {total:,} {'run' if total == 1 else 'runs'} ({told})")


def _why(planned: Plan, state: State) -> str:
    """Why it is so, and where it goes on that begins as an earlier run did."""
    return "; ".join(filter(None, [state.why, f"from step {_first(planned, state)} on" if state.taken_over else ""]))


def _first(planned: Plan, state: State) -> str:
    """Name of the first step that is executed."""
    return planned.experiment.steps[state.taken_over].name


def _shown(params: dict[str, Any], name: str) -> str:
    return str(params[name]) if name in params else "-"


def _print_json(planned: Plan, found: Iterator[tuple[Run, State]]) -> None:
    for run, state in found:
        line = {
            "experiment": planned.experiment.name,
            "index": run.index,
            "id_run": run.id_run,
            "state": state.word,
            "executes": state.executes,
            **({"why": state.why} if state.why else {}),
            **({"from_step": _first(planned, state)} if state.taken_over else {}),
            **({"earlier": state.earlier} if state.earlier else {}),
            **({"differences": [difference.told() for difference in state.differences]} if state.differences else {}),
            "params": run.params,
            "kwargs": dict(planned.kwargs(run)),
            "seed": run.seed,
        }
        print(codec.dumps(line))
