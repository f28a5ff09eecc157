"""The cases, and the bars that the design sets. To add one: an entry in `ALL`."""

import os
from typing import Final

from benchmarks.case import FOLDER, Bar, Case, Command, Figure
from benchmarks.peers import Program
from benchmarks.process import Usage

CPUS: Final = len(os.sched_getaffinity(0))


def xrun(*arguments: str, watched: bool = False, **variables: str) -> Command:
    """Our own command, its results in the execution's folder."""
    return Command(program=Program.XRUN, arguments=arguments, variables={"XRUN_WORKSPACE": FOLDER} | variables, watched=watched)


def coins(count: int) -> Command:
    """That many different coin runs, with this repository's own example."""
    return xrun("+experiment=coins", f"N=range(10,{10 + count})")


def nothing(count: int, *, watched: bool = False) -> Command:
    """That many runs of a step that does nothing."""
    return xrun("-cp", "benchmarks/project/conf", "+experiment=nothing", f"n=range({count})", watched=watched)


def values(runs: int, count: int, *, watched: bool = False) -> Command:
    """That many runs that log so many points each."""
    return xrun("-cp", "benchmarks/project/conf", "+experiment=values", f"n=range({runs})", f"values_={count}", watched=watched)


def peer(program: Program, script: str, *arguments: str) -> Command:
    """A script of benchmarks/peers/."""
    return Command(program=program, arguments=(f"benchmarks/peers/{script}", *arguments))


def hydra(count: int, *arguments: str) -> Command:
    """The same coin runs as Hydra's multirun."""
    sweep = (f"N=range(10,{10 + count})", f"hydra.sweep.dir={FOLDER}")
    return peer(Program.HYDRA, "coins_hydra.py", "-m", *sweep, *arguments)


def mltraq(count: int) -> Command:
    """The same coin runs in MLtraq."""
    return peer(Program.MLTRAQ, "coins_mltraq.py", str(count), str(CPUS), FOLDER)


def floor(work: str, count: int) -> Command:
    """The same runs on a bare process pool and one SQLite transaction."""
    return peer(Program.HYDRA, "floor.py", work, str(count), str(CPUS), FOLDER)


def python(code: str) -> Command:
    """A line of Python in our own environment."""
    return Command(program=Program.PYTHON, arguments=("-c", code))


def at_most(limit: float, *, of_peer: bool = False) -> Bar:
    """A bar."""
    return Bar(limit=limit, relative=of_peer)


def per_run(count: int) -> Figure:
    """Microseconds of the whole process for each of that many runs; the bar is the design's."""

    def value(usage: Usage) -> float:
        return usage.seconds / count * 1e6

    return Figure(unit="us", ours=value, peer=value, bar=at_most(50), about="each")


def extrapolated(count: int) -> Figure:
    """Seconds for that many points, of which the peer tells those for one point."""
    return Figure(peer=lambda usage: float(usage.output) * count, bar=at_most(2))


ALL: Final = (
    Case(
        name="4 coin runs",
        ours=coins(4),
        peer=hydra(4),
        versus="Hydra -m, basic launcher",
        figures=(Figure(bar=at_most(1, of_peer=True)),),
    ),
    Case(name="4 coin runs", ours=coins(4), peer=hydra(4, "hydra/launcher=joblib"), versus="Hydra -m, joblib launcher"),
    Case(name="4 coin runs", ours=coins(4), peer=mltraq(4), versus="MLtraq"),
    Case(
        name="10,000 coin runs",
        ours=coins(10_000),
        peer=mltraq(10_000),
        versus="MLtraq",
        figures=(Figure(bar=at_most(0.5, of_peer=True)),),
    ),
    Case(name="10,000 coin runs", ours=coins(10_000), peer=floor("coins", 10_000), versus="bare pool and SQLite"),
    Case(
        name="100,000 no-op runs",
        ours=nothing(100_000),
        peer=floor("nothing", 100_000),
        versus="bare pool and SQLite",
        figures=(per_run(100_000),),
    ),
    Case(
        name="rerun of 10,000 completed",
        prepare=coins(10_000),
        ours=coins(10_000),
        peer=python("import pandas"),
        versus="python and pandas, imported",
        figures=(Figure(bar=at_most(1)),),
    ),
    Case(
        name="plan of 100,000 points",
        ours=xrun("plan", "+experiment=coins", "N=range(100000)"),
        peer=peer(Program.HYDRA, "compose_hydra.py", "20"),
        versus="Hydra, from 20 compositions",
        figures=(extrapolated(100_000),),
    ),
    Case(
        name="1,000 runs that log 1,000 values each",
        ours=values(1_000, 1_000),
        peer=peer(Program.MLTRAQ, "tracking_mltraq.py", "1000", "1000", FOLDER),
        versus="MLtraq",
        figures=(Figure(bar=at_most(1, of_peer=True)),),
    ),
    Case(
        name="log_metric",
        ours=Command(program=Program.PYTHON, arguments=("benchmarks/log_metric.py", "1000000")),
        figures=(Figure(unit="us", ours=lambda usage: float(usage.output), bar=at_most(1), about="a call"),),
    ),
    Case(name="help page", ours=xrun("--help"), peer=python("pass"), versus="python", figures=(Figure(bar=at_most(0.3)),)),
    Case(
        name="completion",
        ours=xrun("-sc", "query=bash", COMP_LINE="xrun +experiment=co", COMP_POINT="19"),
        peer=python("import hydra"),
        versus="python and hydra, imported",
        figures=(Figure(bar=at_most(0.3)),),
    ),
    Case(
        name="1,000,000 no-op runs",
        ours=nothing(1_000_000, watched=True),
        figures=(
            Figure(bar=at_most(100)),
            Figure(unit="MB", ours=lambda usage: usage.memory, bar=at_most(500), about="memory of the coordinator"),
            Figure(unit="", ours=lambda usage: usage.files, about="files open at most"),
        ),
        long=True,
    ),
    Case(
        name="10,000,000 points",
        ours=values(10, 1_000_000, watched=True),
        figures=(
            Figure(unit="us", ours=lambda usage: usage.seconds / 10, bar=at_most(5), about="a point"),
            Figure(unit="MB", ours=lambda usage: usage.memory, bar=at_most(300), about="memory of the coordinator"),
        ),
        long=True,
    ),
)
"""In the order in which they are measured."""
