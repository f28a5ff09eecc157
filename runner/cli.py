"""The command line: thin. The sole catcher of XrunError."""

import codecs
import gc
import io
import os
import signal
import sys
import warnings
from collections.abc import Callable, Sequence
from typing import Final

from runner.commands import COMMANDS
from runner.errors import UsageError, XrunError


def main(argv: Sequence[str] | None = None) -> None:
    """Entry point of `xrun`. Exits with the code that design and docs name."""
    _open_standard_files()
    gc.disable()  # until there is work that makes garbage; importing does not
    arguments = list(sys.argv[1:] if argv is None else argv)
    warnings.showwarning = _show_warning  # type: ignore[assignment]
    try:
        code = _command(arguments)(arguments)
        sys.stdout.flush()
    except XrunError as error:
        from runner.provenance.environment import without_secrets

        print(f"xrun: {without_secrets(str(error), arguments)}", file=sys.stderr)
        code = error.exit_code
    except KeyboardInterrupt as interrupt:
        number = interrupt.args[0] if interrupt.args else signal.SIGINT
        print(f"xrun: interrupted by {signal.Signals(number).name}; what was committed is kept", file=sys.stderr)
        code = 128 + number
    except BrokenPipeError:
        code = 141  # whoever read our output has left; that is its right
    except OSError as error:  # no space for what is printed, no descriptors left, a working directory that is gone
        print(f"xrun: {f'{error.filename}: ' if error.filename else ''}{error.strerror or error}", file=sys.stderr)
        code = 74
    except Exception as error:  # noqa: BLE001 - a mistake of ours, whatever it is: no gate may take it for "one got worse"
        code = _bug(error, arguments)
    _drop_unwritten()
    raise SystemExit(code)


def _bug(error: Exception, arguments: list[str]) -> int:
    """Tell of a mistake in xrun, with all that helps to find it; returns EX_SOFTWARE."""
    import traceback

    from runner.provenance.environment import without_secrets

    told = "".join(traceback.format_exception(error))
    print(without_secrets(told, arguments), end="", file=sys.stderr)
    print("xrun: this is a mistake in xrun and not in what you did; please report it, with the lines above", file=sys.stderr)
    return 70


def _command(arguments: list[str]) -> Callable[[list[str]], int]:
    word = arguments[0] if arguments else ""
    if word in COMMANDS:
        from importlib import import_module

        command: Callable[[list[str]], int] = import_module(f"runner.commands.{word}").main
        return lambda rest: command(rest[1:])
    if word and word.isidentifier():
        _refuse(word, arguments[1:])
    return _run


def _refuse(word: str, rest: list[str]) -> None:
    """Raise UsageError for a first word that is neither a command nor an override, if it is known what was meant instead: a command, an
    experiment, `run`.
    """
    import shlex

    from runner.config.place import experiments
    from runner.suggest import nearest

    names = experiments()
    problem = f"there is no command `{word}`"
    if word == "run" and rest:
        named = [f"+experiment={rest[0]}", *rest[1:]] if rest[0] in names else rest
        raise UsageError(f"{problem}, and none is needed to run an experiment: {shlex.join(['xrun', *named])}")
    if word in names:
        raise UsageError(f"{problem}; to run the experiment: {shlex.join(['xrun', f'+experiment={word}', *rest])}")
    if close := nearest(word, [*COMMANDS, *names]):
        raise UsageError(f"{problem}; did you mean `xrun {close if close in COMMANDS else f'+experiment={close}'}`?")
    words = [argument for argument in rest if not argument.startswith("-")]
    if words and not any(character in other for other in words for character in "=+~"):  # nothing here is an override
        raise UsageError(f"{problem}; commands: {', '.join(COMMANDS)}")


INFORMATION: Final = frozenset(("-h", "--help", "-c", "--cfg", "-i", "--info", "-sc", "--shell-completion", "--hydra-help", "--version"))
"""Flags that tell instead of running, so that no table will be made."""


def _run(arguments: list[str]) -> int:
    """Run an experiment, with a process beside it that gets ready to make the table: the first thing to start."""
    from runner.beside import Helper

    helper = Helper("runner.table:warm" if INFORMATION.isdisjoint(arguments) else None)
    try:
        from runner.commands.run import main as run

        return run(arguments, helper)
    finally:
        helper.close()


def _open_standard_files() -> None:
    """Where one of descriptors 0 to 2 is closed (`xrun >&-`), the store would get its number, and prints would go into it."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number: this one
    sys.stdout = sys.stdout or open(1, "w")  # noqa: PTH123, SIM115 - Python leaves None where it found a descriptor closed
    sys.stderr = sys.stderr or open(2, "w")  # noqa: PTH123, SIM115
    if isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout.errors in {"strict", "surrogateescape"}:
        codecs.register_error("xrun", _escape)
        sys.stdout.reconfigure(errors="xrun")


def _escape(error: UnicodeError) -> tuple[str, int]:
    """What stdout's encoding cannot say (ASCII; a file name that is no Unicode) as JSON writes it, so that `--json` stays JSON."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    import json

    return json.dumps(error.object[error.start : error.end])[1:-1], error.end


def _drop_unwritten() -> None:
    """What a full disk or a reader that has left did not take: Python would try it again at its end, and exit with a code of its own."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _show_warning(message: Warning | str, category: type[Warning], filename: str, lineno: int, *_: object) -> None:
    """Warnings of ours as one line; everybody else's as Python says them."""
    if category.__module__.startswith("runner."):
        print(f"xrun: warning: {message}", file=sys.stderr)
    else:
        print(warnings.formatwarning(message, category, filename, lineno), end="", file=sys.stderr)


if __name__ == "__main__":
    main()
