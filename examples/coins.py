"""Toss a biased coin N times; how far is the head ratio from the truth?"""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from runner.run import Run


def toss_coins(run: "Run") -> None:
    """Estimate P("head") from the head ratio of N tosses, K times over, and keep the mean absolute error.

    Args:
        N: tosses that one estimate is made of.
        P: the true probability of heads.
        K: repetitions that the error is averaged over.
    """
    rng = np.random.default_rng(run.seed)
    ratios = rng.binomial(run.params.N, run.kwargs.P, size=run.kwargs.K) / run.params.N
    run.fields.error = float(np.abs(ratios - run.kwargs.P).mean())
    run.fields.n = run.params.N
