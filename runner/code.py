"""The digest of a step's code: the bytes of its module and of every project-local module that it imports, transitively.

Imports are found in the source (statements anywhere in the module, functions included), not in what happens to be loaded, so that
the digest does not depend on the process that computes it.
"""

import ast
import hashlib
import sysconfig
import warnings
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

from runner.spec import CodePolicy

_OURS = Path(__file__).parent
_FOREIGN = ("site-packages", "dist-packages", "node_modules")
_LIBRARIES = tuple(Path(sysconfig.get_path(kind)).resolve() for kind in ("stdlib", "platstdlib"))


class Sources:
    """Project-local modules: those found below the folders of `sys.path` that lie in the project root."""

    def __init__(self, root: Path, path: list[str]) -> None:
        root = root.resolve()
        folders = [folder for entry in path if entry and not _is_foreign(folder := Path(entry).resolve())]
        self.bases = tuple(dict.fromkeys(folder for folder in [root, *folders] if folder.is_relative_to(root)))
        self.file = cache(self._file)
        self.imports = cache(self._imports)

    def _file(self, module: str) -> Path | None:
        """The file of a project-local module, or None. xrun's own package is never project-local."""
        parts = module.split(".")
        for base in self.bases:
            stem = base.joinpath(*parts)
            for candidate in (stem / "__init__.py", stem.with_suffix(".py")):
                if candidate.is_file() and not candidate.is_relative_to(_OURS):
                    return candidate
        return None

    def _imports(self, module: str) -> tuple[str, ...]:
        """Names that the module's source may import; some of them are attributes rather than modules."""
        file = self.file(module)
        if file is None:
            return ()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # the module's own import says what there is to say
                tree = ast.parse(file.read_bytes())
        except (SyntaxError, ValueError, RecursionError):
            return ()
        package = module if file.name == "__init__.py" else module.rpartition(".")[0]
        return tuple(dict.fromkeys(name for node in ast.walk(tree) for name in _names(node, package)))

    def closure(self, module: str) -> dict[str, bytes]:
        """Module name -> source bytes: the module, its parent packages, and all that they import, project-local ones only."""
        found: dict[str, bytes] = {}
        waiting = [module]
        while waiting:
            name = waiting.pop()
            waiting.extend(parent for parent in _parents(name) if parent not in found)
            file = self.file(name)
            if file is None or name in found:
                continue
            found[name] = file.read_bytes()
            waiting.extend(self.imports(name))
        return found


def _names(node: ast.AST, package: str) -> Iterator[str]:
    if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant) and isinstance(node.args[0].value, str):
        called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if called in ("import_module", "__import__"):
            yield node.args[0].value
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        base = node.module or ""
        if node.level:
            parts = package.split(".")
            kept = parts[: max(0, len(parts) - node.level + 1)]
            base = ".".join([*kept, base] if base else kept)
        if base:
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)


def _is_foreign(folder: Path) -> bool:
    """Whether it holds installed packages or the standard library (an environment may lie in the project)."""
    return any(part in _FOREIGN for part in folder.parts) or any(folder.is_relative_to(library) for library in _LIBRARIES)


def _parents(module: str) -> list[str]:
    parts = module.split(".")
    return [".".join(parts[:n]) for n in range(1, len(parts))]


def digest(sources: Sources, modules: Sequence[str], file: str | None, policy: CodePolicy) -> str:
    """SHA-256 in hex of the code that the policy counts, for a step of these modules; empty for `off`.

    `file` serves for a first module that is not project-local (an installed package): its own bytes alone.
    """
    if policy is CodePolicy.OFF:
        return ""
    found = {name: source for module in modules for name, source in sources.closure(module).items()}
    if policy is CodePolicy.MODULE:
        found = {module: found[module] for module in modules if module in found}
    if not found and file is not None and Path(file).is_file():
        found = {modules[0]: Path(file).read_bytes()}
    hashed = hashlib.sha256(b"xrun-code-1")
    for name in sorted(found):
        hashed.update(b"%d:%b%d:%b" % (len(name), name.encode(), len(found[name]), found[name]))
    return hashed.hexdigest()
