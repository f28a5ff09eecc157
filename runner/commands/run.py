"""`xrun [overrides]`: run an experiment."""

import argparse
import gc
import json
import os
import shlex
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TextIO

from runner import __version__
from runner.beside import Helper
from runner.commands import options as shared
from runner.stop import Stop

INT_GRACE = 5.0
TERM_GRACE = 20.0


def parser() -> argparse.ArgumentParser:
    """Hydra's flags and our own."""
    made = argparse.ArgumentParser(prog="xrun", add_help=False, allow_abbrev=False)
    shared.add_config(made)
    made.add_argument("-h", "--help", action="store_true")
    made.add_argument("--version", action="version", version=f"xrun {__version__}")
    made.add_argument("-c", "--cfg", choices=["job", "hydra", "all"])
    made.add_argument("--resolve", action="store_true")
    made.add_argument("-p", "--package")
    made.add_argument(
        "-i", "--info", nargs="?", const="all", choices=["all", "config", "defaults", "defaults-tree", "plugins", "searchpath"]
    )
    made.add_argument("--hydra-help", action="store_true")
    made.add_argument("-sc", "--shell-completion", action="store_true")
    made.add_argument("-r", "--run", action="store_true")
    made.add_argument("-q", "--quiet", action="store_true")
    made.add_argument("--json", action="store_true")
    made.add_argument("-f", "--force", action="store_true")
    made.add_argument("--grace", type=float, metavar="SECONDS")
    return made


def main(arguments: list[str], helper: Helper) -> int:
    """Run what the arguments describe; returns the exit code."""
    chosen = parser().parse_intermixed_args(arguments)
    if chosen.help or chosen.cfg or chosen.info or chosen.hydra_help or chosen.shell_completion:
        from runner.commands import information

        return information.main(chosen)
    return _run(chosen, helper, tuple(arguments))


def _run(chosen: argparse.Namespace, helper: Helper, arguments: tuple[str, ...]) -> int:
    from runner import app
    from runner.config.load import load
    from runner.console import Console
    from runner.workspace import locate

    out = _own_stdout() if chosen.json else sys.stdout
    stop = Stop()
    console = Console(quiet=chosen.quiet or chosen.json)
    invocation = app.Invocation(argv=("xrun", *arguments), force=chosen.force, console=console, stop=stop, helper=helper)
    results: list[app.Result] = []
    with _signals(stop, chosen.grace):
        request = shared.request(chosen)
        for experiment in load(request):
            gc.freeze()  # what start-up has imported stays; the collector need not look at it
            gc.enable()
            workspace = locate(experiment.root, chosen.workspace)
            swept = experiment.sweep is not None
            results.append(app.sweep(experiment, request, workspace, invocation) if swept else app.run(experiment, workspace, invocation))
            if stop.level:
                break
    if chosen.json:
        told = [app.told(result) for result in results]
        print(json.dumps(told if len(told) > 1 else told[0], indent=1), file=out)
    if stop.signal:
        name, again = signal.Signals(stop.signal).name, shlex.join(["xrun", *arguments])
        print(f"xrun: stopped by {name}; finished runs are kept, to go on: {again}", file=sys.stderr)
    out.flush()
    return max(result.exit_code for result in results)


def _own_stdout() -> TextIO:
    """What was stdout, for the JSON alone: from now on all that steps print goes to stderr."""
    sys.stdout.flush()
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return out


@contextmanager
def _signals(stop: Stop, grace: float | None) -> Iterator[None]:
    """SIGINT, SIGTERM and SIGHUP ask to stop, also where a parent had them ignored (`xrun &` in a script).

    Once one has, a late one changes nothing any more.
    """

    def ask(number: int, _: FrameType | None) -> None:
        stop.ask(number, grace if grace is not None else INT_GRACE if number == signal.SIGINT else TERM_GRACE)

    old = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in old.items():
            signal.signal(number, signal.SIG_IGN if stop.level else handler)
