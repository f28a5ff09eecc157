"""One way to say which value of a run is meant, the same in every command and in `results.columns`.

| selector | value |
|---|---|
| `fields.x`, `params.lr`, `kwargs.P`, `logged.lr`, `tags.owner` | what has that name there; nested ones have dotted names |
| `metrics.loss.min` | a part of a metric's summary, one of `PARTS`; without it, `last` |
| `run.status` | the run's own, one of `ATTRIBUTES` |
| `x`, `loss.min` | without a prefix: a field, metric, param, kwarg, logged parameter or the run's own, the first that there is |

A name with other characters than letters, digits, `_`, `/`, `-` and `.` stands in backticks, `` `val loss`.min ``; one in there is doubled.
What stands in backticks is a name and nothing else: `` metrics.`loss.min` `` is a metric of that name.
"""

from runner.selectors.naming import of_table as of_table
from runner.selectors.naming import with_columns as with_columns
from runner.selectors.resolving import resolve as resolve
from runner.selectors.row import Names as Names
from runner.selectors.row import Row as Row
from runner.selectors.row import flat as flat
from runner.selectors.row import known as known
from runner.selectors.selector import ATTRIBUTES as ATTRIBUTES
from runner.selectors.selector import MISSING as MISSING
from runner.selectors.selector import PARTS as PARTS
from runner.selectors.selector import Missing as Missing
from runner.selectors.selector import Selector as Selector
from runner.selectors.spelling import TOKEN as TOKEN
from runner.selectors.spelling import Atom as Atom
from runner.selectors.spelling import listed as listed
from runner.selectors.spelling import parse as parse
from runner.selectors.spelling import quoted as quoted
from runner.selectors.spelling import said as said
