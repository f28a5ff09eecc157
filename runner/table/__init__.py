"""Records -> one typed, validated data frame -> Parquet and CSV. The one door to pandas, pandera and pyarrow.

    frame      = conform(build(rows, axes), schema)
    violations = validate(frame, schema)
    digest     = write(frame, folder)

Nothing heavy is imported before it is needed; `warm` does it early, in a process that has nothing better to do.
"""

from typing import TYPE_CHECKING

from runner.table.failures import Violation as Violation
from runner.table.files import Digest as Digest
from runner.table.files import digests as digests
from runner.table.files import read as read
from runner.table.files import write as write
from runner.table.frame import QuickRow as QuickRow
from runner.table.frame import Row as Row
from runner.table.frame import build as build
from runner.table.preview import Preview as Preview
from runner.table.preview import summarise as summarise
from runner.table.schema import check_schema as check_schema
from runner.table.text import csv as csv
from runner.table.text import json_lines as json_lines
from runner.table.tidy import framed as framed
from runner.table.tidy import glimpse as glimpse
from runner.table.tidy import joined as joined
from runner.table.tidy import pointwise as pointwise
from runner.table.untyped import csv_rows as csv_rows
from runner.table.validity import conform as conform
from runner.table.validity import validate as validate
from runner.table.vocabulary import check_schema_quick as check_schema_quick
from runner.table.warmup import warm as warm

if TYPE_CHECKING:
    from pandas import DataFrame as DataFrame
