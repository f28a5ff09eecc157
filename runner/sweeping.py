"""A Hydra sweeper chooses the points: each of its jobs is a run of xrun."""

from dataclasses import replace

from runner import app, codec, stores
from runner.config.load import Request, load, union
from runner.console import Console
from runner.errors import XrunError
from runner.invocation import Invocation, Result
from runner.spec import Experiment
from runner.workspace import Workspace


def sweep(experiment: Experiment, request: Request, workspace: Workspace, invocation: Invocation) -> Result:
    """Let a Hydra sweeper choose the points: each of its jobs is run and told by its objective; the table shows all of them.

    The objective is the mean, over the job's runs, of the field `objective`, or else of the only field that is a number.
    """
    jobs: dict[tuple[str, ...], Request] = {}
    refused: list[XrunError] = []
    silent = replace(invocation, console=Console(quiet=True), only=())

    def objective(overrides: tuple[str, ...]) -> float | None:
        asked = replace(request, overrides=overrides)
        try:
            (job,) = load(asked)
            made = app.run(job, workspace, silent)
        except XrunError as error:  # the plugin may go on without that job, which is none of the table's then
            refused.append(error)
            raise
        jobs[overrides] = asked
        if made.stopped:
            raise KeyboardInterrupt(made.stopped)
        return _objective(made, workspace)

    if experiment.sweep is not None:
        experiment.sweep(objective)
    if not jobs and refused:
        raise refused[0]
    for error in refused:
        invocation.console.say(
            f"xrun: warning: the sweeper goes on without a job that could not be run: {str(error).partition(chr(10))[0]}"
        )
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
