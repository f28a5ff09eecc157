"""Which runs are executed that the store knows the end of. By default: those that did not complete."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from runner import codec
from runner.errors import UsageError
from runner.plan import Plan, Run
from runner.record import Record, Status
from runner.selectors import Names, Row
from runner.selectors.row import flat
from runner.suggest import did_you_mean
from runner.where import Condition

_FAILED = (Status.FAILED, Status.CRASHED, Status.TIMED_OUT)


@dataclass(frozen=True, kw_only=True, slots=True)
class Rerun:
    """What is asked for."""

    force: bool = False
    """Execute what is COMPLETED as well."""
    where: Condition | None = None
    """Execute what is COMPLETED as well and satisfies this: params, kwargs, and what can be said of a run itself (`seconds`, `started`)."""
    step: str = ""
    """Name of the step from which on COMPLETED runs are executed again; empty: from the start."""
    retry_failed: bool = True
    """Execute again what failed, crashed or timed out; else it stays as it is."""


class Choice:
    """A Rerun for one plan."""

    def __init__(self, asked: Rerun, plan: Plan) -> None:
        """Raises UsageError for a step or a name that the plan does not have."""
        names = [step.name for step in plan.experiment.steps]
        if asked.step and asked.step not in names:
            hint = did_you_mean(asked.step, names, "steps")
            raise UsageError(f"--force-from: {plan.experiment.name} has no step `{asked.step}`\n  {hint}")
        self._plan, self._asked = plan, asked
        self._from = names.index(asked.step) if asked.step else 0
        """Steps that a run which is executed again may take over."""
        self._test: Callable[[Row], bool] | None = None
        if asked.where is not None:
            kwargs = frozenset(name for scope in plan.scopes for name in flat(dict(scope), "kwargs."))
            self._test = asked.where.bind(Names(params=frozenset(plan.axes), kwargs=kwargs))
        self.everything = (asked.force or bool(asked.step)) and asked.where is None
        """Whether no run is left as it is."""

    @property
    def taken_over(self) -> int:
        """How many first steps a run that is executed again takes over at most."""
        return self._from

    def stands(self, run: Run, record: Record) -> bool:
        """Whether the run is left as this record of it says."""
        if not record.status.ok:
            return record.status in _FAILED and not self._asked.retry_failed and not self.everything
        if self._test is None:
            return not self.everything
        known = replace(record, params_json=codec.dumps(run.params), kwargs_json=self._plan.kwargs_json(run))
        return not self._test(Row(known, {}))
