"""How much of the machine a run takes, looked at from outside every few seconds: CPU and memory of its processes, and the GPUs."""

import contextlib
import functools
import importlib
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import psutil

MB = 1e6
"""Bytes."""


class Sample(NamedTuple):
    """One look at a run."""

    key: int
    values: dict[str, float]
    number: int
    """0 for the first look at the run, which knows no `system/cpu_percent`: that takes two."""


@dataclass(frozen=True, slots=True)
class _Look:
    """The last look at a run."""

    process: "psutil.Process"
    at: float
    cpu_seconds: float
    number: int


class Sampler:
    """Looks at the runs that execute for long. While all are short it costs nothing, not even the import of psutil.

    The values are `system/cpu_percent` (100 is one CPU, over the time since the last look) and `system/memory_rss_mb` (of 1,000,000
    bytes; pages that processes share count once for each), both over a process and all its descendants; and, where NVML works,
    `system/gpu_N_util` (percent) and `system/gpu_N_memory_mb` of every GPU of the machine, whoever uses it.
    """

    def __init__(self, every: float = 10.0, after: float = 10.0) -> None:
        """Look at a run `after` seconds from its start for the first time, and `every` so many seconds from then on."""
        self._every, self._after = every, after
        self._begun: dict[int, float] = {}
        self._looks: dict[int, _Look] = {}
        self._children: dict[int, list[int]] = {}
        self._children_at = float("-inf")

    def sample(self, now: float, running: Iterable[tuple[int, int, float]]) -> list[Sample]:
        """Look at those that are due, of all runs that execute: (key, pid, start), in seconds of the clock that `now` is of.

        `start` may be that of the run's step: the first one that was told counts. A key that is not among them is forgotten. A run whose
        process is gone gives nothing.
        """
        pids = {}
        begun, self._begun = self._begun, {}
        for key, pid, start in running:
            pids[key] = pid
            self._begun[key] = min(start, begun.get(key, start))
        self._looks = {key: look for key, look in self._looks.items() if pids.get(key) == look.process.pid}
        due = [key for key in pids if self._is_due(key, now)]
        if not due:
            return []
        self._look_for_children(now)
        samples = [sample for key in due if (sample := self._look(key, pids[key], now)) is not None]
        gpus = _gpus() if samples else {}
        return [sample._replace(values={**sample.values, **gpus}) for sample in samples]

    def _is_due(self, key: int, now: float) -> bool:
        last = self._looks.get(key)
        return now - self._begun[key] >= self._after if last is None else now - last.at >= self._every

    def _look_for_children(self, now: float) -> None:
        """Who is whose child, at most once in a tenth of the interval: it takes a look at every process of the machine."""
        import psutil

        if now - self._children_at < self._every / 10:
            return
        self._children, self._children_at = {}, now
        for process in psutil.process_iter(["ppid"]):
            self._children.setdefault(process.info["ppid"], []).append(process.pid)

    def _look(self, key: int, pid: int, now: float) -> Sample | None:
        import psutil

        last = self._looks.get(key)
        try:
            process = last.process if last else psutil.Process(pid)
            if not process.is_running():
                return None  # the number may be somebody else's by now
        except psutil.Error:
            return None
        cpu_seconds, rss = self._usage(process)
        if not rss:
            return None  # a zombie
        values = {"system/memory_rss_mb": rss / MB}
        if last and now > last.at:
            values["system/cpu_percent"] = max(0.0, 100 * (cpu_seconds - last.cpu_seconds) / (now - last.at))
        number = last.number + 1 if last else 0
        self._looks[key] = _Look(process, now, cpu_seconds, number)
        return Sample(key, values, number)

    def _usage(self, process: "psutil.Process") -> tuple[float, float]:
        """CPU seconds, with those of children that have ended and were waited for, and resident bytes, of a process and its descendants."""
        import psutil

        cpu_seconds = rss = 0.0
        for pid in self._family(process.pid):
            with contextlib.suppress(psutil.Error):  # it has ended meanwhile
                member = process if pid == process.pid else psutil.Process(pid)
                with member.oneshot():
                    times = member.cpu_times()
                    rss += member.memory_info().rss
                cpu_seconds += times.user + times.system + times.children_user + times.children_system
        return cpu_seconds, rss

    def _family(self, pid: int) -> Sequence[int]:
        family = [pid]
        for member in family:  # it grows meanwhile
            family += [child for child in self._children.get(member, ()) if child not in family]
        return family


def taken(pid: int) -> tuple[float, int]:
    """CPU seconds that a process and its descendants have taken so far, and the greatest peak of resident memory among them, bytes."""
    import psutil

    cpu_seconds, peak = 0.0, 0
    family: list[psutil.Process] = []
    with contextlib.suppress(psutil.Error):
        family.append(psutil.Process(pid))
        family += family[0].children(recursive=True)
    for member in family:
        with contextlib.suppress(psutil.Error, OSError):  # it has ended meanwhile
            times = member.cpu_times()
            cpu_seconds += times.user + times.system + times.children_user + times.children_system
            peak = max(peak, _peak(member.pid))
    return cpu_seconds, peak


def _peak(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text(encoding="utf-8", errors="replace").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) << 10
    return 0


def _gpus() -> dict[str, float]:
    """Use and memory of every GPU; what a GPU does not tell is left out."""
    values: dict[str, float] = {}
    for number, (utilisation, memory) in enumerate(_gpu_readers()):
        with contextlib.suppress(Exception):
            values[f"system/gpu_{number}_util"] = float(utilisation())
        with contextlib.suppress(Exception):
            values[f"system/gpu_{number}_memory_mb"] = memory() / MB
    return values


@functools.cache
def _gpu_readers() -> list[tuple[Callable[[], float], Callable[[], float]]]:
    """For each GPU, what reads its use and what reads its memory; none where NVML does not work, which is tried once."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            nvml: Any = importlib.import_module("pynvml")
        nvml.nvmlInit()
        gpus = [nvml.nvmlDeviceGetHandleByIndex(number) for number in range(nvml.nvmlDeviceGetCount())]
    except Exception:  # noqa: BLE001 - no module, no driver, no GPU, no right to look: all the same
        return []
    return [
        (lambda gpu=gpu: nvml.nvmlDeviceGetUtilizationRates(gpu).gpu, lambda gpu=gpu: nvml.nvmlDeviceGetMemoryInfo(gpu).used)  # type: ignore[misc]
        for gpu in gpus
    ]
