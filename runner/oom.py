"""Whether the kernel has killed a process because memory ran out: a SIGKILL alone does not say who sent it.

The control group of the processes counts such kills, whichever limit was reached: that of a container, of a batch job, or of the machine.
Where there is none to read, the count of the whole machine must do.
"""

import contextlib
from pathlib import Path

OUT_OF_MEMORY = "oom"
"""The kind of such a failure."""
_COUNT = "oom_kill"


def counter(system: Path = Path("/")) -> Path | None:
    """The file that counts for this process; None where no file does. `system`: where /proc and /sys lie."""
    return next((path for path in (*_of_control_group(system), system / "proc/vmstat") if count(path) is not None), None)


def _of_control_group(system: Path) -> list[Path]:
    """Version 2 and version 1, at the group's own place, and at the top, which it is where the group has a namespace of its own."""
    found = []
    with contextlib.suppress(OSError):
        for line in (system / "proc/self/cgroup").read_text(encoding="utf-8", errors="replace").splitlines():
            _, controllers, path = line.split(":", 2)
            root, name = system / "sys/fs/cgroup", "memory.events"
            if "memory" in controllers.split(","):
                root, name = root / "memory", "memory.oom_control"
            elif controllers:
                continue
            found += [root / path.lstrip("/") / name, root / name]
    return found


def count(path: Path) -> int | None:
    """How often a process was killed, by the file that counts it; None where it does not say."""
    with contextlib.suppress(OSError, ValueError):
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
            name, _, value = line.partition(" ")
            if name == _COUNT:
                return int(value)
    return None


class Watch:
    """Looks at the counter from time to time."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._seen = self._before = self._now()

    def look(self) -> None:
        """About every half a second, so that kills of long ago are told from those of now."""
        self._before, self._seen = self._seen, self._now()

    def has_killed(self) -> bool:
        """Whether there was a kill since the look before the last one: its news may be older than the last one."""
        return self._now() > self._before

    def _now(self) -> int:
        return (count(self._path) if self._path is not None else None) or 0
