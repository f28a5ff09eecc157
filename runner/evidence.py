"""What the identity of an invocation's runs was made of, beyond the point: kept so that `xrun why` and `xrun plan` can say what differs."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from runner import codec, identity
from runner.codec import printable
from runner.plan import Plan
from runner.secret import labelled


@dataclass(frozen=True, kw_only=True, slots=True)
class StepEvidence:
    """One step."""

    name: str
    told: Mapping[str, Any]
    """What of its declaration counts, with its code digest (`identity.of_step`)."""
    policy: str
    """`closure`, `module` or `off`."""
    files: Mapping[str, str] = field(default_factory=dict)
    """The sources that its digest counts: path below the project root -> SHA-256."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Evidence:
    """All of it."""

    root: str = ""
    """The project's root; "" where it is not known. It makes no identity: results of one project are those of a copy of it as well."""
    seed: int = 0
    data: Mapping[str, str] = field(default_factory=dict)
    """Declared path -> content hash."""
    seen: Mapping[str, str] = field(default_factory=dict)
    """Declared path -> what `stat` said of its files when they were hashed (`provenance.data.look`)."""
    packages: Mapping[str, str] = field(default_factory=dict)
    ignore: tuple[str, ...] = ()
    default_ids: Mapping[str, Any] = field(default_factory=dict)
    steps: tuple[StepEvidence, ...] = ()

    @property
    def files(self) -> dict[str, str]:
        """The sources of all steps."""
        return {path: digest for step in self.steps for path, digest in step.files.items()}

    def dumps(self) -> str:
        """As JSON text."""
        return codec.dumps(asdict(self))


def loads(text: str) -> Evidence | None:
    """What `Evidence.dumps` made; None for what it did not make."""
    try:
        tree = codec.loads(text)
        steps = tuple(StepEvidence(**step) for step in tree.pop("steps"))
        return Evidence(**{**tree, "ignore": tuple(tree["ignore"])}, steps=steps)
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


def of(plan: Plan, seen: Mapping[str, str] | None = None) -> Evidence:
    """The evidence of a plan; `seen` as in Evidence."""
    experiment = plan.experiment
    files = plan.files or ({},) * len(experiment.steps)
    return Evidence(
        root=printable(str(experiment.root)),
        seed=experiment.seed,
        data=dict(plan.data),
        seen=dict(seen or {}),
        packages=dict(plan.packages),
        ignore=tuple(sorted(experiment.ignore)),
        default_ids=dict(experiment.default_ids),
        steps=tuple(
            StepEvidence(name=step.name, told=labelled(identity.of_step(step, code)), policy=step.code.value, files=dict(own))
            for step, code, own in zip(experiment.steps, plan.code, files, strict=True)
        ),
    )
