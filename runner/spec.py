"""The declared side: what an experiment file and the command line ask for, as frozen values.

`runner.config` is the only maker of an Experiment; everything below it may rely on every field being valid.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal, Protocol, TypeAlias

from runner.mask import NOTHING, Mask

NAME = r"[A-Za-z0-9_][A-Za-z0-9_.\-]{0,99}"
"""Names of experiments, as a regular expression: they are names of folders."""
REPLICATE = "replicate"
"""The axis that `replicates` makes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Axis:
    """One variable parameter and the values that it takes, in order."""

    name: str
    """Dotted where it is nested: `optimizer.lr`."""
    values: tuple[Any, ...]
    """At least one; plain data (None, bool, int, float, str, list, dict)."""
    role: Literal["param", "choice"] = "param"
    """`choice`: a config group that the command line chose; its values are the names of the options."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Zip:
    """Axes of equal length that advance together."""

    axes: tuple[Axis, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Grid:
    """A product of factors, in the declared order, the last one fastest."""

    factors: tuple[Axis | Zip, ...] = ()
    exclude: tuple[Mapping[str, Any], ...] = ()
    """Points that match every entry of one of these are dropped."""

    @property
    def axes(self) -> tuple[Axis, ...]:
        """All axes in order, zipped ones included."""
        return tuple(axis for factor in self.factors for axis in (factor.axes if isinstance(factor, Zip) else (factor,)))


class CodePolicy(StrEnum):
    """Which source files belong to a step's identity."""

    CLOSURE = "closure"
    MODULE = "module"
    OFF = "off"


Arguments: TypeAlias = tuple[tuple[str, Any], ...] | tuple[str, ...] | Literal["params", "all"]
"""(flag, value) pairs; words; every axis; every axis and kwarg."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Process:
    """What a step that is a script or a command has besides a Step's options.

    `${params.X}`, `${kwargs.X}` and `${run.X}` in `command`, `args`, `cwd`, `env` and `metrics_file` stand for the values at the point
    (`runner.templates`).
    """

    script: str = ""
    """Path of a Python file, relative to `cwd` if it is there, else to the project root; empty: a command."""
    command: str | tuple[str, ...] = ""
    """Text for `/bin/sh -c`, or words that are executed without a shell; empty: a script."""
    args: Arguments = ()
    cwd: str = ""
    """Relative to the project root, which it is when empty."""
    env: tuple[tuple[str, str | None], ...] = ()
    """Variables on top of the environment that xrun has; None: the variable is taken away."""
    outputs: str = ""
    """A folder, relative to the working directory, that is each run's own; empty: none."""
    scalars: str | bool = False
    """Which lines of stdout are metrics: True for `key: value`, or a regular expression with the groups key, value and maybe step."""
    metrics_file: str = ""
    """A JSON or JSON Lines file with metrics that the process writes, relative to the working directory; empty: none."""
    python: str = ""
    """The interpreter of a script; empty: the one that runs xrun."""

    @property
    def identifying(self) -> Mapping[str, Any]:
        """What of it changes results and was said, as plain data; the interpreter is the environment's. What comes later changes no id."""
        command = self.command if isinstance(self.command, str) else list(self.command)
        args = self.args if isinstance(self.args, str) else [list(word) if isinstance(word, tuple) else word for word in self.args]
        told = {
            "script": self.script,
            "command": command,
            "args": args,
            "cwd": self.cwd,
            "env": dict(self.env),
            "outputs": self.outputs,
            "scalars": self.scalars,
            "metrics_file": self.metrics_file,
        }
        return {name: value for name, value in told.items() if value}


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """What a run does, one thing after the other: a function, a script or a command, with its options."""

    call: str
    """`pkg.module.function` or `pkg.module:function`; of a script its path, of a command its text."""
    name: str
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    """Arguments of this step alone; they win over the experiment's kwargs."""
    timeout: float | None = None
    """Seconds of wall time; None: no limit."""
    max_memory: int | None = None
    """Bytes of resident memory of the step's process and of those that it starts; None: no limit."""
    retries: int = 0
    """How often a run that failed in this step is tried again."""
    backoff: float = 0.0
    """Seconds before the first retry; each further one waits twice as long."""
    backoff_max: float = 60.0
    """Seconds that a retry waits at most."""
    retry_on: tuple[str, ...] = ()
    """Failures that are worth a retry: statuses, kinds, or the last parts of kinds; empty: all of them."""
    version: int | None = None
    """Raised by hand to make old results stale."""
    code: CodePolicy = CodePolicy.CLOSURE
    cache: bool = True
    process: Process | None = None
    """None: a function."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ResultsSpec:
    """What the result table must look like."""

    schema: Mapping[str, Any] | str | None = None
    """pandera's YAML vocabulary as a mapping, a dotted path to a DataFrameModel or schema, or nothing."""
    columns: tuple[tuple[str, str], ...] = ()
    """(column, selector) of what the table holds; empty: not given, every param and field."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TrackingSpec:
    """How runs are tracked."""

    strict: bool = False
    """Whether a log call that cannot keep what it is given (a full disk) raises in the step; else it is told once and counted."""
    max_log: int = 10_000_000
    """Bytes of each standard stream that a run keeps: the beginning and the end of more."""
    show_output: bool | None = None
    """Whether what runs print is shown while they run; None: as the terminal and the executor suggest."""
    system_seconds: float | None = 10.0
    """Seconds between two samples of CPU and memory; None: none are taken."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckpointSpec:
    """Whose `run.checkpoint` is, and how long it is kept."""

    keep: bool = False
    """Whether it outlives the run; else it goes when the run is COMPLETED."""
    exclude: frozenset[str] = frozenset()
    """Axes and kwargs, dotted names: runs that differ in nothing else share one. Empty: each run has its own."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ExecutorSpec:
    """Which executor, how many workers, and options that only it knows."""

    name: str = "local"
    workers: int | None = None
    """None (`auto` in YAML): the number of CPUs that this process may use."""
    start: Literal["forkserver", "spawn"] = "forkserver"


@dataclass(frozen=True, kw_only=True, slots=True)
class ProvenanceSpec:
    """What must be true before run 1 (exit codes 65 and 66)."""

    git_clean: bool = False
    data_clean: bool = False


class OnError(StrEnum):
    """What a failed run means for the runs that have not started."""

    CONTINUE = "continue"
    STOP = "stop"


class KwargsAt(Protocol):
    """The kwargs of one run, where they refer to the point (`kwargs: {M: ${params.N}}`)."""

    def __call__(self, point: Mapping[str, Any], /) -> Mapping[str, Any]:
        """The kwargs at a point."""
        ...


class Launch(Protocol):
    """A Hydra launcher plugin as a way to call a function n times somewhere."""

    def __call__(self, task: Callable[[int], Any], count: int, /) -> list[Any]:
        """[task(0), ..., task(count - 1)]."""
        ...


class Sweep(Protocol):
    """A Hydra sweeper plugin as a way to choose points."""

    def __call__(self, objective: Callable[[tuple[str, ...]], float | None], /) -> None:
        """Call `objective` with the overrides of each job that the plugin wants; its value guides the plugin."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Variant:
    """One composition of the config groups: its kwargs and its grids.

    An experiment has one, or one per combination of the groups that the command line sweeps.
    """

    choices: Mapping[str, str] = field(default_factory=dict)
    """Group -> option, for the groups that the command line chose; columns of the table."""
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    kwargs_at: KwargsAt | None = None
    """None when no kwarg refers to an axis, so that `kwargs` serves every run."""
    grids: tuple[Grid, ...] = (Grid(),)
    """Their union, in order; a point of an earlier grid is not repeated."""
    mask: Mask = NOTHING
    """What is secret in all of it and in the steps; there it stands as Secrets (`runner.secret`)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Experiment:
    """What the YAML and the overrides describe, complete and valid."""

    name: str
    description: str = ""
    tags: tuple[str, ...] = ()
    steps: tuple[Step, ...]
    variants: tuple[Variant, ...]
    seed: int = 0
    replicates: int | None = None
    """None: no `replicate` axis; n: the axis replicate = 0 .. n-1, fastest of all."""
    data: tuple[str, ...] = ()
    """Paths of DVC-tracked (or plain) files and folders, relative to `root`."""
    ignore: frozenset[str] = frozenset()
    """Names of kwargs that are left out of the identity."""
    default_ids: Mapping[str, Any] = field(default_factory=dict)
    """Dotted name of a kwarg or axis -> the value at which a run has the id that it has without it."""
    packages: tuple[str, ...] = ()
    """Distributions whose installed versions belong to the identity (`identity.packages`); normalised names, sorted."""
    results: ResultsSpec = field(default_factory=ResultsSpec)
    checks: tuple[Mapping[str, Any], ...] = ()
    """What the results must be like, as declared; `runner.checks.read` understands it."""
    tracking: TrackingSpec = field(default_factory=TrackingSpec)
    executor: ExecutorSpec = field(default_factory=ExecutorSpec)
    launch: Launch | None = None
    """The Hydra launcher that takes the executor's place, where the command line names one."""
    sweep: Sweep | None = None
    """The Hydra sweeper that chooses the points, where the command line names one; then the grids are not the plan."""
    on_error: OnError = OnError.CONTINUE
    max_failures: int | None = None
    """After so many runs that did not complete nothing more starts; None: no limit."""
    checkpoint: CheckpointSpec = field(default_factory=CheckpointSpec)
    provenance: ProvenanceSpec = field(default_factory=ProvenanceSpec)
    step_packages: tuple[str, ...] = ()
    """Packages that steps may be taken from though they are none of the user's (`runner.steps.foreign`)."""
    root: Path
    """The project root: the folder that holds the config directory; steps are imported from it."""
    yaml: str
    """The composed config as YAML, interpolations to the environment unresolved: `results/<name>/experiment.yaml`."""
    overrides: tuple[str, ...] = ()
    """The command line's overrides, as they were given."""
    mask: Mask = NOTHING
    """What is secret in its variants and steps."""
    locate: Callable[[str], str] | None = field(default=None, compare=False, repr=False)
    """Key path -> the file that sets it, or `command line`, for errors that are found later; None: nobody knows."""
