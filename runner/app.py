"""The way of the data, whole: one experiment from its declaration to its published table. The command line and Python share it."""

import os
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from runner import executors, plan, results, stores, table
from runner.beside import Helper
from runner.console import Console, Watch, summary
from runner.errors import PlanError
from runner.execute import Stop, execute
from runner.executors.base import Executor
from runner.plan import Plan
from runner.provenance import data as data_provenance
from runner.provenance import environment
from runner.provenance import git as git_provenance
from runner.record import DataState, GitState, Provenance, Record
from runner.results import Tabulated, Tally
from runner.spec import Experiment
from runner.steps import Inspection, inspect_steps
from runner.worker import Job
from runner.workspace import Lock, Workspace


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """What of the command line is not the experiment."""

    force: bool = False
    argv: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    """What one invocation made of one experiment."""

    experiment: str
    plan: Plan
    folder: Path
    """`results/<experiment>`."""
    tally: Tally
    table: Tabulated
    stopped: int = 0
    """The signal that ended it early, or 0."""
    seconds: float = 0.0

    @property
    def exit_code(self) -> int:
        """0 all completed and the table valid, 1 not, 128 + signal when it was interrupted."""
        if self.stopped:
            return 128 + self.stopped
        return 1 if self.tally.unsuccessful or self.table.violations else 0


@dataclass(slots=True)
class _GitState:
    """The state of the repository, found out beside the work."""

    root: Path
    found: GitState | None = None
    error: BaseException | None = None
    thread: threading.Thread = field(init=False)

    def __post_init__(self) -> None:
        self.thread = threading.Thread(target=self._find, daemon=True)
        self.thread.start()

    def _find(self) -> None:
        try:
            self.found = git_provenance.state(self.root)
        except BaseException as error:  # noqa: BLE001 - raised again by `get`
            self.error = error

    def get(self) -> GitState | None:
        self.thread.join()
        if self.error is not None:
            raise self.error
        return self.found


def data_states(experiment: Experiment, workspace: Workspace) -> tuple[DataState, ...]:
    """The declared data. Raises MissingDataError, or DirtyError where `provenance.require` says so."""
    if not experiment.data:
        return ()
    states = data_provenance.states(experiment.root, experiment.data, cache=workspace.hashes if workspace.folder.is_dir() else None)
    data_provenance.require_present(states, experiment.root)
    if experiment.provenance.data_clean:
        data_provenance.require_clean(states)
    return states


def expand(experiment: Experiment, inspection: Inspection, states: tuple[DataState, ...]) -> Plan:
    """The plan. Raises PlanError with everything that is wrong, before anything ran or was written."""
    if inspection.problems:
        raise PlanError(list(inspection.problems))
    return plan.expand(experiment, inspection.code, {state.path: state.actual or "" for state in states})


def plan_only(experiment: Experiment, workspace: Workspace) -> Plan:
    """The plan without an executor: steps are imported here. Nothing is executed, nothing is written."""
    table.check_schema_quick(experiment.results.schema)
    return expand(experiment, inspect_steps(experiment), data_states(experiment, workspace))


def run(experiment: Experiment, workspace: Workspace, options: Options, console: Console, stop: Stop, helper: Helper) -> Result:
    """Execute what is missing, then build, validate and publish the table."""
    begun = time.monotonic()
    Lock.probe(workspace, experiment.name)
    table.check_schema_quick(experiment.results.schema)
    schema_checked = helper.begin(results.check_schema, experiment.root, experiment.results.schema)
    git = _GitState(experiment.root)
    executor = executors.open(experiment)
    try:
        inspection = executor.inspect(experiment)
        states = data_states(experiment, workspace)
        planned = expand(experiment, inspection, states)
        schema_checked()
        if experiment.provenance.git_clean:
            git_provenance.require_clean(git.get())
        lock = Lock(workspace, experiment.name)
        try:
            watch, provenance, epoch = _execute(planned, executor, workspace, options, console, stop, git, states)
            folder = workspace.results / experiment.name
            made = helper.call(results.tabulate, replace(planned, experiment=replace(experiment, launch=None)), workspace.store, folder)
            results.publish(planned, folder, made, watch.tally(), provenance, epoch)
        finally:
            lock.release()
    finally:
        executor.close()
    seconds = time.monotonic() - begun
    result = Result(
        experiment=experiment.name, plan=planned, folder=folder, tally=watch.tally(), table=made, stopped=stop.signal, seconds=seconds
    )
    show(result, watch, console)
    return result


def _execute(
    planned: Plan,
    executor: Executor,
    workspace: Workspace,
    options: Options,
    console: Console,
    stop: Stop,
    git: _GitState,
    states: tuple[DataState, ...],
) -> tuple[Watch, Provenance, int]:
    experiment = planned.experiment
    store = stores.open(workspace.store)
    try:
        epoch = store.begin(experiment.name, time.time())
        executor.start(job(planned, workspace))
        watch = Watch(total=len(planned))
        records: Iterator[Record] = execute(planned, executor, store, epoch=epoch, stop=stop, force=options.force)
        described = False
        for _ in console.progress(records, watch, experiment.name):
            if not described and not git.thread.is_alive():  # early, so that also a sweep that is killed has its provenance
                store.describe(epoch, environment.provenance(git=git.get(), data=states, argv=options.argv))
                described = True
        provenance = environment.provenance(git=git.get(), data=states, argv=options.argv)
        store.describe(epoch, provenance)
    finally:
        store.close()
    return watch, provenance, epoch


def job(planned: Plan, workspace: Workspace) -> Job:
    """What the workers are told once."""
    experiment = planned.experiment
    return Job(
        experiment=experiment.name,
        root=experiment.root,
        steps=experiment.steps,
        scopes=planned.scopes,
        choices=frozenset(name for variant in experiment.variants for name in variant.choices),
        folders=workspace.artifacts,
        meta={"xrun_pid": os.getpid()},
    )


def show(result: Result, watch: Watch, console: Console) -> None:
    """The end of a run, for people."""
    console.table(result.table)
    console.failures(watch)
    console.violations(result.table)
    console.say(("\n" if watch.total else "") + summary(watch, result.experiment, result.seconds))
    if not result.stopped:
        console.say(f"{_shown(result.folder)}/table.csv  table.parquet  manifest.json  experiment.yaml")


def _shown(path: Path) -> str:
    """A path as short as it can be said from here."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def told(result: Result) -> dict[str, Any]:
    """A result for programs (`--json`)."""
    return {
        "experiment": result.experiment,
        "exit_code": result.exit_code,
        "runs": len(result.plan),
        "counts": dict(result.tally.counts),
        "cached": result.tally.cached,
        "seconds": round(result.seconds, 3),
        "folder": str(result.folder),
        "table": {
            "digest": result.table.digest,
            "rows": result.table.rows,
            "columns": dict(result.table.columns),
            "violations": [asdict(violation) for violation in result.table.violations],
        },
        "unsuccessful": [
            {"id_run": r.id_run, "status": r.status.value, "params": r.params, "failure": asdict(r.failure) if r.failure else None}
            for r in result.tally.unsuccessful
        ],
    }
