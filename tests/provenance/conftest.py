"""git for repositories that tests make, apart from this machine's."""

import os
import subprocess
from pathlib import Path

import pytest

WHO = {f"GIT_{role}_{part}": "a@b.c" for role in ("AUTHOR", "COMMITTER") for part in ("NAME", "EMAIL")}


@pytest.fixture
def isolated(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No configuration of this machine, and no repository around the temporary folder."""
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    for name, value in {**WHO, "GIT_CONFIG_NOSYSTEM": "1", "GIT_CEILING_DIRECTORIES": str(tmp_path), "HOME": str(tmp_path)}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)


def run(folder: Path, *arguments: str, told: bytes | None = None) -> str:
    """What git prints there, without white space around it; `told` is its stdin. Raises CalledProcessError."""
    return subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True, input=told).stdout.decode().strip()
