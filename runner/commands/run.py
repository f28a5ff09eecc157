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
from runner.stop import CLEANING_SECONDS, Stop

INT_GRACE = 5.0
TERM_GRACE = 20.0
_GARBAGE = 10_000
"""Objects after which the collector looks: runs that are under way are thousands, and what a run leaves is no cycle."""


def parser() -> argparse.ArgumentParser:
    """Hydra's flags and our own."""
    made = shared.Parser(prog="xrun", add_help=False, allow_abbrev=False)
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
    shared.add_rerun(made)
    made.add_argument("--requeueable", action="store_true")
    made.add_argument("--on-disk-full", choices=["wait", "exit"], default="wait")
    made.add_argument("--show-output", action=argparse.BooleanOptionalAction, default=None)
    made.add_argument("--grace", type=shared.seconds, metavar="SECONDS")
    return made


def main(arguments: list[str], helper: Helper) -> int:
    """Run what the arguments describe; returns the exit code."""
    chosen = parser().parse_intermixed_args(arguments)
    if chosen.help or chosen.cfg or chosen.info or chosen.hydra_help or chosen.shell_completion:
        from runner.commands import information

        return information.main(chosen)
    try:
        return _run(chosen, helper, tuple(arguments))
    except KeyboardInterrupt as interrupt:
        from runner.invocation import REQUEUED, TRY_AGAIN

        if not chosen.requeueable or not interrupt.args or interrupt.args[0] not in REQUEUED:
            raise
        print(f"xrun: interrupted by {signal.Signals(interrupt.args[0]).name} before anything ran; to be started again", file=sys.stderr)
        return TRY_AGAIN


def _run(chosen: argparse.Namespace, helper: Helper, arguments: tuple[str, ...]) -> int:
    from runner import account, app, sweeping
    from runner.config.load import load
    from runner.console import Console
    from runner.invocation import Invocation, Result
    from runner.workspace import locate

    stop = Stop()
    results: list[Result] = []
    rerun = shared.rerun(chosen)
    with _own_stdout() as out, _signals(stop, chosen, arguments):
        console = Console(quiet=chosen.quiet or chosen.json, out=out)
        invocation = Invocation(
            argv=("xrun", *arguments),
            rerun=rerun,
            only=tuple(chosen.only),
            requeueable=chosen.requeueable,
            wait_if_full=chosen.on_disk_full == "wait",
            show_output=chosen.show_output,
            console=console,
            stop=stop,
            helper=helper,
        )
        request = shared.request(chosen)
        for experiment in load(request):
            gc.freeze()  # what start-up has imported stays; the collector need not look at it
            gc.set_threshold(_GARBAGE)
            gc.enable()
            workspace = locate(experiment.root, chosen.workspace)
            swept = experiment.sweep is not None
            results.append(
                sweeping.sweep(experiment, request, workspace, invocation) if swept else app.run(experiment, workspace, invocation)
            )
            if stop.level:
                break
        if chosen.json:
            told = [account.told(result) for result in results]
            print(json.dumps(told if len(told) > 1 else told[0], indent=1), file=out)
    if stop.signal:
        print(f"xrun: {_stopped(stop.signal, arguments)}", file=sys.stderr)
    return max(result.exit_code for result in results)


def _stopped(number: int, arguments: tuple[str, ...], how: str = "") -> str:
    """What there is to say of a sweep that a signal has ended."""
    from runner.provenance.environment import masked

    again = shlex.join(["xrun", *map(masked, arguments)])
    return f"stopped by {signal.Signals(number).name}{how}; finished runs are kept, to go on: {again}"


@contextmanager
def _own_stdout() -> Iterator[TextIO]:
    """What stdout is, for results alone: all that steps print meanwhile, in whatever process, goes to stderr."""
    sys.stdout.flush()
    with os.fdopen(os.dup(1), "w", encoding=sys.stdout.encoding, errors=sys.stdout.errors) as out:
        os.dup2(2, 1)
        try:
            yield out
        finally:
            sys.stdout.flush()
            os.dup2(out.fileno(), 1)


@contextmanager
def _signals(stop: Stop, chosen: argparse.Namespace, arguments: tuple[str, ...]) -> Iterator[None]:
    """SIGINT, SIGTERM and SIGHUP ask to stop, the first also where a parent had it ignored (`xrun &` in a script); SIGUSR2, if it is
    what a cluster announces the end with.

    Once one has, a late one changes nothing any more.
    """
    grace = chosen.grace

    def ask(number: int, _: FrameType | None) -> None:
        try:
            stop.ask(number, grace if grace is not None else INT_GRACE if number == signal.SIGINT else TERM_GRACE)
            wake()
        except KeyboardInterrupt:
            signal.signal(signal.SIGALRM, insist)
            signal.setitimer(signal.ITIMER_REAL, CLEANING_SECONDS, CLEANING_SECONDS)
            raise

    def insist(_: int, __: FrameType | None) -> None:
        stop.insist()

    asking = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup means it
        asking.append(signal.SIGHUP)
    if chosen.requeueable:
        asking.append(signal.SIGUSR2)

    def ending(number: int) -> tuple[int, str]:
        from runner.invocation import REQUEUED, TRY_AGAIN

        code = TRY_AGAIN if chosen.requeueable and number in REQUEUED else 128 + number
        return code, _stopped(number, arguments, " within a step, which did not end by itself and was cut off")

    from runner.commands.answering import answered

    with answered(stop, asking, ending, quiet=chosen.quiet or chosen.json) as wake:
        old = {number: signal.signal(number, ask) for number in asking}
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            for number, handler in old.items():
                signal.signal(number, signal.SIG_IGN if stop.level else handler)
