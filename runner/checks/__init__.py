"""Checks: what the results of an experiment must be like, held against a number or against a baseline. Pure.

    check    := selector [.aggregation] OP limit          OP: < <= > >= ==
    limit    := number | [number *] baseline [+ number | - number]

`error.mean <= 0.1`, `loss.min <= 1.05 * baseline`, `val/acc.max >= baseline - 0.01`. The selector (`runner.selectors`) says which value of
a run is meant, the aggregation (one of `AGGREGATIONS`) what is made of the values of several runs:

- the whole text is a selector where something has that name, so `loss.min` is each run's least loss where `loss` is a metric, and
  `loss.min.mean` the mean of these over all runs; only else is the last part an aggregation: `error.mean`, where `error` is a field;
- with an aggregation (or `agg`), a check is about all runs together; without one, about each point on its own, the mean over its
  replicates; `group_by` says otherwise.

A check as a mapping has `check` (such a text) or `metric`, and the other keys of `KEYS`. `metric` is compared with the baseline, and must
not be worse than it by more than `atol + rtol * |baseline|`. `direction` says what is better, `min` or `max`; without it no change is.

`n_sigma` asks for evidence: what is worse must be so by more than `n_sigma` standard errors of the difference, those of Student's t where
there are few runs. The scatter is that of runs at the same point (replicates); where no point has two runs and `group_by` says which runs
are alike, that within the groups. Where nothing tells the scatter, `n_sigma` forgives nothing.
"""

from runner.checks.aggregating import AGGREGATIONS as AGGREGATIONS
from runner.checks.aggregating import Estimate as Estimate
from runner.checks.aggregating import plain as plain
from runner.checks.check import KEYS as KEYS
from runner.checks.check import Check as Check
from runner.checks.check import read as read
from runner.checks.gate import absolute as absolute
from runner.checks.groups import ALL as ALL
from runner.checks.groups import Group as Group
from runner.checks.judging import Outcome as Outcome
from runner.checks.judging import Verdict as Verdict
from runner.checks.judging import judge as judge
from runner.checks.meaning import Reason as Reason
from runner.checks.meaning import Sample as Sample
from runner.checks.measuring import Measured as Measured
from runner.checks.measuring import measure as measure
