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
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from runner.spec import CodePolicy

_OURS = Path(__file__).parent
_FOREIGN = ("site-packages", "dist-packages", "node_modules")
_PYTHON = (".py", ".pyw", "")
_LIBRARIES = tuple(Path(sysconfig.get_path(kind)).resolve() for kind in ("stdlib", "platstdlib"))


@dataclass(frozen=True, kw_only=True, slots=True)
class Code:
    """The code of one step."""

    digest: str = ""
    """SHA-256 in hex of the sources that its policy counts; empty for `off`."""
    files: Mapping[str, str] = field(default_factory=dict)
    """These sources: path below the project root (absolute where it lies elsewhere) -> SHA-256 of the bytes."""
    exempt: tuple[str, ...] = ()
    """Paths that the step imports and its policy does not count."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Program:
    """What a script or a command executes: a file, modules as `python -m` names them, or the text after `python -c`."""

    file: Path | None = None
    modules: tuple[str, ...] = ()
    text: str = ""
    searched: tuple[Path, ...] = ()
    """Folders in which its modules are looked for before the project root: of a PYTHONPATH, and where it is called."""


class Sources:
    """Project-local modules: those found below the folders of `sys.path` that lie in the project root."""

    def __init__(self, root: Path, path: list[str], first: Sequence[Path] = ()) -> None:
        """`first`: folders that go before the root, as a script's own does."""
        self._root = root = root.resolve()
        folders = [folder for entry in path if entry and not _is_foreign(folder := Path(entry).resolve())]
        leading = [*(folder.resolve() for folder in first), root]
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

    def place(self, module: str) -> str:
        """Where a project-local module's file lies, as `told`."""
        file = self.file(module)
        return "" if file is None else self.told(file)

    def told(self, file: Path) -> str:
        """A file's path below the root, with `/`; absolute where it lies elsewhere."""
        return file.relative_to(self._root).as_posix() if file.is_relative_to(self._root) else str(file)

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


def of_modules(sources: Sources, modules: Sequence[str], file: str | None, policy: CodePolicy) -> Code:
    """The code of a step of these modules.

    `file` serves for a first module that is not project-local (an installed package): its own bytes alone.
    """
    whole = {name: source for module in modules for name, source in sources.closure(module).items()}
    counted = {CodePolicy.CLOSURE: list(whole), CodePolicy.MODULE: [m for m in modules if m in whole], CodePolicy.OFF: []}[policy]
    found, places = {name: whole[name] for name in counted}, {name: sources.place(name) for name in whole}
    if not found and file is not None and policy is not CodePolicy.OFF and Path(file).is_file():
        found, places = {modules[0]: Path(file).read_bytes()}, {modules[0]: sources.told(Path(file))}
    return _code(found, places, policy)


def of_programs(root: Path, path: list[str], programs: Sequence[Program], policy: CodePolicy) -> Code:
    """The code of a script or a command: the files of the project that it executes.

    Python files with the modules that they import. Only the files and modules themselves for the policy `module`. Raises OSError for a
    file that cannot be read.
    """
    if policy is CodePolicy.OFF:
        return Code()
    root, found, places = root.resolve(), dict[str, bytes](), dict[str, str]()
    for program in programs:
        for name, place, source in _executed(program, root, path, deep=policy is CodePolicy.CLOSURE):
            found[name], places[name] = source, place
    return _code(found, places, policy)


def _executed(program: Program, root: Path, path: list[str], *, deep: bool) -> Iterator[tuple[str, str, bytes]]:
    """(Name in the digest, place, bytes) of what a program executes."""
    if (file := program.file) is not None:
        source, real = file.read_bytes(), file.resolve()  # Python puts the folder of the real file on its path
        told = os.path.relpath(real, root)
        yield f"file:{told}", told, source
        if deep and file.suffix in _PYTHON:
            beside = Sources(root, path, (real.parent, *program.searched))
            yield from ((f"{told}:{name}", beside.place(name), text) for name, text in beside.closure(*_imported(source, "")).items())
    sources = Sources(root, path, program.searched)
    if deep and program.text:
        yield from (
            (f"-c:{name}", sources.place(name), text) for name, text in sources.closure(*_imported(program.text.encode(), "")).items()
        )
    for module in program.modules:
        names = [name for name in (module, f"{module}.__main__") if sources.file(name) is not None]
        texts = sources.closure(*names)
        yield from ((name, sources.place(name), texts[name]) for name in (texts if deep else names))


def _code(found: Mapping[str, bytes], places: Mapping[str, str], policy: CodePolicy) -> Code:
    files = {places[name]: hashlib.sha256(source).hexdigest() for name, source in found.items()}
    exempt = tuple(sorted({place for place in places.values() if place not in files}))
    return Code(digest="" if policy is CodePolicy.OFF else _hashed(found), files=dict(sorted(files.items())), exempt=exempt)


def _hashed(found: Mapping[str, bytes]) -> str:
    hashed = hashlib.sha256(b"xrun-code-1")
    for name in sorted(found):
        hashed.update(b"%d:%b%d:%b" % (len(name), name.encode(), len(found[name]), found[name]))
    return hashed.hexdigest()
