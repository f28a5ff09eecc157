"""The way of the data, whole: one experiment from its declaration to its published table. The command line and Python share it."""

import os
import signal
import threading
import time
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from runner import checkpoint, checks, chosen, codec, executors, plan, report, results, stores, table
from runner.beside import Helper
from runner.claims import Claims
from runner.config.load import Request, load, union
from runner.console import Console, summary
from runner.errors import PlanError
from runner.execute import execute
from runner.executors.base import Executor
from runner.executors.local import Local
from runner.plan import Plan
from runner.provenance import data as data_provenance
from runner.provenance import environment
from runner.provenance import git as git_provenance
from runner.record import DataState, GitState, Provenance
from runner.rerun import Rerun
from runner.results import Tabulated, Tally
from runner.spec import CodePolicy, Experiment
from runner.steps import Inspection, inspect_steps
from runner.steps.loading import Expected
from runner.stop import Stop
from runner.trust import Standing
from runner.watch import Watch
from runner.worker import Job
from runner.workspace import Lock, Workspace

TRY_AGAIN = 75
"""EX_TEMPFAIL of sysexits.h."""
REQUEUED = (signal.SIGTERM, signal.SIGUSR2)
"""What a cluster sends to a job that it takes the machine from."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Invocation:
    """One call of xrun: what is the same for all of its experiments."""

    argv: tuple[str, ...] = ()
    rerun: Rerun = field(default_factory=Rerun)
    """What is executed though the store has it."""
    requeueable: bool = False
    """Somebody starts the same command again after SIGTERM and SIGUSR2, if the exit code says so."""
    show_output: bool | None = None
    """Show what runs print while they execute; None: as the experiment says, which is for a plan of one run by default."""
    console: Console
    stop: Stop
    helper: Helper


@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    """What one invocation made of one experiment."""

    experiment: str
    plan: Plan
    folder: Path
    """`results/<experiment>`."""
    tally: Tally
    table: Tabulated
    verdicts: tuple[checks.Verdict, ...] = ()
    """Of the checks that need no baseline."""
    stopped: int = 0
    """The signal that ended it early, or 0."""
    again: bool = False
    """Whether that signal means that the same command is to be started again."""
    reason: str = ""
    """What made it start nothing more, if a signal did not: `on_error`, `max_failures`."""
    seconds: float = 0.0

    @property
    def exit_code(self) -> int:
        """0 all completed, the table valid and the checks kept, 1 not, 128 + signal when interrupted, 75 where that means: once more."""
        if self.stopped:
            if self.again:
                return TRY_AGAIN
            return 128 + self.stopped
        breached = any(verdict.outcome is checks.Outcome.FAIL for verdict in self.verdicts)
        return 1 if self.tally.unsuccessful or self.table.violations or breached else 0


class _Evidence:
    """Where the results will come from, found out beside the work: git's part in a thread of its own."""

    def __init__(self, root: Path, argv: tuple[str, ...], data: tuple[str, ...]) -> None:
        self._root, self._argv = root, argv
        self.watch = data_provenance.Watch(root, data)
        self._git: GitState | None = None
        self._error: BaseException | None = None
        self.data: tuple[DataState, ...] = ()
        self._thread = threading.Thread(target=self._find, daemon=True)
        self._thread.start()

    def _find(self) -> None:
        try:
            self._git = git_provenance.state(self._root)
        except BaseException as error:  # noqa: BLE001 - raised again by `git`
            self._error = error

    @property
    def ready(self) -> bool:
        """Whether `provenance` need not wait."""
        return not self._thread.is_alive()

    def git(self) -> GitState | None:
        """The state of the repository when the plan was made."""
        self._thread.join()
        if self._error is not None:
            raise self._error
        return self._git

    def provenance(self) -> Provenance:
        """All of it."""
        return environment.provenance(git=self.git(), data=self.data, argv=self._argv)


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
    hashes = {state.path: state.actual or "" for state in states}
    planned = plan.expand(experiment, inspection.code, hashes, environment.versions(experiment.packages))
    return replace(planned, files=inspection.files, exempt=inspection.exempt)


def plan_only(experiment: Experiment, workspace: Workspace) -> Plan:
    """The plan without an executor: steps are imported here. Nothing is executed, nothing is written."""
    table.check_schema_quick(experiment.results.schema)
    chosen.check(experiment.results.columns)
    checks.read(experiment.checks)
    planned = expand(experiment, inspect_steps(experiment), data_states(experiment, workspace))
    chosen.check(experiment.results.columns, planned.axes)
    return planned


def run(experiment: Experiment, workspace: Workspace, invocation: Invocation) -> Result:
    """Execute what is missing, then build, validate and publish the table."""
    begun = time.monotonic()
    Lock.probe(workspace, experiment.name)
    schema = experiment.results.schema
    table.check_schema_quick(schema)
    chosen.check(experiment.results.columns)
    checks.read(experiment.checks)
    schema_checked = invocation.helper.begin(results.check_schema, experiment.root, schema)
    executor = executors.open(experiment)
    try:
        evidence = _Evidence(experiment.root, invocation.argv, experiment.data)
        evidence.data = data_states(experiment, workspace)  # while the executor gets ready
        inspection = executor.inspect(experiment)
        planned = expand(experiment, inspection, evidence.data)
        chosen.check(experiment.results.columns, planned.axes)
        for note in inspection.notes:
            invocation.console.say(f"xrun: warning: {note}")
        schema_checked()
        if experiment.provenance.git_clean:
            git_provenance.require_clean(evidence.git())
        for option in ("timeout", "max_memory") if not isinstance(executor, Local) else ():
            if any(getattr(step, option) for step in experiment.steps):
                invocation.console.say(f"xrun: warning: `{option}` is enforced by the executor `local` alone; here it is not")
        lock = Lock(workspace, experiment.name)
        try:
            watch, epoch = _execute(planned, executor, workspace, invocation, evidence)
            folder = workspace.results / experiment.name
            facts = results.Facts(tally=watch.tally(), provenance=evidence.provenance(), epoch=epoch)
            made = invocation.helper.call(results.publish, _portable(planned), workspace.store, folder, facts)
        finally:
            lock.release()
    finally:
        executor.close()
    result = Result(
        experiment=experiment.name,
        plan=planned,
        folder=folder,
        tally=watch.tally(),
        table=made,
        verdicts=_checked(planned, workspace),
        stopped=invocation.stop.signal,
        again=invocation.requeueable and invocation.stop.signal in REQUEUED,
        reason=invocation.stop.reason,
        seconds=time.monotonic() - begun,
    )
    show(result, watch, invocation.console)
    return result


def sweep(experiment: Experiment, request: Request, workspace: Workspace, invocation: Invocation) -> Result:
    """Let a Hydra sweeper choose the points: each of its jobs is run and told by its objective; the table shows all of them.

    The objective is the mean, over the job's runs, of the field `objective`, or else of the only field that is a number.
    """
    jobs: dict[tuple[str, ...], Request] = {}
    silent = replace(invocation, console=Console(quiet=True))

    def objective(overrides: tuple[str, ...]) -> float | None:
        jobs[overrides] = replace(request, overrides=overrides)
        (job,) = load(jobs[overrides])
        made = run(job, workspace, silent)
        if made.stopped:
            raise KeyboardInterrupt(made.stopped)
        return _objective(made, workspace)

    if experiment.sweep is not None:
        experiment.sweep(objective)
    return run(replace(union(list(jobs.values())), overrides=request.overrides), workspace, invocation)


def _objective(made: Result, workspace: Workspace) -> float | None:
    reader = stores.read(workspace.store)
    try:
        texts = reader.results([run.id_run for run in made.plan]).values()
    finally:
        reader.close()
    found = [{name: value for name, value in codec.loads(text).items() if type(value) in (int, float)} for text in texts]
    names = {name for fields in found for name in fields}
    name = "objective" if "objective" in names else names.pop() if len(names) == 1 else None
    values = [fields[name] for fields in found if name in fields]
    return sum(values) / len(values) if values else None


def _checked(planned: Plan, workspace: Workspace) -> tuple[checks.Verdict, ...]:
    """The verdicts of the checks that need no baseline, on the completed runs of the plan."""
    declared = planned.experiment.checks
    if not declared:
        return ()
    reader = stores.read(workspace.store)
    try:
        return checks.absolute(declared, chosen.rows([run.id_run for run in planned], reader))
    finally:
        reader.close()


def _portable(planned: Plan) -> Plan:
    """The plan as it can go to another process: without the launcher, which holds half of Hydra."""
    return replace(planned, experiment=replace(planned.experiment, launch=None, sweep=None))


def _execute(planned: Plan, executor: Executor, workspace: Workspace, invocation: Invocation, evidence: _Evidence) -> tuple[Watch, int]:
    """Execute the plan while people watch; returns what was seen, and the number under which the store knows this invocation."""
    store = stores.open(workspace.store)
    watch = Watch(total=len(planned))
    claims: Claims | None = None
    name = planned.experiment.name
    try:
        epoch = store.begin(name, time.time())
        standing = Standing(store, planned, evidence.watch, evidence.data)
        standing.begin(epoch)
        executor.start(job(planned, workspace))
        claims = _claims(workspace, always=not isinstance(executor, Local))
        records = execute(planned, executor, store, epoch=epoch, stop=invocation.stop, rerun=invocation.rerun, claims=claims)
        if not planned.experiment.checkpoint.keep:
            records = checkpoint.cleared(records, checkpoint.place(workspace.artifacts))
        described = False
        output = invocation.show_output if invocation.show_output is not None else planned.experiment.tracking.show_output
        for _ in invocation.console.progress(records, watch, name, output=len(planned) == 1 if output is None else output):
            if not described and evidence.ready:  # early, so that a sweep that is killed has its provenance as well
                store.describe(epoch, evidence.provenance())
                described = True
            standing.look()
        if not described:
            store.describe(epoch, evidence.provenance())
        store.append(())  # nobody else has taken over meanwhile, so that the results are this invocation's to publish
        if trouble := standing.end():
            invocation.console.say(f"xrun: warning: {trouble}")
    finally:
        store.close()
        if claims is not None:
            claims.close()
    return watch, epoch


def _claims(workspace: Workspace, *, always: bool) -> Claims | None:
    """None where the file system has no locks: there two processes may execute the same run, which does no harm."""
    try:
        return Claims(workspace.folder / "locks", always=always)
    except OSError:
        return None


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
        strict=experiment.tracking.strict,
        max_log=experiment.tracking.max_log,
        system_seconds=experiment.tracking.system_seconds,
        sources=_sources(planned, workspace),
        sharing=checkpoint.Sharing.of(planned),
    )


def _sources(planned: Plan, workspace: Workspace) -> Expected:
    """What the workers hold the sources against that they execute."""
    experiment = planned.experiment
    return Expected(
        root=experiment.root,
        steps=planned.files,
        scripts=frozenset(k for k, step in enumerate(experiment.steps) if step.process is not None),
        open_ended=any(step.code is CodePolicy.CLOSURE for step in experiment.steps),
        exempt=frozenset(planned.exempt),
        aside=(workspace.folder, workspace.results),
    )


def show(result: Result, watch: Watch, console: Console) -> None:
    """The end of a run, for people."""
    console.table(result.table)
    console.failures(watch)
    console.violations(result.table)
    for verdict in result.verdicts:
        if verdict.outcome is not checks.Outcome.PASS:
            print(f"\ncheck: {report.outcome(verdict)}: {report.sentence(verdict)}", file=console.err)
    console.troubles(watch)
    for note in result.table.notes:
        console.say(f"xrun: warning: {note}")
    if result.reason and watch.seen < watch.total:
        console.say(f"xrun: {result.reason}: nothing more was started; {watch.total - watch.seen:,} runs have not been executed")
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
