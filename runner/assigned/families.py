"""Which kind of file a path names, as far as values in it go."""

import re
from enum import StrEnum


class Family(StrEnum):
    """How values stand in a file."""

    PYTHON = "python"
    """In quotation marks; texts beside each other are one."""
    PROGRAM = "program"
    """In quotation marks; what has none is an expression."""
    SHELL = "shell"
    """Bare, `$NAME` being found elsewhere; `name:` is a rule or a label."""
    SETTINGS = "settings"
    """Bare; what is indented below a name belongs to it."""
    TEXT = "text"
    """Either way."""


_SETTINGS = (".yaml", ".yml", ".env", ".ini", ".cfg", ".toml", ".properties", ".conf")
_PYTHON = frozenset(["py", "pyw", "pyi", "pyx", "pxd", "smk"])
_PROGRAMS = frozenset(
    str.split(
        "ipynb js mjs cjs jsx ts mts cts tsx vue json jsonc json5 jsonl r rmd jl go rs c h cc cpp cxx hpp hh cu java kt "
        "kts scala groovy gradle swift rb php pl pm lua cs m mm dart ex exs clj hs ml nim zig f f90 sql css html xml "
        "svg"
    )
)
_SHELL = frozenset(str.split("sh bash zsh ksh csh tcsh fish bat cmd ps1 psm1 mk mak make just dockerfile sbatch slurm pbs"))
_SHELL_NAMES = re.compile(r"(?:docker|container)file.*|(?:gnu)?makefile.*|justfile|\.(?:bash|zsh|profile|login)\w*", re.IGNORECASE)
_PYTHON_NAMES = frozenset(("Snakefile", "SConstruct", "SConscript", "wscript"))


def family_of(path: str) -> Family:
    """The family of the file of that name."""
    name = path.rpartition("/")[2]
    suffix = name.rpartition(".")[2].lower() if "." in name else ""
    if suffix in _PYTHON or name in _PYTHON_NAMES:
        return Family.PYTHON
    if name.endswith(_SETTINGS) or name.startswith(".env"):
        return Family.SETTINGS
    if suffix in _PROGRAMS:
        return Family.PROGRAM
    return Family.SHELL if suffix in _SHELL or _SHELL_NAMES.fullmatch(name) else Family.TEXT
