"""The way of the data, whole: one experiment from its declaration to its published table. The command line and Python share it."""

import os
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace

from runner import account, checkpoint, checks, chosen, executors, plan, results, stores, table
from runner.claims import Claims
from runner.config.reader import located
from runner.errors import PlanError
from runner.execute import execute
from runner.executors.base import Executor
from runner.invocation import REQUEUED, Invocation, Result
from runner.lock import Lock
from runner.plan import Plan
from runner.provenance import data as data_provenance
from runner.provenance import environment
from runner.provenance import git as git_provenance
from runner.provenance.search import Search
from runner.record import DataState
from runner.secret import revealed
from runner.spec import CodePolicy, Experiment
from runner.steps import Inspection, inspect_steps
from runner.steps.loading import Expected
from runner.succession import Succession
from runner.tally import Tally
from runner.trust import Grounds
from runner.watch import Watch
from runner.worker import Job
from runner.workspace import Workspace


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
        locate = experiment.locate
        places = [f"{locate(place)}: {place}: " if locate is not None else "" for place in inspection.places]
        raise PlanError([where + experiment.mask.text(problem) for where, problem in zip(places, inspection.problems, strict=True)])
    hashes = {state.path: state.actual or "" for state in states}
    with located(experiment.locate):
        planned = plan.expand(experiment, inspection.code, hashes, environment.versions(experiment.packages))
        chosen.check(experiment.results.columns, planned.axes)
    return replace(planned, files=inspection.files, exempt=inspection.exempt)


def check_declared(experiment: Experiment) -> None:
    """Look at what is declared of the results, as far as that costs no import. Raises ConfigError."""
    with located(experiment.locate):
        table.check_schema_quick(experiment.results.schema)
        chosen.check(experiment.results.columns)
        checks.read(experiment.checks)


def plan_only(experiment: Experiment, workspace: Workspace) -> Plan:
    """The plan without an executor: steps are imported here. Nothing is executed, nothing is written."""
    check_declared(experiment)
    return expand(experiment, inspect_steps(experiment), data_states(experiment, workspace))


def run(experiment: Experiment, workspace: Workspace, invocation: Invocation) -> Result:
    """Execute what is missing, then build, validate and publish the table."""
    begun = time.monotonic()
    Lock.probe(workspace, experiment.name)
    check_declared(experiment)
    root, schema = experiment.root, experiment.results.schema
    schema_checked = invocation.helper.begin(results.check_schema, lambda _: None, root, schema, foreign=isinstance(schema, str))
    executor = executors.open(experiment)
    try:
        evidence = Search(experiment.root, invocation.argv, experiment.data, (workspace.results, workspace.folder), experiment.mask)
        planned = _planned(experiment, executor, workspace, invocation, evidence)
        with located(experiment.locate):
            schema_checked()
        if experiment.provenance.git_clean:
            git_provenance.require_clean(evidence.git())
        lock = Lock(workspace, experiment.name)
        try:
            watch, epoch, fallen = _execute(planned, executor, workspace, invocation, evidence)
            facts = results.Facts(tally=watch.tally(), provenance=evidence.provenance(), epoch=epoch, fallen=fallen)
            tally, made, verdicts = _publish(planned, facts, workspace, invocation)
        finally:
            lock.release()
    except KeyboardInterrupt:
        invocation.stop.heard = True
        raise
    finally:
        executor.close()
    result = Result(
        experiment=experiment.name,
        plan=planned,
        folder=workspace.results / experiment.name,
        tally=tally,
        table=made,
        verdicts=verdicts,
        stopped=invocation.stop.signal,
        again=invocation.requeueable and invocation.stop.signal in REQUEUED,
        reason=invocation.stop.reason,
        seconds=time.monotonic() - begun,
    )
    watch.arrange(tally.unsuccessful)
    account.show(result, watch, invocation.console)
    return result


def _planned(experiment: Experiment, executor: Executor, workspace: Workspace, invocation: Invocation, evidence: Search) -> Plan:
    """The runs that are asked for, by what the executor found in the steps; people hear what is odd about them."""
    evidence.data = data_states(experiment, workspace)  # while the executor gets ready
    inspection = executor.inspect(experiment)
    planned = plan.limited(expand(experiment, inspection, evidence.data), invocation.only)
    for note in (*map(experiment.mask.text, inspection.notes), *_not_enforced(experiment, executor)):
        invocation.console.say(f"xrun: warning: {note}")
    return planned


def _not_enforced(experiment: Experiment, executor: Executor) -> list[str]:
    """What is to be said of limits that steps have and nobody looks at."""
    if executor.supervised:
        return []
    limits = [option for option in ("timeout", "max_memory") if any(getattr(step, option) for step in experiment.steps)]
    return [f"`{option}` is enforced by the executor `local` alone; here it is not" for option in limits]


def _publish(
    planned: Plan, facts: results.Facts, workspace: Workspace, invocation: Invocation
) -> tuple[Tally, results.Tabulated, tuple[checks.Verdict, ...]]:
    """Have the results folder show the plan; meanwhile judge the checks, and put what did not complete into the plan's order."""
    if trouble := git_provenance.trouble(facts.provenance.git):
        invocation.console.say(f"xrun: warning: the results are recorded as those of a dirty tree, without its patch: {trouble}")
    folder = workspace.results / planned.experiment.name
    foreign = isinstance(planned.experiment.results.schema, str)
    given = (_portable(planned), workspace.store, folder, facts)
    published = invocation.helper.begin(results.publish, results.Tabulated.of, *given, foreign=foreign)
    try:
        tally = facts.tally.ordered(run.id_run for run in planned)
        verdicts = _checked(planned, workspace, facts.fallen)
    finally:
        made = published()
    return tally, made, verdicts


def _checked(planned: Plan, workspace: Workspace, fallen: Mapping[int, float]) -> tuple[checks.Verdict, ...]:
    """The verdicts of the checks that need no baseline, on the completed runs of the plan."""
    declared = planned.experiment.checks
    if not declared:
        return ()
    reader = stores.read(workspace.store)
    reader.suppose(fallen)
    try:
        return checks.absolute(declared, chosen.rows([run.id_run for run in planned], reader), planned.experiment.results.columns)
    finally:
        reader.close()


def _portable(planned: Plan) -> Plan:
    """The plan as it can go to another process: without the launcher, which holds half of Hydra."""
    return replace(planned, experiment=replace(planned.experiment, launch=None, sweep=None))


def _execute(
    planned: Plan, executor: Executor, workspace: Workspace, invocation: Invocation, evidence: Search
) -> tuple[Watch, int, Mapping[int, float]]:
    """Execute the plan while people watch; returns what was seen, the number under which the store knows this invocation, and which
    results that it has stand no more.
    """
    store = stores.open(workspace.store)
    watch = Watch(total=len(planned))
    claims: Claims | None = None
    name = planned.experiment.name
    try:
        epoch = store.begin(name, time.time())
        grounds = Grounds(store, planned, evidence.watch, evidence.data)
        grounds.begin(epoch)
        executor.start(job(planned, workspace, epoch))
        claims = _claims(workspace, always=not executor.supervised)
        succession = Succession(workspace.artifacts, store, epoch, claims)
        succession.begin()
        stop, rerun, wait = invocation.stop, invocation.rerun, invocation.wait_if_full
        records = execute(planned, executor, store, epoch=epoch, stop=stop, rerun=rerun, claims=claims, wait_if_full=wait)
        if not planned.experiment.checkpoint.keep:
            records = checkpoint.cleared(records, checkpoint.place(workspace.artifacts))
        described = False
        for _ in invocation.console.progress(records, watch, name, output=_shows_output(planned, invocation)):
            if not described and evidence.ready:  # early, so that a sweep that is killed has its provenance as well
                with suppress(stores.FullError):  # the loop waits for room, or ends
                    store.describe(epoch, evidence.provenance())
                    described = True
            grounds.look()
            succession.look()
        if not described:
            store.describe(epoch, evidence.provenance())
        store.append(())  # nobody else has taken over meanwhile, so that the results are this invocation's to publish
        succession.end()
        if trouble := grounds.end():
            invocation.console.say(f"xrun: warning: {trouble}")
    finally:
        store.close()
        if claims is not None:
            claims.close()
    return watch, epoch, grounds.fallen


def _shows_output(planned: Plan, invocation: Invocation) -> bool:
    """Whether people see what runs print: as the command line says, or the experiment, or where there is but one run."""
    asked = (invocation.show_output, planned.experiment.tracking.show_output, len(planned) == 1)
    return next(answer for answer in asked if answer is not None)


def _claims(workspace: Workspace, *, always: bool) -> Claims | None:
    """None where the file system has no locks: there two processes may execute the same run, which does no harm."""
    try:
        return Claims(workspace.folder / "locks", always=always)
    except OSError:
        return None


def job(planned: Plan, workspace: Workspace, epoch: int | None = None) -> Job:
    """What the workers are told once. `epoch`: the number of this invocation in the store that keeps their records."""
    experiment = planned.experiment
    return Job(
        experiment=experiment.name,
        root=experiment.root,
        steps=revealed(experiment.steps) if experiment.mask else experiment.steps,
        scopes=revealed(planned.scopes) if experiment.mask else planned.scopes,
        choices=frozenset(name for variant in experiment.variants for name in variant.choices),
        folders=workspace.artifacts,
        epoch=epoch,
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
