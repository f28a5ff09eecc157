"""The coin runs in MLtraq, persisted to SQLite. Usage: coins_mltraq.py COUNT JOBS FOLDER"""

import sys
from typing import Any

import mltraq  # type: ignore[import-not-found]
import numpy as np


def toss_coins(run: Any) -> None:
    """One run."""
    heads = np.random.default_rng(run.params.N).binomial(run.params.N, run.config.P, size=run.config.K) / run.params.N
    run.fields.error = float(np.abs(heads - run.config.P).mean())
    run.fields.n = run.params.N


if __name__ == "__main__":
    count, jobs, folder = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    experiment = mltraq.create_session(f"sqlite:///{folder}/coins.db").create_experiment("coins")
    experiment.add_runs(N=list(range(10, 10 + count)))
    experiment.execute(toss_coins, {"P": 0.8, "K": 100}, n_jobs=jobs)
    experiment.persist(if_exists="replace")
    if len(experiment.runs.df()) != count:
        sys.exit("runs are missing")
