"""The Run that a step sees."""

from runner.run.child import ChildRun
from runner.run.run import Run
from runner.views import Bunch, Kwargs, View

__all__ = ["Bunch", "ChildRun", "Kwargs", "Run", "View"]
