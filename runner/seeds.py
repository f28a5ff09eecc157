"""Seeds the random generators that steps use, those of libraries that a step imports only when it runs included."""

import random
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any, Final

SEEDERS: Final[dict[str, Callable[[Any, int], object]]] = {
    "numpy.random": lambda module, seed: module.seed(seed),
    "torch": lambda module, seed: module.manual_seed(seed),
}


@contextmanager
def latecomers() -> Iterator[Callable[[int], None]]:
    """A function that seeds everything; within, libraries that are imported later are seeded as they arrive.

    Without that, the first run of each worker that imports numpy inside a function would draw other numbers than all runs after it.
    """
    if all(name in sys.modules for name in SEEDERS):
        yield seed_loaded
        return
    finder = _Finder()
    sys.meta_path.insert(0, finder)
    try:
        yield finder.seed_all
    finally:
        sys.meta_path.remove(finder)


def seed_loaded(seed: int) -> None:
    """Seed `random` and what of the libraries is imported."""
    random.seed(seed)
    for name, seeder in SEEDERS.items():
        if module := sys.modules.get(name):
            seeder(module, seed)


class _Finder(MetaPathFinder):
    """Finds nothing itself; sees to it that a library is seeded at the end of its import."""

    def __init__(self) -> None:
        self._seed = 0

    def seed_all(self, seed: int) -> None:
        self._seed = seed
        seed_loaded(seed)

    def find_spec(self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        if fullname not in SEEDERS:
            return None
        others = (finder.find_spec(fullname, path, target) for finder in sys.meta_path if finder is not self)
        spec = next((found for found in others if found is not None), None)
        if spec is not None and spec.loader is not None:
            execute = spec.loader.exec_module

            def exec_module(module: ModuleType) -> None:
                execute(module)
                SEEDERS[fullname](module, self._seed)

            spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec
