"""What a script or command step has besides a step's options."""

import re
from collections.abc import Callable, Mapping
from pathlib import PurePosixPath
from typing import Any, TypeVar

from runner import templates
from runner.config.reader import Reader, shown
from runner.secret import Secret
from runner.spec import Arguments, Process
from runner.suggest import did_you_mean

T = TypeVar("T")

OPTIONS = ("args", "cwd", "env", "outputs", "scalars", "metrics_file", "python")
_ALL = ("params", "all")


def refuse_options(reader: Reader, given: Mapping[str, Any], key: str) -> None:
    """A function has none of these."""
    for name in OPTIONS:
        if name in given:
            raise reader.refuse(f"{key}.{name}", f"`{name}` is for scripts and commands", "a function takes kwargs: {...}")


def read(reader: Reader, entry: Mapping[str, Any], key: str) -> Process:
    """The frozen process of an entry with all keys, of which `script` or `command` is given. Raises ConfigError naming what is wrong."""
    script, command = entry["script"], entry["command"]
    if script is None and entry["python"] is not None:
        raise reader.refuse(f"{key}.python", "`python` is for scripts", "a command names its own interpreter")

    def given(name: str, read: Callable[[Reader, Any, str], T], default: T) -> T:
        return default if entry[name] is None else read(reader, entry[name], f"{key}.{name}")

    return Process(
        script="" if script is None else _nonempty(reader, script, f"{key}.script"),
        command="" if command is None else _command(reader, command, f"{key}.command"),
        args=given("args", _args, ()),
        cwd=given("cwd", _nonempty, ""),
        env=given("env", _env, ()),
        outputs=given("outputs", _outputs, ""),
        scalars=_scalars(reader, entry["scalars"], f"{key}.scalars"),
        metrics_file=given("metrics_file", _metrics_file, ""),
        python=given("python", _nonempty, ""),
    )


def _nonempty(reader: Reader, value: Any, key: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise reader.refuse(key, f"{shown(value)} is not a text that says something")
    return value if isinstance(value, Secret) else value.strip()


def _command(reader: Reader, value: Any, key: str) -> str | tuple[str, ...]:
    if not isinstance(value, list):
        return _nonempty(reader, value, key)
    words = _words(reader, value, key)
    if not words or not words[0].strip():
        raise reader.refuse(key, f"{shown(value)} names no program", "command: [make, -s, model]")
    return words


def _words(reader: Reader, value: list[Any], key: str) -> tuple[str, ...]:
    for n, item in enumerate(value):
        if item is None or isinstance(item, list | dict):
            raise reader.refuse(f"{key}[{n}]", f"{shown(item)} is not a word")
    return tuple(map(templates.word, value))


def _args(reader: Reader, value: Any, key: str) -> Arguments:
    if isinstance(value, dict):
        return tuple((flag, _argument(reader, item, f"{key}.{flag}")) for flag, item in reader.mapping(value, key).items())
    if isinstance(value, list):
        return _words(reader, value, key)
    if value == "params" or value == "all":  # noqa: PLR1714 - mypy narrows this to the two literals
        return value  # type: ignore[no-any-return]
    hint = did_you_mean(str(value), _ALL, "write {--flag: value}, [word, word], or one of")
    raise reader.refuse(key, f"{shown(value)} says no arguments", hint)


def _argument(reader: Reader, value: Any, key: str) -> Any:
    """A scalar, or a list of scalars that follow the flag."""
    if isinstance(value, list):
        return list(_words(reader, value, key))
    if isinstance(value, dict):
        raise reader.refuse(key, f"{shown(value)} is a mapping where one value or a list is meant", "write its entries as flags")
    return value


def _env(reader: Reader, value: Any, key: str) -> tuple[tuple[str, str | None], ...]:
    entries = reader.mapping(value, key).items()
    for name, item in entries:
        if not name or "=" in name:
            raise reader.refuse(f"{key}.{name}", f"{shown(name)} is not the name of a variable")
        if isinstance(item, list | dict):
            raise reader.refuse(f"{key}.{name}", f"{shown(item)} is not one value", "quote it, if the text is meant")
    return tuple((name, None if item is None else templates.word(item)) for name, item in entries)


def _outputs(reader: Reader, value: Any, key: str) -> str:
    path = PurePosixPath(_nonempty(reader, value, key))
    if path.is_absolute() or ".." in path.parts or not path.parts:
        raise reader.refuse(key, f"{shown(value)} is not a folder below the working directory", "outputs: outputs/")
    return str(path)


def _scalars(reader: Reader, value: Any, key: str) -> str | bool:
    if value is None or isinstance(value, bool):
        return bool(value)
    hint = r"scalars: true, or '(?P<key>\w+)=(?P<value>\S+)'"
    try:
        groups = re.compile(_nonempty(reader, value, key)).groupindex
    except (re.error, OverflowError, RecursionError) as error:
        raise reader.refuse(key, f"{shown(value)} is not a regular expression: {error}", hint) from None
    if missing := {"key", "value"} - set(groups):
        raise reader.refuse(key, f"{shown(value)} has no group {' and no group '.join(map('`{}`'.format, sorted(missing)))}", hint)
    return str(value).strip()


def _metrics_file(reader: Reader, value: Any, key: str) -> str:
    path = _nonempty(reader, value, key)
    if not path.endswith((".json", ".jsonl")):
        raise reader.refuse(key, f"{shown(value)} is neither a .json nor a .jsonl file", "metrics_file: metrics.json")
    if ".." in PurePosixPath(path).parts:
        raise reader.refuse(key, f"{shown(value)} leaves the working directory", "metrics_file: metrics.json")
    return path
