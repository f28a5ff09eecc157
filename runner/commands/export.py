"""`xrun export FORMAT EXPERIMENT`: an experiment's runs for other programs."""

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator

from runner import stores
from runner.commands import options as shared
from runner.errors import UsageError
from runner.exports import EXPORTERS, Done, Exporter, select
from runner.suggest import did_you_mean

PROGRESS_AFTER, EVERY = 0.7, 0.1
"""Seconds until progress is shown on a terminal, and between two looks."""
SELECTION = "Exports the runs of the plan that was asked for last, failed ones too; exporting again brings the target up to date."


def main(arguments: list[str]) -> int:
    """Export, or tell how to; returns 0."""
    if not arguments or arguments[0].startswith("-"):
        return _help(arguments)
    name = arguments[0]
    if name not in EXPORTERS:
        raise UsageError(f"there is no exporter `{name}`; {did_you_mean(name, EXPORTERS, 'exporters')}")
    exporter = EXPORTERS[name]
    chosen = _parser(name, exporter).parse_args(arguments[1:])
    workspace = shared.workspace(chosen)
    reader = stores.read(workspace.store)
    try:
        source = select(reader, workspace, chosen.experiment, condition=chosen.where, everything=chosen.all)
        target = exporter.target(source, chosen)
        done = Counter(one.what for one in _watched(exporter.export(source, chosen), name))
    finally:
        reader.close()
    if chosen.json:
        print(json.dumps({"exporter": name, "experiment": source.experiment, "target": target, "done": done}))
    else:
        told = "written" if set(done) == {"written"} else ", ".join(f"{count:,} {what}" for what, count in done.items()) + ","
        print(f"{source.experiment}: {told} to {'the standard output' if target == '-' else target}", file=sys.stderr)
    return 0


def _parser(name: str, exporter: Exporter) -> argparse.ArgumentParser:
    parser = shared.Parser(
        prog=f"xrun export {name}", description=f"{exporter.summary}. {SELECTION}", epilog=f"example: {exporter.example}"
    )
    parser.add_argument("experiment", metavar="EXPERIMENT")
    exporter.add_options(parser)
    parser.add_argument("--where", metavar="CONDITION", help="only these runs: \"params.lr < 1e-2 and status == 'COMPLETED'\"")
    parser.add_argument("--all", action="store_true", help="all runs of the experiment that the store has, whatever plan they came from")
    parser.add_argument("--json", action="store_true", help="tell what was done as one JSON object")
    shared.add_place(parser)
    return parser


def _help(arguments: list[str]) -> int:
    width = max(map(len, EXPORTERS))
    lines = [f"  {name.ljust(width)}  {exporter.summary}" for name, exporter in EXPORTERS.items()]
    examples = [f"example: {exporter.example}" for exporter in EXPORTERS.values()]
    parser = shared.Parser(
        prog="xrun export",
        usage="xrun export FORMAT EXPERIMENT [...]",
        description="\n".join([SELECTION, "", "formats (`xrun export FORMAT --help` says more):", *lines]),
        epilog="\n".join(examples),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.parse_args(arguments)
    raise UsageError(f"name a format; there are {', '.join(EXPORTERS)}")


def _watched(done: Iterable[Done], name: str) -> Iterator[Done]:
    """Pass on what is done; on a terminal, show how much, once it takes more than a moment."""
    begun = shown = time.monotonic()
    drawn = False
    try:
        for count, one in enumerate(done, 1):
            now = time.monotonic()
            if now - begun > PROGRESS_AFTER and now - shown > EVERY and sys.stderr.isatty():
                print(f"\r{name}: {count:,} runs, {count / (now - begun):,.3g}/s", end="", file=sys.stderr, flush=True)
                shown, drawn = now, True
            yield one
    finally:
        if drawn:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
