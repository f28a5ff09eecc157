"""A Hydra sweeper chooses the points: each of its jobs is a run of xrun."""

from dataclasses import replace

from runner import app, codec, stores
from runner.config.load import Request, load, union
from runner.console import Console
from runner.invocation import Invocation, Result
from runner.spec import Experiment
from runner.workspace import Workspace


def sweep(experiment: Experiment, request: Request, workspace: Workspace, invocation: Invocation) -> Result:
    """Let a Hydra sweeper choose the points: each of its jobs is run and told by its objective; the table shows all of them.

    The objective is the mean, over the job's runs, of the field `objective`, or else of the only field that is a number.
    """
    jobs: dict[tuple[str, ...], Request] = {}
    silent = replace(invocation, console=Console(quiet=True), only=())

    def objective(overrides: tuple[str, ...]) -> float | None:
        jobs[overrides] = replace(request, overrides=overrides)
        (job,) = load(jobs[overrides])
        made = app.run(job, workspace, silent)
        if made.stopped:
            raise KeyboardInterrupt(made.stopped)
        return _objective(made, workspace)

    if experiment.sweep is not None:
        experiment.sweep(objective)
    return app.run(replace(union(list(jobs.values())), overrides=request.overrides), workspace, invocation)


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
