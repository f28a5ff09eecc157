"""Whether a table is what its schema says: conform what differs in storage only, then list what is wrong."""

from typing import TYPE_CHECKING, Any

from runner.table.failures import Violation, violations
from runner.table.fitting import fitted, widened
from runner.table.schema import Schema, load

if TYPE_CHECKING:
    import pandas as pd


def conform(frame: "pd.DataFrame", schema: Schema | None) -> "pd.DataFrame":
    """`frame` as the schema wants it, where that changes no value: whole numbers become float64, empty columns get their type.

    Where the schema says `coerce: true` (or gives defaults, or has parsers), the values are what pandera makes of them.
    """
    if schema is None:
        return frame
    spec = load(schema)
    frame = widened(frame, spec)
    if not _changes(spec):
        return frame
    relaxed = fitted(spec, frame)
    relaxed.strict = relaxed.ordered = False
    return _run(relaxed, frame)[0]


def validate(frame: "pd.DataFrame", schema: Schema | None) -> tuple[Violation, ...]:
    """Everything in which `frame` breaks the schema, in the order of pandera's checks; empty when it is valid.

    A table without rows is not blamed for types, nor for columns that only runs could have brought. `strict` lets
    `id_run` pass undeclared.
    """
    if schema is None:
        return ()
    spec = load(schema)
    frame = widened(frame, spec)
    relaxed = fitted(spec, frame)
    # Checks see a missing float as NaN, which is null to them as it is in every float64 column.
    view = frame.astype({name: "float64" for name in frame if str(frame[name].dtype) == "Float64"})
    if relaxed.strict and "id_run" not in relaxed.columns:
        view = view.drop(columns="id_run")
    return tuple(violations(_run(relaxed, view)[1], frame))


def _changes(spec: Any) -> bool:
    """Whether pandera may change values under this schema."""
    if spec.coerce or spec.parsers or spec.add_missing_columns or (spec.index is not None and spec.index.coerce):
        return True
    return any(column.coerce or column.parsers or column.default is not None for column in spec.columns.values())


def _run(spec: Any, frame: "pd.DataFrame") -> tuple["pd.DataFrame", list[BaseException]]:
    """What pandera makes of `frame`, and its complaints, whatever the environment says about validation."""
    from pandera.config import ValidationDepth, config_context
    from pandera.errors import SchemaErrors

    with config_context(validation_enabled=True, validation_depth=ValidationDepth.SCHEMA_AND_DATA):
        try:
            return spec.validate(frame, lazy=True), []
        except SchemaErrors as error:
            return error.data, list(error.schema_errors)
        except (Exception, SystemExit) as error:  # noqa: BLE001  # a parser or a check of the user's own
            return frame, [error]
