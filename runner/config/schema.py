"""The typed, closed schema of an experiment file, as structured configs with every default.

Scalars whose cast could lose something (OmegaConf turns 1.5 into the integer 1 without a word) are declared `Any` here and
checked in `runner.config.build`, which refuses what does not fit and names the key.
"""

from dataclasses import asdict, dataclass, field, fields, is_dataclass
from typing import Any


@dataclass
class StepSchema:
    """One entry of `steps`, when it is a mapping."""

    call: Any = None
    script: Any = None
    command: Any = None
    name: Any = None
    kwargs: dict[str, Any] = field(default_factory=dict)
    timeout: Any = None
    max_memory: Any = None
    retries: Any = 0
    backoff: Any = None
    backoff_max: Any = 60
    retry_on: Any = None
    version: Any = None
    code: Any = "closure"
    cache: Any = True
    args: Any = None
    cwd: Any = None
    env: Any = None
    outputs: Any = None
    scalars: Any = False
    metrics_file: Any = None
    python: Any = None


@dataclass
class ResultsSchema:
    """`results`: what the table must look like and what it holds."""

    schema: Any = None
    columns: Any = None


@dataclass
class TrackingSchema:
    """`tracking`: how runs are tracked."""

    strict: Any = False
    max_log: Any = 10_000_000
    show_output: Any = None
    system_seconds: Any = 10


@dataclass
class ExecutorSchema:
    """`executor`: who executes the runs."""

    name: Any = "local"
    workers: Any = "auto"
    start: Any = "forkserver"


@dataclass
class RequireSchema:
    """`provenance.require`: what must hold before run 1."""

    git: Any = None
    data: Any = None


@dataclass
class ProvenanceSchema:
    """`provenance`."""

    require: RequireSchema = field(default_factory=RequireSchema)


@dataclass
class IdentitySchema:
    """`identity`: what else belongs to the identity of runs."""

    packages: Any = field(default_factory=list)


@dataclass
class CheckpointSchema:
    """`checkpoint`, when it is a mapping."""

    exclude: Any = field(default_factory=list)
    keep: Any = False


@dataclass
class SecretsSchema:
    """`secrets`."""

    public: Any = field(default_factory=list)


@dataclass
class ExperimentSchema:
    """The top level of an experiment file; any other key is an error, unless a config group brings it."""

    name: Any = None
    description: Any = ""
    tags: Any = field(default_factory=list)
    kwargs: Any = field(default_factory=dict)
    params: Any = field(default_factory=dict)
    steps: Any = field(default_factory=list)
    seed: Any = 0
    replicates: Any = None
    data: Any = field(default_factory=list)
    ignore: Any = field(default_factory=list)
    default_ids: Any = field(default_factory=dict)
    identity: IdentitySchema = field(default_factory=IdentitySchema)
    results: ResultsSchema = field(default_factory=ResultsSchema)
    checks: Any = field(default_factory=list)
    tracking: TrackingSchema = field(default_factory=TrackingSchema)
    executor: ExecutorSchema = field(default_factory=ExecutorSchema)
    on_error: Any = "continue"
    max_failures: Any = None
    checkpoint: Any = None
    provenance: ProvenanceSchema = field(default_factory=ProvenanceSchema)
    secrets: SecretsSchema = field(default_factory=SecretsSchema)


TOP_LEVEL = tuple(f.name for f in fields(ExperimentSchema))

LATER = {
    "search": "search on Optuna",
    "export": "xrun export",
    "store": "stores other than SQLite",
    "resources": "shared resources",
}
"""Keys that the design reserves and this version does not act on: refused, so that nobody trusts what is not there."""


ABSENT = object()
"""What `default_of` gives for a key that the schema does not know."""


def default_of(key: str) -> Any:
    """The default of a dotted key, as plain data."""
    value: Any = asdict(ExperimentSchema())
    for part in key.split("."):
        if not isinstance(value, dict) or part not in value:
            return ABSENT
        value = value[part]
    return value


def keys_of(schema: type) -> tuple[str, ...]:
    """Names of the keys that a schema class knows."""
    return tuple(f.name for f in fields(schema))


def section(name: str) -> type | None:
    """The schema class of a top-level key that is a closed mapping, or None where its content is free."""
    kind = next((f.type for f in fields(ExperimentSchema) if f.name == name), None)
    return kind if isinstance(kind, type) and is_dataclass(kind) else None
