"""Whatever is in the files and on the command line, nothing but an XrunError comes out of `load`."""

import warnings
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runner.config.load import Request, load
from runner.errors import XrunError
from runner.spec import Experiment

KEYS = st.sampled_from(
    [
        "name",
        "kwargs",
        "params",
        "steps",
        "seed",
        "replicates",
        "data",
        "ignore",
        "results",
        "executor",
        "on_error",
        "provenance",
        "tags",
        "defaults",
        "zip",
        "exclude",
        "linspace",
        "hydra",
        "checks",
        "call",
        "timeout",
        "max_memory",
        "retries",
        "a",
        "b",
        "a.b",
        "run",
        "replicate",
        "1",
        "_target_",
        "<<",
    ]
) | st.text(max_size=3)
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 3),
    st.floats(),
    st.text(max_size=5),
    st.sampled_from(
        [
            "a.b",
            "???",
            "${kwargs.a}",
            "${params.a}",
            "${..a}",
            "${",
            "${hydra:job.name}",
            "range(1,4)",
            "1,2",
            "choice(a,b)",
            "glob(*)",
            "interval(0,1)",
            "${oc.env:X}",
            "${now:%Y}",
            "_self_",
            "override /executor: serial",
            "/executor",
            "clean",
            "off",
            "range(0,9e9)",
        ]
    ),
)
TREES = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=8)
SOUND = {"name": "x", "steps": ["a.b"], "kwargs": {"a": 1, "b": {"c": 2}}, "params": {"N": [1, 2]}}

OVERRIDES = st.one_of(
    st.sampled_from(
        [
            "N=1,2",
            "N=[]",
            "N=range(0,3)",
            "N={a:1}",
            "+a.b=1,2",
            "~N",
            "~a",
            "a=3",
            "kwargs.a=1,2",
            "kwargs={a:4}",
            "params=3",
            "params={N:[3]}",
            "params.N={linspace:[0,1,2]}",
            "+executor=serial",
            "executor=serial,local",
            "~executor",
            "seed=x",
            "steps=a",
            "hydra.job.name=x",
            "hydra/launcher=basic",
            "++x.y.z=1",
            "+run=1",
            "N=glob(*)",
            "replicates=2",
            "experiment=x",
            "a.b.c=1",
            "+b.c=1,2",
            "b.c=1,2",
            "~kwargs",
            "~params",
            "~steps",
            "name=null",
            "+zip={a:[1,2],b:[3,4]}",
            "+exclude=[{N:1}]",
            "params.zip=1",
            "+experiment=y",
            "N=${params.M}",
            "a=${kwargs.a}",
            "+hydra.sweeper.params.N='1,2'",
            "N=tag(t,1,2)",
            "N=shuffle(1,2)",
            "N=sort(2,1)",
        ]
    ),
    st.builds(lambda sign, key, value: f"{sign}{key}={value}", st.sampled_from(["", "+", "++", "~"]), KEYS, st.text(max_size=6)),
    st.text(max_size=8),
)
QUIET = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


@pytest.fixture
def conf(tmp_path: Path) -> Path:
    folder = tmp_path / "conf" / "experiment"
    folder.mkdir(parents=True)
    return folder


def assert_loaded_or_refused(conf: Path, *overrides: str) -> str:
    """Experiments, or one error that ends xrun with 2 and says something; nothing is written in either case. The error's text, or ""."""
    root = conf.parent.parent
    before = {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}
    found: tuple[Experiment, ...] = ()
    refused: XrunError | None = None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = load(Request(cwd=root, overrides=("+experiment=x", *overrides)))
    except XrunError as error:
        refused = error
    if refused is None:
        assert found
        assert all(each.steps for each in found)
    else:
        assert refused.exit_code == 2
        assert str(refused).strip(" \n:")
    assert {path: path.read_bytes() for path in root.rglob("*") if path.is_file()} == before
    return str(refused or "")


@QUIET
@given(tree=st.dictionaries(KEYS, TREES, max_size=4), sound=st.booleans())
def test_any_tree_is_loaded_or_refused(conf: Path, tree: dict[str, object], sound: bool) -> None:
    text = yaml.safe_dump({**SOUND, **tree} if sound else tree, allow_unicode=True)
    (conf / "x.yaml").write_text(f"# @package _global_\n{text}", errors="replace")
    assert_loaded_or_refused(conf)


@QUIET
@given(text=st.text("ab:[]{}-&*!|>'\"#%@,?\n 01.$~<=", max_size=40))
def test_any_text_is_loaded_or_refused(conf: Path, text: str) -> None:
    (conf / "x.yaml").write_text(f"# @package _global_\nname: x\nsteps: [a.b]\n{text}\n")
    assert_loaded_or_refused(conf)


@QUIET
@given(data=st.binary(max_size=60))
def test_any_bytes_are_loaded_or_refused(conf: Path, data: bytes) -> None:
    (conf / "x.yaml").write_bytes(data)
    told = assert_loaded_or_refused(conf)
    assert "Hydra cannot compose" not in told  # as is said of exceptions that nobody has thought of


@QUIET
@given(overrides=st.lists(OVERRIDES, max_size=4))
def test_any_overrides_are_loaded_or_refused(conf: Path, overrides: list[str]) -> None:
    (conf / "x.yaml").write_text("# @package _global_\n" + yaml.safe_dump(SOUND))
    assert_loaded_or_refused(conf, *overrides)
