"""What other programs read: the exporters. To add one: a module with a class that satisfies `base.Exporter`, one entry here."""

from typing import Final

from runner.exports.base import Done as Done
from runner.exports.base import Exporter, Source
from runner.exports.dvc import Dvc
from runner.exports.files import Tables
from runner.exports.mlflow import Mlflow
from runner.exports.selecting import select as select
from runner.exports.tensorboard import Tensorboard

__all__ = ["EXPORTERS", "Done", "Exporter", "Source", "select"]

EXPORTERS: Final[dict[str, Exporter]] = {
    "mlflow": Mlflow(),
    "tensorboard": Tensorboard(),
    "csv": Tables("csv"),
    "parquet": Tables("parquet"),
    "dvc": Dvc(),
}
