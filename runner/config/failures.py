"""Hydra's errors in our words: where it went wrong, what is wrong, what the nearest valid choice is."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from hydra.errors import HydraException
from omegaconf.errors import OmegaConfBaseException

from runner.config.place import Place
from runner.config.reader import COMMAND_LINE, shown
from runner.errors import ConfigError
from runner.suggest import nearest


def not_an_override(line: str, error: BaseException, experiments: list[str]) -> ConfigError:
    """The error for a word that Hydra's grammar does not take."""
    if "=" in line:
        reason = ": a number has too many digits" if "digits" in str(error) else ""
        hint = None if reason else "quote a value that has special characters: 'key=\"a, b\"'"
        return ConfigError(f"{shown(line)} is not an override{reason}", where=COMMAND_LINE, hint=hint)
    if (Path(line) / "experiment.yaml").is_file():
        return ConfigError(f"{shown(line)} is a folder", where=COMMAND_LINE, hint=f"did you mean {Path(line) / 'experiment.yaml'}?")
    close = nearest(line, experiments)
    hint = f"did you mean +experiment={close}?" if close else "an override is written key=value"
    return ConfigError(f"{shown(line)} is not an override", where=COMMAND_LINE, hint=hint)


@dataclass(frozen=True, slots=True)
class Asked:
    """What was to be composed."""

    lines: tuple[str, ...]
    """The group overrides."""
    place: Place
    options: Callable[[str], list[str]]
    """Of a config group."""


def explain(error: BaseException, asked: Asked) -> ConfigError:
    """The error for a composition that Hydra refused."""
    lines, place = asked.lines, asked.place
    text = " ".join(line.strip() for line in str(error).splitlines() if line.strip()) or type(error).__name__
    where = str(place.conf or "packaged defaults")
    if not isinstance(error, HydraException | OmegaConfBaseException):
        text = f"Hydra cannot compose this ({shown(text)})"
    if match := re.match(r"In '([^']+)': ?(.*)", text):
        where, text = f"{place.conf}/{match[1]}.yaml", match[2]
    if unnamed := next((line for line in lines if re.fullmatch(r"[+]*[^=]+=(null|''|\"\")?", line)), None):
        return _unnamed(unnamed, asked)
    if (match := re.match(r"Multiple values for ([^ ]+)\. ", text)) and len(twice := _choices(match[1], lines)) > 1:
        both = f"{twice[0]},{twice[1].partition('=')[2]}"
        return ConfigError(f"`{match[1]}` is chosen twice", where=COMMAND_LINE, key=" ".join(twice), hint=f"to run both: {both}")
    if match := re.search(r"Could not find '([^']+)/([^'/]+)'", text):
        return _no_option(match[1], match[2], where, asked)
    if match := re.match(r"Cannot find primary config '([^']+)'", text):
        return ConfigError(f"there is no primary config `{match[1]}` in {place.conf or 'the packaged defaults'}", where="--config-name")
    if match := re.match(r"Could not (override|delete|rename) '([^']+)'\.? ?(.*?)(?: To append to .* use (\S+))?$", text):
        given = next((line for line in lines if line.lstrip("+~").startswith(match[2].partition("@")[0])), None)
        if given is not None:
            hint = f"to add it: {match[4]}" if match[4] else None
            reason = "no defaults list has it" if "No match in the defaults" in match[3] else "there is no such key"
            return ConfigError(f"cannot {match[1]} `{match[2]}`: {reason}", where=COMMAND_LINE, key=given, hint=hint)
    return ConfigError(text, where=where)


def _unnamed(given: str, asked: Asked) -> ConfigError:
    """Of a group that is to be chosen from, and no option: `+experiment=`."""
    key = given.partition("=")[0]
    group = key.lstrip("+").partition("@")[0]
    choices = asked.options(group)
    what = "experiment" if group == "experiment" else f"option of the config group `{group}`"
    hint = f"write {key}={choices[0]}" if len(choices) == 1 else None
    return ConfigError(f"no {what} is named; there are: {', '.join(choices) or 'none'}", where=COMMAND_LINE, key=given, hint=hint)


def _choices(group: str, lines: Sequence[str]) -> list[str]:
    """The words of the command line that choose an option of the group."""
    return [line for line in lines if re.match(rf"[+~]*{re.escape(group)}(@[^=]*)?=", line)]


def _no_option(group: str, option: str, where: str, asked: Asked) -> ConfigError:
    choices = asked.options(group)
    close = nearest(option, choices)
    given = next(iter(_choices(group, asked.lines)), None)
    problem = f"the config group `{group}` has no option `{option}`; it has: {', '.join(choices) or 'none'}"
    if given is None:
        return ConfigError(problem, where=where, hint=f"did you mean `{close}`?" if close else None)
    misnamed = Path(f"{asked.place.conf}/{group}/{option}.yml")
    if misnamed.is_file():
        return ConfigError(problem, where=COMMAND_LINE, key=given, hint=f"rename {misnamed}: Hydra reads .yaml alone")
    tried = "; ".join(asked.place.tried)
    hint = f"no config directory was found; tried {tried}" if tried else None
    return ConfigError(problem, where=COMMAND_LINE, key=given, hint=f"did you mean {given.partition('=')[0]}={close}?" if close else hint)
