"""Keeps a workspace in order: finds what is wrong with it, mends the store, removes what nothing needs any more."""

from runner.upkeep.collecting import Choice as Choice
from runner.upkeep.collecting import Waste as Waste
from runner.upkeep.collecting import collect as collect
from runner.upkeep.collecting import remove as remove
from runner.upkeep.examining import examine as examine
from runner.upkeep.finding import Finding as Finding
from runner.upkeep.finding import alone as alone
from runner.upkeep.repairing import Repaired as Repaired
from runner.upkeep.repairing import repair as repair
