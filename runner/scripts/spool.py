"""The way from `runner.get_run()` in a script to the run: two files without names, one that describes the run and one to log into.

They live in memory and go with this process; a child opens them by their paths below /proc.
"""

import json
import os
from pathlib import Path
from typing import Any

from runner import codec, logged
from runner.capture import anonymous
from runner.run import Run

_CHUNK = 1 << 20


class Spool:
    """What the processes of one step log for the run, and the last they say."""

    def __init__(self, run: Run, root: Path) -> None:
        self._run = run
        self._spool = anonymous("xrun-spool")
        self._description = anonymous("xrun-run")
        self._offset, self._rest = 0, b""
        self.fields: dict[str, Any] | None = None
        """The fields that the script's run has; None: it has set none."""
        os.write(self._description, codec.dumps(self._described(root)).encode())

    @property
    def description(self) -> str:
        """Path of the file that describes the run."""
        return f"/proc/{os.getpid()}/fd/{self._description}"

    def _described(self, root: Path) -> dict[str, Any]:
        run = self._run
        return {
            "id_run": run.id_run,
            "experiment": run.meta.get("experiment", ""),
            "params": run.params.copy(),
            "kwargs": run.kwargs.copy(),
            "seed": run.seed,
            "dir": str(run.dir),
            "epoch": run._invocation,
            "checkpoint": str(run.checkpoint_place),
            "meta": run.meta.copy(),
            "root": str(root),
            "spool": f"/proc/{os.getpid()}/fd/{self._spool}",
        }

    def read(self) -> None:
        """Hand on what was logged since the last call, whole lines only."""
        while data := os.pread(self._spool, _CHUNK, self._offset):
            self._offset += len(data)
            *lines, self._rest = (self._rest + data).split(b"\n")
            for line in filter(None, lines):
                self._take(line)

    def close(self) -> None:
        """Hand on the rest and let go of the files."""
        try:
            self.read()
        finally:
            os.close(self._spool)
            os.close(self._description)

    def _take(self, line: bytes) -> None:
        entries: logged.Entries = ()
        fields, tags = {}, {}
        try:
            content = json.loads(line)
            if isinstance(content, dict):
                fields, tags = dict(codec.loads(content["fields"])), dict(codec.loads(content["tags"]))
            else:
                entries = logged.unpack(content)
        except (ValueError, TypeError, LookupError):
            trouble = logged.Trouble(1, f"a line of what the script logged cannot be read: {line[:60].decode('utf-8', 'replace')}")
            entries = (("", trouble),)
        if fields:
            self.fields = {**(self.fields or {}), **fields}
        self._run.tags.update(tags)
        if entries:
            self._run.relay(entries)
