"""The process that tests/calling.py has calls of xrun forked from: it has imported what is not ours, and waits for calls.

`warmed.py DESCRIPTOR [MODULE ...]`: a Unix socket, and what is imported besides. A call is a length of eight bytes, which brings three
descriptors along for stdin, stdout and stderr, and so much JSON: {"words": argv, "cwd", "environment", "umask"}. The answers are two
lines: the process id at once, and the exit code, as subprocess counts it, when that process has ended. It leaves when the socket ends.
"""

import atexit
import gc
import importlib
import json
import os
import socket
import sys
import tempfile
import threading
import time
import types
import warnings
from collections.abc import Sequence
from typing import Any

AHEAD = (
    "antlr4.error.ErrorListener",
    "dvc_data.hashfile.hash",
    "dvc_data.hashfile.tree",
    "git",
    "hydra",
    "hydra._internal.config_loader_impl",
    "hydra._internal.core_plugins.basic_launcher",
    "hydra._internal.core_plugins.basic_sweeper",
    "hydra._internal.hydra",
    "hydra.core.plugins",
    "omegaconf",
    "packaging.requirements",
    "pandas",
    "pandera.pandas",
    "psutil",
    "pyarrow.parquet",
    "rich.live",
    "rich.progress",
    "rich.table",
    "yaml",
    "runner.cli",  # with what it imports itself; nothing else of ours
)


def warm(names: Sequence[str]) -> None:
    """Import them, pandera without its synthesis of test data, as xrun does."""
    sys.modules["hypothesis"] = None  # type: ignore[assignment]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in names:
            importlib.import_module(name)
    del sys.modules["hypothesis"]
    gc.collect()
    gc.freeze()  # pages that no collection touches stay shared with the forks


def serve(calls: socket.socket) -> None:
    """Fork for each call. Returns in the forks, and in no other process."""
    while True:
        header, descriptors, _, _ = socket.recv_fds(calls, 8, 3)
        if not header:
            os._exit(0)
        call = json.loads(calls.recv(int.from_bytes(header), socket.MSG_WAITALL))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # 3.12+ counts native threads; jemalloc's knows how to be forked
            pid = os.fork()
        if pid == 0:
            calls.close()
            return become(call, descriptors)
        for descriptor in descriptors:
            os.close(descriptor)
        calls.sendall(b"%d\n" % pid)
        calls.sendall(b"%d\n" % os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))


def become(call: dict[str, Any], descriptors: list[int]) -> None:
    """Make this process what a process of the script `xrun` is when it begins."""
    for number, descriptor in enumerate(descriptors):
        os.dup2(descriptor, number)  # our own streams were made for /dev/null: buffered as for pipes and files
        os.close(descriptor)
    os.umask(call["umask"])
    os.chdir(call["cwd"])
    os.environ.clear()
    os.environ.update(call["environment"])
    time.tzset()
    tempfile.tempdir = None
    sys.dont_write_bytecode = bool(call["environment"].get("PYTHONDONTWRITEBYTECODE"))
    script = call["words"][0]
    sys.argv[:] = call["words"]
    sys.path[0] = os.path.dirname(script)  # noqa: PTH120
    main = sys.modules["__main__"] = types.ModuleType("__main__")
    main.__file__ = script


def end(code: Any) -> None:
    """As an interpreter ends, but for taking to pieces what was imported ahead: that costs more than half of such a call."""
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code if isinstance(code, int) else 0 if code is None else 1)


if __name__ == "__main__":
    warm((*AHEAD, *sys.argv[2:]))
    serve(socket.socket(fileno=int(sys.argv[1])))
    from runner.cli import main

    try:
        main()
    except SystemExit as exit_:
        end(exit_.code)
