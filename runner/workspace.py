"""The folders of a project: `.xrun/` (the workspace, which git ignores) and `results/`."""

import os
from dataclasses import dataclass
from pathlib import Path

from runner.errors import StoreError


@dataclass(frozen=True, slots=True)
class Workspace:
    """Where records, artifacts, locks and results lie."""

    folder: Path
    """`<root>/.xrun`, or what --workspace or $XRUN_WORKSPACE say."""
    results: Path
    """`<root>/results`; moves along with the workspace."""

    @property
    def store(self) -> Path:
        """The SQLite file."""
        return self.folder / "xrun.db"

    @property
    def artifacts(self) -> Path:
        """Where `run.dir` is made, one folder per run that asks for it."""
        return self.folder / "artifacts"

    @property
    def hashes(self) -> Path:
        """The stat cache of data hashes."""
        return self.folder / "hashes.json"

    def prepare(self) -> None:
        """Make the folder, with a .gitignore of its own. Raises StoreError when that is not possible."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            ignore = self.folder / ".gitignore"
            if not ignore.exists() or not ignore.stat().st_size:  # a kill may have come between the file and its line
                ignore.write_text("*\n")
        except OSError as error:
            raise StoreError(f"{self.folder}: {error.strerror}; --workspace DIR chooses another place") from None


def locate(root: Path, chosen: str | None) -> Workspace:
    """The workspace of a project: `chosen` (--workspace), else $XRUN_WORKSPACE, else the project root holds both folders."""
    named = chosen or os.environ.get("XRUN_WORKSPACE")
    if named:
        home = Path(named).absolute()
        return Workspace(home / ".xrun", home / "results")
    return Workspace(root / ".xrun", root / "results")
