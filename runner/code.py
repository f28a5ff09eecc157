"""The digest of a step's code: the bytes of its module or script and of every project-local module that it imports, transitively.

Imports are found in the source (statements anywhere in the module, functions included), not in what happens to be loaded, so that
the digest does not depend on the process that computes it.
"""

import ast
import hashlib
import os
import sysconfig
import warnings
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path

from runner.spec import CodePolicy

_OURS = Path(__file__).parent
_FOREIGN = ("site-packages", "dist-packages", "node_modules")
_PYTHON = (".py", ".pyw", "")
_LIBRARIES = tuple(Path(sysconfig.get_path(kind)).resolve() for kind in ("stdlib", "platstdlib"))


class Sources:
    """Project-local modules: those found below the folders of `sys.path` that lie in the project root."""

    def __init__(self, root: Path, path: list[str], first: Path | None = None) -> None:
        """`first`: a folder that goes before the root, as a script's own does."""
        root = root.resolve()
        folders = [folder for entry in path if entry and not _is_foreign(folder := Path(entry).resolve())]
        leading = [root] if first is None else [first.resolve(), root]
        self.bases = tuple(dict.fromkeys(folder for folder in [*leading, *folders] if folder.is_relative_to(root)))
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
        return _imported(file.read_bytes(), module if file.name == "__init__.py" else module.rpartition(".")[0])

    def closure(self, *modules: str) -> dict[str, bytes]:
        """Module name -> source bytes: the modules, their parent packages, and all that they import, project-local ones only."""
        found: dict[str, bytes] = {}
        waiting = list(modules)
        while waiting:
            name = waiting.pop()
            waiting.extend(parent for parent in _parents(name) if parent not in found)
            file = self.file(name)
            if file is None or name in found:
                continue
            found[name] = file.read_bytes()
            waiting.extend(self.imports(name))
        return found


def _imported(source: bytes, package: str) -> tuple[str, ...]:
    """Names that a source may import; none of one that cannot be parsed."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the module's own import says what there is to say
            tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError):
        return ()
    return tuple(dict.fromkeys(name for node in ast.walk(tree) for name in _names(node, package)))


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
    return _hashed(found)


def files_of(root: Path, path: list[str], files: Sequence[Path], modules: Sequence[str], policy: CodePolicy) -> dict[str, bytes]:
    """What a script or a command executes of the project: name -> bytes, for `files_digest`.

    The files by their path below the root, Python ones with the modules that they import; `modules` are such as `python -m` names. Only
    the files and modules themselves for the policy `module`, nothing for `off`.
    """
    if policy is CodePolicy.OFF:
        return {}
    root, found = root.resolve(), dict[str, bytes]()
    deep = policy is CodePolicy.CLOSURE
    for file in files:
        source, real = file.read_bytes(), file.resolve()  # Python puts the folder of the real file on its path
        told = os.path.relpath(real, root)
        found[f"file:{told}"] = source
        if deep and file.suffix in _PYTHON:
            imported = Sources(root, path, first=real.parent).closure(*_imported(source, ""))
            found.update((f"{told}:{name}", text) for name, text in imported.items())
    sources = Sources(root, path)
    for module in modules:
        names = [name for name in (module, f"{module}.__main__") if sources.file(name) is not None]
        found.update(sources.closure(*names) if deep else {name: sources.closure(name)[name] for name in names})
    return found


def files_digest(found: Mapping[str, bytes], policy: CodePolicy) -> str:
    """SHA-256 in hex of what `files_of` found; empty for `off`."""
    return "" if policy is CodePolicy.OFF else _hashed(found)


def _hashed(found: Mapping[str, bytes]) -> str:
    hashed = hashlib.sha256(b"xrun-code-1")
    for name in sorted(found):
        hashed.update(b"%d:%b%d:%b" % (len(name), name.encode(), len(found[name]), found[name]))
    return hashed.hexdigest()
