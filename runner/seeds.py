"""Seeds the random generators that steps use, those of libraries that a step imports only when it runs included."""

import random
import sys
from collections.abc import Callable, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any, Final, Self

SEEDERS: Final[dict[str, Callable[[Any, int], object]]] = {
    "numpy.random": lambda module, seed: module.seed(seed),
    "torch": lambda module, seed: module.manual_seed(seed),
}


class Seeding(MetaPathFinder):
    """Seeds everything when asked to; within its `with` block, libraries that are imported later are seeded as they arrive.

    Without that, the first run of each worker that imports numpy inside a function would draw other numbers than all runs after it.
    As a finder, it finds nothing itself: it sees to it that a library is seeded at the end of its import.
    """

    def __init__(self) -> None:
        self._seed = 0
        self._complete = False

    def __enter__(self) -> Self:
        self._complete = self._complete or all(name in sys.modules for name in SEEDERS)
        if not self._complete:
            sys.meta_path.insert(0, self)
        return self

    def __exit__(self, *_: object) -> None:
        if self in sys.meta_path:  # a step may have put others in their place
            sys.meta_path.remove(self)

    def __call__(self, seed: int) -> None:
        """Seed `random` and what of the libraries is imported."""
        self._seed = seed
        random.seed(seed)
        for name, seeder in SEEDERS.items():
            if module := sys.modules.get(name):
                seeder(module, seed)

    def find_spec(self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        """As the import system asks: what the other finders find, made to be seeded."""
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
