"""The process that tests/calling.py has calls of a program forked from: it has imported what the program does, and waits for calls.

`warmed.py DESCRIPTOR PROGRAM`: a Unix socket, and `xrun` or `dvc`. A call is a length of eight bytes, which brings three
descriptors along for stdin, stdout and stderr, and so much JSON: {"words": argv, "cwd", "environment", "umask"}. The answers are two
lines: the process id at once, and the exit code, as subprocess counts it, when that process has ended. It leaves when the socket ends.
"""

import atexit
import gc
import importlib
import json
import os
import pkgutil
import socket
import sys
import tempfile
import threading
import time
import types
import warnings
from collections.abc import Sequence
from typing import Any

LIBRARIES = (
    "antlr4.LL1Analyzer",
    "antlr4.error.ErrorListener",
    "dvc_data.hashfile.hash",
    "dvc_data.hashfile.tree",
    "git",
    "hydra",
    "hydra._internal.config_loader_impl",
    "hydra._internal.core_plugins.bash_completion",
    "hydra._internal.core_plugins.basic_launcher",
    "hydra._internal.core_plugins.basic_sweeper",
    "hydra._internal.core_plugins.file_config_source",
    "hydra._internal.core_plugins.fish_completion",
    "hydra._internal.core_plugins.importlib_resources_config_source",
    "hydra._internal.core_plugins.structured_config_source",
    "hydra._internal.core_plugins.zsh_completion",
    "hydra._internal.hydra",
    "hydra.core.plugins",
    "importlib.resources.readers",
    "omegaconf",
    "packaging.requirements",
    "pandas",
    "pandera.pandas",
    "psutil",
    "pyarrow.pandas_compat",
    "pyarrow.parquet",
    "rich.live",
    "rich.progress",
    "rich.table",
    "sqlite3",
    "xml.etree.ElementTree",
    "yaml",
)
DVC = (
    "dvc.cli.parser",  # with all of its commands
    "dvc.dvcfile",
    "dvc.fs.dvc",
    "dvc.repo.experiments.refs",
    "dvc.repo.graph",
    "dvc.repo.metrics.show",
    "dvc.repo.plots",
    "dvc.repo.reproduce",
    "dvc.stage.serialize",
    "dvc.utils.strictyaml",
    "dvc_data.index.checkout",
    "dvc_render.vega",
    "networkx",
    "pygit2",
    "scmrepo.git",
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


def ours() -> list[str]:
    """All modules of xrun."""
    return ["runner", *(module.name for module in pkgutil.walk_packages(importlib.import_module("runner").__path__, "runner."))]


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
    """Make this process what a process of the program's script is when it begins."""
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
    program = sys.argv[2]
    warm([*LIBRARIES, *ours()] if program == "xrun" else DVC)
    serve(socket.socket(fileno=int(sys.argv[1])))
    if program == "xrun":  # tells its stdout what to do, and that one believes that it can seek, as in /dev/null; DVC wraps its own
        sys.stdout = sys.__stdout__ = open(1, "w", encoding=sys.stdout.encoding, closefd=False)  # noqa: PTH123, SIM115
    main = importlib.import_module("runner.cli" if program == "xrun" else "dvc.cli").main
    try:
        end(main())
    except SystemExit as exit_:
        end(exit_.code)
