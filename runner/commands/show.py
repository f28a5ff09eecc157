"""`xrun show ID`: everything that is kept of one run."""

import json
import time
from dataclasses import asdict

from runner import stores
from runner.commands import options as shared
from runner.commands.ls import summary
from runner.errors import IncompleteError, UsageError
from runner.record import Provenance, Record


def main(arguments: list[str]) -> int:
    """Print the run; returns 0. A beginning of the id is enough where it is unique."""
    parser = shared.Parser(
        prog="xrun show", description="One run: parameters, fields, failure, provenance.", epilog="example: xrun show 4c00df0c"
    )
    parser.add_argument("id", help="id_run, or enough of its beginning")
    parser.add_argument("--json", action="store_true")
    shared.add_place(parser)
    chosen = parser.parse_args(arguments)
    reader = stores.read(shared.workspace(chosen).store)
    try:
        record = _one(reader, chosen.id)
        provenance = reader.provenance(record.epoch)
    finally:
        reader.close()
    if chosen.json:
        failure = asdict(record.failure) if record.failure else None
        told = {**summary(record), "experiment": record.experiment, "seed": record.seed, "failure": failure}
        print(json.dumps({**told, "provenance": asdict(provenance) if provenance else None}, indent=1))
    else:
        _print(record, provenance)
    return 0


def _one(reader: stores.SqliteReader, prefix: str) -> Record:
    found = reader.lookup(prefix.lower())
    if not found:
        raise IncompleteError(f"there is no run whose id begins with `{prefix}`; `xrun ls EXPERIMENT` lists them")
    if len(found) > 1:
        raise UsageError(f"several runs begin with `{prefix}`: {', '.join(r.id_run for r in found)}; give more of the id")
    return found[0]


def _print(record: Record, provenance: Provenance | None) -> None:
    print(f"{record.id_run}  {record.experiment}  {record.status.value}")
    started = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(record.started)) if record.started else "-"
    print(f"  started {started}, {record.seconds:.3f} s, attempt {record.attempt}, seed {record.seed}")
    for title, values in (("params", record.params), ("fields", record.fields), ("tags", record.tags)):
        if values:
            print(f"{title}:")
            print("\n".join(f"  {name} = {value!r}" for name, value in values.items()))
    if record.failure is not None:
        failure = record.failure
        print(f"failure in step `{failure.step}`: {failure.kind}{f' at {failure.where}' if failure.where else ''}")
        print("\n".join(f"  | {line}" for line in (failure.traceback or failure.message).rstrip().splitlines()))
    if provenance is not None:
        git = provenance.git
        if git is not None:
            print(f"git: {git.commit or 'no commit'} on {git.branch or 'a detached head'}{', dirty' if git.dirty else ''}")
        for state in provenance.data:
            print(f"data: {state.path} {state.status.value} {state.actual or '-'}")
        print(f"python {provenance.python} on {provenance.host}, {' '.join(provenance.argv)}")
