"""`from runner.compat.mlflow.models import infer_signature`: a model is kept as a file, without a signature."""

from typing import Any

from runner.compat.around import say_once


def infer_signature(*_: Any, **__: Any) -> None:
    """None, which `log_model` takes; said once."""
    say_once("infer_signature() does nothing here: a model is kept as a file, without a signature")
