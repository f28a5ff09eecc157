"""`xrun logs ID [-f]`: what a run has printed, and its traceback when it failed."""

import sys
import time

from runner import reading, stores
from runner.commands import options as shared
from runner.record import Failure, Standing

POLL_SECONDS = 0.25
TAIL = 64_000
"""Characters; an error repeats the last lines that a process has written."""


def main(arguments: list[str]) -> int:
    """Print what the run wrote, its stdout to stdout and its stderr to stderr; returns 0."""
    parser = shared.Parser(
        prog="xrun logs",
        description="What a run has printed: its stdout to stdout, its stderr to stderr, and the traceback of one that failed.",
        epilog="example: xrun logs 4c00df0c -f; this ends when the run is over, or when the process that executes it has died",
    )
    parser.add_argument("id", help="id_run, or enough of its beginning")
    parser.add_argument("-f", "--follow", action="store_true", help="go on while the run executes")
    parser.add_argument("--stream", choices=reading.STREAMS, help="this one alone, without the traceback")
    shared.add_place(parser)
    chosen = parser.parse_args(arguments)
    reader = stores.read(shared.workspace(chosen).store)
    try:
        found = reading.find(reader, chosen.id)
        ends: dict[str, str] = {}
        last = _write(reader, found.id_run, chosen.stream, 0, ends)
        while chosen.follow and found.executing:
            time.sleep(POLL_SECONDS)
            found = reading.find(reader, found.id_run)  # before the output: what is there when the run is over is all there is
            last = _write(reader, found.id_run, chosen.stream, last, ends)
    finally:
        reader.close()
    if found.lost and chosen.stream is None:
        sys.stdout.flush()
        print(f"the run is {Standing.LOST}: the process that executed it has died; that is all it had printed", file=sys.stderr)
    failure = found.record.failure if found.record is not None and not found.executing else None
    if failure is not None and chosen.stream is None:
        _tell(failure, ends)
    return 0


def _write(reader: stores.SqliteReader, id_run: str, stream: str | None, after: int, ends: dict[str, str]) -> int:
    """Write what there is behind number `after`; the last number. `ends` is made to hold the last of each stream."""
    for number, name, text in reading.output_of(reader, id_run, stream, after):
        file = sys.stdout if name == "stdout" else sys.stderr
        file.write(text)
        file.flush()
        ends[name] = (ends.get(name, "") + text)[-TAIL:]
        after = number
    return after


def _tell(failure: Failure, ends: dict[str, str]) -> None:
    """Tell the failure, but for the last lines of it that the run has written itself as its last."""
    lines = (failure.traceback or failure.message).rstrip().split("\n")
    for end in ends.values():
        written = end.rstrip().split("\n")
        for n in range(min(len(lines), len(written)), 0, -1):
            if lines[-n:] == written[-n:]:
                del lines[-n:]
                break
    sys.stdout.flush()
    step = f" in step `{failure.step}`" if failure.step else ""
    print(f"failure{step}: {failure.kind}{f' at {failure.where}' if failure.where else ''}", file=sys.stderr)
    if lines:
        print("\n".join(lines), file=sys.stderr)
