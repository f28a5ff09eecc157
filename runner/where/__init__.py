"""Conditions on runs, `--where` and `where=`: `params.lr < 1e-2 and (fields.error > .1 or status == 'FAILED')`.

    condition := condition or condition | condition and condition | not condition | ( condition )
               | value OP value [OP value ...]       OP: == = != <> < <= > >=; `0 < x <= 1` is `0 < x and x <= 1`
               | value [not] in [ value, ... ]
               | value is [not] null
               | value ~ 'regex'                     found anywhere in a text
               | value                               which is true
    value     := selector | number | 'text' | "text" | true | false | null | nan | inf

Words of the grammar in any case; `&&`, `||`, `!`, `None` mean what they look like. A text is taken as it stands; a quote in it is doubled.

What a run does not have is missing, and so is null. Logic is three-valued, as in SQL: a comparison with a missing value is unknown, so is
`not unknown`, and a run is taken where the condition is true. `x == null` is `x is null`. NaN is IEEE's, but `x == nan` asks for it.
Whether a number is equal to a text has an answer (no), whether it is less has none. `true` and `false` equal nothing but themselves. Times,
durations and the like compare as their text: `fields.day >= '2026-01-31'`.
"""

from runner.where.condition import Condition as Condition
from runner.where.grammar import parse as parse
