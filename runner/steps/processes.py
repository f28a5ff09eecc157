"""Inspects a step that is a script or a command: its files, its texts, its code. Starts nothing."""

import ast
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runner import code, templates
from runner.points import axis_names
from runner.spec import REPLICATE, CodePolicy, Experiment, Grid, Process, Step
from runner.steps import placing
from runner.steps.about import Parameter, StepInfo
from runner.suggest import did_you_mean, nearest

_LOOKS = re.compile(rb"XRUN_(?:PARAM|RUN)|get_run")
"""How a source shows that it looks at the point by itself."""


@dataclass(frozen=True, slots=True)
class Inspected:
    """A script or command step: what is wrong with it, what there is to tell, its code digest."""

    problems: tuple[str, ...]
    info: StepInfo
    code: code.Code
    notes: tuple[str, ...] = ()


def inspect_process(step: Step, process: Process, experiment: Experiment, path: list[str]) -> Inspected:
    """Look at a step without executing it. `path`: where modules are found, as `sys.path`."""
    root = experiment.root
    folder = placing.folder_of(process, root)
    problems = [*_problems(process, root, folder), *dict.fromkeys(_unknown(step, process, experiment))]
    programs = placing.named_by(process, root, folder)
    files = list(dict.fromkeys(program.file for program in programs if program.file is not None))
    try:
        found = code.of_programs(root, path, programs, step.code)
        info = _info(step, process, experiment, files, [root / file for file in found.files])
    except OSError as error:
        return Inspected((*problems, f"{error.filename} cannot be read: {error.strerror}"), StepInfo(call=step.call), code.Code())
    return Inspected(tuple(problems), info, found, tuple(_uncounted(step, experiment, found)))


def _uncounted(step: Step, experiment: Experiment, found: code.Code) -> Iterator[str]:
    """What is to be said where nothing of the project counts, and nobody has said what does instead."""
    if not (found.files or experiment.data or step.version is not None or step.code is CodePolicy.OFF):
        yield f"no source of the project counts for the command `{step.call}`: name its files in `data` or raise `version`"


def _problems(process: Process, root: Path, folder: Path) -> Iterator[str]:
    if next(templates.names(process.cwd), None):
        folder = root  # it is known when a run executes
    elif not folder.is_dir():
        folders = [entry.name for entry in root.iterdir() if entry.is_dir()]
        problem = "is not a folder" if folder.exists() else "does not exist"
        yield f"its cwd {folder} {problem}; {did_you_mean(process.cwd, folders, 'folders')}"
        return
    if process.script:
        yield from _script_problems(process, root, folder)
    elif not isinstance(process.command, str):
        yield from _program_problems(process.command[0], folder, dict(process.env))


def _script_problems(process: Process, root: Path, folder: Path) -> Iterator[str]:
    file = placing.script_of(process, root, folder)
    if not file.is_file():
        parent = file.parent
        names = [entry.name for entry in parent.iterdir() if entry.suffix == ".py"] if parent.is_dir() else []
        close = nearest(file.name, names)
        hint = f"; did you mean `{os.path.relpath(parent / close, root)}`?" if close else ""
        yield f"there is no script {file}{hint}" if not file.exists() else f"{file} is not a file"
    elif file.suffix not in (".py", ".pyw", ""):
        yield f"{process.script} is not a Python script; write {{command: [sh, {process.script}]}} or the like"
    if placing.interpreter_of(process, root) is None:
        yield f"there is no interpreter `{process.python}`"


def _program_problems(program: str, folder: Path, env: Mapping[str, str | None]) -> Iterator[str]:
    if next(templates.names([program, env.get("PATH")]), None):
        return
    found = folder / program if "/" in program else shutil.which(program, path=env.get("PATH"))
    if found is None or (isinstance(found, Path) and not os.access(found, os.X_OK)):
        yield f"there is no program `{program}`"


def _unknown(step: Step, process: Process, experiment: Experiment) -> Iterator[str]:
    """Templates that name nothing, in any grid."""
    for variant in experiment.variants:
        for grid in variant.grids:
            axes = _axes(grid, experiment)
            kwargs = {**variant.kwargs, **step.kwargs}
            for name, where in _mentioned(process):
                section, _, rest = name.partition(".")
                if not _is_known(section, rest, axes, kwargs):
                    choices = {"params": axes, "kwargs": [*kwargs, *axes], "run": templates.RUN}[section]
                    yield f"{where}: there is no `{name}`; {did_you_mean(rest, choices, f'{section} has')}"


def _mentioned(process: Process) -> Iterator[tuple[str, str]]:
    """(name, key) of the templates."""
    parts: dict[str, Any] = {"command": process.command, "cwd": process.cwd, "metrics_file": process.metrics_file}
    if isinstance(process.args, tuple):
        pairs = [pair if isinstance(pair, tuple) else ("", pair) for pair in process.args]
        parts.update({f"args.{flag}" if flag else f"args[{n}]": value for n, (flag, value) in enumerate(pairs)})
    parts.update({f"env.{name}": value for name, value in process.env})
    for where, value in parts.items():
        yield from ((name, where) for name in templates.names(value))


def _is_known(section: str, name: str, axes: list[str], kwargs: Mapping[str, Any]) -> bool:
    if section == "run":
        return name in templates.RUN
    return _reached(name, axes) or (section == "kwargs" and _held(name, kwargs))


def _reached(name: str, axes: list[str]) -> bool:
    """Whether it is an axis, holds axes, or lies in the value of one."""
    return any(axis == name or axis.startswith(f"{name}.") or name.startswith(f"{axis}.") for axis in axes)


def _held(name: str, tree: Mapping[str, Any]) -> bool:
    head, dot, rest = name.partition(".")
    if name in tree or not dot:
        return name in tree
    return isinstance(inner := tree.get(head), Mapping) and _held(rest, inner)


def _info(step: Step, process: Process, experiment: Experiment, files: list[Path], imported: list[Path]) -> StepInfo:
    taken = {name.partition(".")[2].partition(".")[0]: where for name, where in _mentioned(process) if not name.startswith("run.")}
    sources = [file.read_bytes() for file in files]
    others = [file.read_bytes() for file in imported]
    looks = any(map(_LOOKS.search, [*sources, *others, repr((process.command, process.env)).encode()]))
    if not process.script and not taken and process.args == ():
        looks = True  # what it starts may read the environment; nobody can see from here
    if process.args == "params":
        grids = [grid for variant in experiment.variants for grid in variant.grids]
        taken.update((name.partition(".")[0], f"args.--{name}") for grid in grids for name in _axes(grid, experiment))
    return StepInfo(
        call=step.call,
        doc=_docstring(sources[0]) if process.script and sources else "",
        sees_all=looks or process.args == "all",
        parameters=tuple(Parameter(name=name, doc=where) for name, where in taken.items()),
    )


def _axes(grid: Grid, experiment: Experiment) -> list[str]:
    return [*axis_names(grid), *([REPLICATE] if experiment.replicates is not None else [])]


def _docstring(source: bytes) -> str:
    try:
        doc = ast.get_docstring(ast.parse(source)) or ""
    except (SyntaxError, ValueError, RecursionError):
        return ""
    return doc.split("\n\n")[0].replace("\n", " ")
