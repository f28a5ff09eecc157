"""The process that runs a submitted script and records it."""

import json
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Any

from runner import scripts
from runner.capture import STREAMS, Capture
from runner.follow import Reader
from runner.logged import Output
from runner.record import Status
from runner.recorder import Recorder
from runner.spec import Process, Step


def main() -> None:
    """Do what stdin says."""
    told = json.load(sys.stdin)
    signal.signal(signal.SIGTERM, _interrupt)
    signal.signal(signal.SIGALRM, _time_out)
    run = Recorder(told["experiment"], tags=told["tags"], id_run=told["id_run"])
    try:
        signal.setitimer(signal.ITIMER_REAL, told["seconds"] or 0)
        _perform(told, run)
    except TimeoutError:
        run.end(Status.TIMED_OUT)
    except BaseException as error:  # noqa: BLE001 - it is the run's failure, and the waiting process reads it there
        run.end(error=error)
    else:
        run.end()


def _interrupt(*_: int | FrameType | None) -> None:
    raise KeyboardInterrupt


def _time_out(*_: int | FrameType | None) -> None:
    raise TimeoutError


def _perform(told: dict[str, Any], run: Recorder) -> None:
    capture = Capture()
    readers = [Reader(descriptor) for descriptor in capture.descriptors]

    def report() -> None:
        _tell(run, [reader.poll() for reader in readers])

    process = Process(
        script=told["script"],
        command=told["command"] if isinstance(told["command"], str) else tuple(told["command"]),
        args=tuple(told["arguments"]),
        outputs="outputs",
    )
    try:
        with capture.during():
            fields = scripts.perform(
                Step(call=told["script"] or str(told["command"]), name="script", process=process), run, Path(told["folder"]), report
            )
        run.fields.update(fields or {})
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        _tell(run, [reader.poll() + reader.finish() for reader in readers])


def _tell(run: Recorder, texts: list[str]) -> None:
    entries = tuple(("", Output(stream, text)) for stream, text in zip(STREAMS, texts, strict=True) if text)
    if entries:
        run.relay(entries)
