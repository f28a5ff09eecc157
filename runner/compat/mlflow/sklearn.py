"""Models of scikit-learn, or of anything else that can be pickled."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from runner.compat.around import keep, say_once
from runner.compat.mlflow.runs import current


def autolog(*_: Any, disable: bool = False, **__: Any) -> None:
    """Does nothing, and says so once, unless it is to be turned off."""
    if not disable:
        say_once("mlflow.autolog() does nothing here: log what you need with log_param and log_metric")


def log_model(sk_model: Any, artifact_path: str | None = None, *, name: str | None = None, **_: Any) -> SimpleNamespace:
    """Keep a model as `<name>/model.pkl`, by joblib where it is installed."""
    folder, active = name or artifact_path or "model", current()
    keep(active.run, f"{folder}/model.pkl", lambda file: _dump(sk_model, file))
    return SimpleNamespace(model_uri=f"runs:/{active.info.run_id}/{folder}", artifact_path=folder, run_id=active.info.run_id)


def _dump(model: Any, file: Path) -> None:
    try:
        import joblib
    except ImportError:
        import pickle

        file.write_bytes(pickle.dumps(model))
    else:
        joblib.dump(model, file)
