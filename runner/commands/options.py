"""The options that several commands share, and what they mean."""

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from runner.errors import UsageError
from runner.secret import looks_secret
from runner.suggest import nearest

if TYPE_CHECKING:  # a command's own start must not cost the import of Hydra
    from runner.config.load import Request
    from runner.rerun import Rerun
    from runner.workspace import Workspace


class Parser(argparse.ArgumentParser):
    """argparse, its errors as ours: one sentence with the nearest choice, exit code 2."""

    def error(self, message: str) -> NoReturn:
        """Raise UsageError."""
        known = [option[2:] for action in self._actions for option in action.option_strings if option.startswith("--")]
        word, *rest = message.removeprefix("unrecognized arguments: ").split() if message.startswith("unrecognized arguments") else [""]
        name, _, value = word.lstrip("-").partition("=")
        close = nearest(name, known) if name else None
        hints = [f"did you mean --{close}?"] if close else []
        if word.startswith("--") and name.replace(".", "_").isidentifier() and any(each.dest == "overrides" for each in self._actions):
            value = value or next((other for other in rest[:1] if "=" not in other and not other.startswith("-")), "")
            if value and any(map(looks_secret, name.split("."))):
                message, value = message.replace(value, "***"), "***"
            hints += [f"a value of the experiment is set without dashes: {name}={value}"] if value else []
        raise UsageError("\n  ".join([message, *(hints or [f"{self.prog} --help lists the options"])]))


def add_place(parser: argparse.ArgumentParser) -> None:
    """Options on where the project is."""
    parser.add_argument(
        "--workspace", metavar="DIR", help="keep .xrun/ and results/ in DIR (default: $XRUN_WORKSPACE, or the project root)"
    )


LIMIT_HELP = "lines to show (default {}; 0: all; --csv and --json have all)"


def count(text: str) -> int:
    """How many, 0 or more: the type of --limit."""
    number = int(text) if text.strip().isdecimal() else -1
    if number < 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of lines; write 0 for all, or 1, 2, ...")
    return number


def seconds(text: str) -> float:
    """How long, 0 or more, and not for ever: the type of --grace."""
    return at_least_0(text, "number of seconds; write 0 for at once, or 1, 2.5, ...")


def at_least_0(text: str, expected: str) -> float:
    """A finite number of 0 or more. Raises ArgumentTypeError that says it is no `expected`."""
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number < float("inf"):  # nor is NaN
        raise argparse.ArgumentTypeError(f"{text!r} is no {expected}")
    return number


def add_logged(parser: argparse.ArgumentParser, what: str, limit: int) -> None:
    """What the commands take that show what runs logged: whose, which of it, where, how much."""
    parser.add_argument("target", metavar="EXPERIMENT|ID", help="an experiment, or a beginning of an id_run")
    parser.add_argument("name", metavar="NAME", nargs="?", help=what)
    parser.add_argument("--where", metavar="CONDITION", help='only these runs of an experiment: "params.lr < 1e-2 and loss.min > 0"')
    parser.add_argument("--limit", type=count, metavar="N", default=limit, help=LIMIT_HELP.format(limit))
    add_children(parser)
    add_place(parser)


def add_children(parser: argparse.ArgumentParser) -> None:
    """--children."""
    parser.add_argument("--children", action="store_true", help="child runs as well (run.child_run), with the params of their parents")


def add_config(parser: argparse.ArgumentParser) -> None:
    """Hydra's options on where configs are, and the overrides."""
    parser.add_argument("overrides", nargs="*", help="Hydra overrides; or a composed experiment.yaml and overrides on it")
    parser.add_argument("-m", "--multirun", action="store_true", help="accepted for Hydra's sake: a sweep needs no flag")
    parser.add_argument("-cp", "--config-path", metavar="DIR", help="the config directory; of an experiment.yaml, that of its project")
    parser.add_argument("-cn", "--config-name", metavar="NAME", help="the primary config (default: config)")
    parser.add_argument("-cd", "--config-dir", metavar="DIR", help="one more config directory, searched after the first")
    add_place(parser)


def add_rerun(parser: argparse.ArgumentParser) -> None:
    """Options on which runs are meant, and which completed or failed ones are executed again."""
    parser.add_argument("--only", metavar="ID", action="append", default=[], help="this run of the plan alone, by its id; repeatable")
    parser.add_argument("-f", "--force", action="store_true", help="completed runs as well")  # no value: it would swallow an override
    parser.add_argument("--force-where", metavar="CONDITION", help="completed runs as well where this holds: 'N > 10 and seconds > 60'")
    parser.add_argument("--force-from", metavar="STEP", default="", help="completed runs as well, from that step on")
    retry = "(--no-retry-failed: not) runs that failed, crashed or timed out"
    parser.add_argument("--retry-failed", action=argparse.BooleanOptionalAction, default=True, help=retry)


def rerun(options: argparse.Namespace) -> "Rerun":
    """What these options say. Raises UsageError."""
    from runner import where
    from runner.rerun import Rerun

    if options.force and (options.force_where or options.force_from):
        raise UsageError("--force executes every run from its first step; leave it out beside --force-where and --force-from")
    condition = where.parse(options.force_where) if options.force_where is not None else None
    return Rerun(force=options.force, where=condition, step=options.force_from, retry_failed=options.retry_failed)


def request(options: argparse.Namespace) -> "Request":
    """What of the options config.load needs."""
    from runner.config.load import Request, is_experiment_file

    files = [word for word in options.overrides if is_experiment_file(word)]
    if len(files) > 1:
        raise UsageError(f"{files[0]} and {files[1]} are two experiments; run one after the other")
    overrides = [word for word in options.overrides if word not in files]
    file = Path(files[0]) if files else None
    return Request(
        overrides=tuple(overrides),
        file=file,
        config_path=options.config_path,
        config_dir=options.config_dir,
        config_name=options.config_name,
        cwd=Path.cwd(),
    )


def workspace(options: argparse.Namespace) -> "Workspace":
    """The workspace of the project around the working directory, for commands that need no experiment."""
    from runner.config.place import find
    from runner.workspace import locate

    return locate(find(Path.cwd(), os.environ.get("XRUN_CONF")).root, options.workspace)
