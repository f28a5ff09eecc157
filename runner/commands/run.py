"""`xrun [overrides]`: run an experiment."""

import argparse
import gc
import json
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from runner import __version__
from runner.beside import Helper
from runner.commands import options as shared

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
    from runner.execute import Stop
    from runner.workspace import locate

    console = Console(quiet=chosen.quiet or chosen.json)
    stop = Stop()
    experiments = load(shared.request(chosen))
    codes = []
    told = []
    with _signals(stop, chosen.grace):
        gc.enable()
        for experiment in experiments:
            workspace = locate(experiment.root, chosen.workspace)
            result = app.run(experiment, workspace, app.Options(force=chosen.force, argv=("xrun", *arguments)), console, stop, helper)
            codes.append(result.exit_code)
            told.append(result)
            if stop.level:
                break
    if chosen.json:
        json.dump([app.told(result) for result in told] if len(told) > 1 else app.told(told[0]), sys.stdout, indent=1)
        print()
    if stop.signal:
        again = " ".join(["xrun", *arguments])
        print(f"xrun: stopped by {signal.Signals(stop.signal).name}; finished runs are kept, to go on: {again}", file=sys.stderr)
    return max(codes, default=0)


@contextmanager
def _signals(stop: "app.Stop", grace: float | None) -> Iterator[None]:  # type: ignore[name-defined]  # noqa: F821
    """SIGINT, SIGTERM and SIGHUP ask to stop, also where a parent had them ignored (`xrun &` in a script)."""

    def ask(number: int, _: FrameType | None) -> None:
        stop.ask(number, grace if grace is not None else INT_GRACE if number == signal.SIGINT else TERM_GRACE)

    old = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in old.items():
            signal.signal(number, handler)
