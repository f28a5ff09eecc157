"""Where the results of an invocation will come from, found out beside the work."""

import threading
from collections.abc import Sequence
from pathlib import Path

from runner.mask import NOTHING, Mask
from runner.provenance import environment, git
from runner.provenance.data import Watch
from runner.record import DataState, GitState, Provenance


class Search:
    """Where the results will come from, found out beside the work: git's part in a thread of its own."""

    def __init__(self, root: Path, argv: tuple[str, ...], entries: tuple[str, ...], ours: Sequence[Path], mask: Mask = NOTHING) -> None:
        """Begin to look. `entries`: the declared data; the hashes are put into `data` by the one who has them. `ours`: folders that
        are no dirt. `mask`: what is known to be secret.
        """
        self._root, self._argv, self._ours, self._mask = root, argv, ours, mask
        self.watch = Watch(root, entries)
        self._git: GitState | None = None
        self._error: BaseException | None = None
        self.data: tuple[DataState, ...] = ()
        self._thread = threading.Thread(target=self._find, daemon=True)
        self._thread.start()

    def _find(self) -> None:
        try:
            self._git = git.state(self._root, exclude=git.own(self._root, *self._ours), mask=self._mask)
        except BaseException as error:  # noqa: BLE001 - raised again by `git`
            self._error = error

    @property
    def ready(self) -> bool:
        """Whether `provenance` need not wait."""
        return not self._thread.is_alive()

    def git(self) -> GitState | None:
        """The state of the repository when the plan was made."""
        self._thread.join()
        if self._error is not None:
            raise self._error
        return self._git

    def provenance(self) -> Provenance:
        """All of it."""
        return environment.provenance(git=self.git(), data=self.data, argv=self._argv, mask=self._mask)
