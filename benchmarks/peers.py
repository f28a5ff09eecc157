"""The programs that take part: our own, and the peers', each in a virtual environment of its own."""

import subprocess
import sys
from collections.abc import Iterable, Mapping
from enum import StrEnum
from pathlib import Path

HOME = Path(__file__).parents[1] / ".bench-venv"
"""One virtual environment a peer, and the scratch folders of the measurements; git ignores it, `make clean` removes it."""


class Program(StrEnum):
    """What a command line may begin with."""

    XRUN = "xrun"
    PYTHON = "python"
    """The interpreter that `xrun` runs in."""
    HYDRA = "hydra"
    """The interpreter of Hydra's environment, which has numpy and nothing else that matters: the floors run there too."""
    MLTRAQ = "mltraq"


REQUIREMENTS: Mapping[Program, tuple[str, ...]] = {
    Program.HYDRA: ("hydra-core", "hydra-joblib-launcher", "numpy"),
    Program.MLTRAQ: ("mltraq",),
}


def programs(needed: Iterable[Program]) -> dict[Program, str]:
    """The path of our own programs and of those that are needed; makes the environments that are not there yet."""
    own = {Program.XRUN: str(Path(sys.executable).with_name("xrun")), Program.PYTHON: sys.executable}
    return own | {program: str(_interpreter(program)) for program in needed if program in REQUIREMENTS}


def _interpreter(program: Program) -> Path:
    """The interpreter of a peer's environment, made when it is missing or was made for other requirements."""
    folder, wanted = HOME / program, "\n".join(REQUIREMENTS[program])
    python, made_for = folder / "bin" / "python", folder / "made_for.txt"
    if not made_for.is_file() or made_for.read_text() != wanted:
        print(f"{program}: installing {', '.join(REQUIREMENTS[program])} into {folder.name}/ ...", file=sys.stderr, flush=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *REQUIREMENTS[program]], check=True)
        made_for.write_text(wanted)
    return python
