"""manifest.json: what anybody may have made of it is a manifest, or one sentence that names the place."""

import copy
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner import manifest, shape
from runner.errors import StoreError
from runner.shape import ShapeError

TOLD = {
    "format": 1,
    "xrun": "0.1.0",
    "experiment": "coins",
    "written": "2026-11-21T08:48:55Z",
    "overrides": ["+experiment=coins"],
    "seed": 0,
    "steps": [{"call": "s.f", "name": "f", "code": "0" * 64}],
    "git": {"commit": "a" * 40, "branch": "main", "remote": None, "dirty": True, "patch": "changes.patch", "untracked": ["x"]},
    "root": ".",
    "data": [{"path": "data/x.csv", "recorded": None, "actual": "0" * 32, "size": 1, "files": None, "status": "clean", "source": None}],
    "python": "3.11.7",
    "platform": "Linux",
    "host": "h",
    "packages": {"numpy": "2.4.6"},
    "cpus": 2,
    "counts": {"COMPLETED": 1, "FAILED": 1},
    "unsuccessful": [{"id_run": "b", "status": "FAILED", "params": {"x": 2}, "failure": {"kind": "ValueError"}}],
    "table": {"digest": "0" * 64, "rows": 1, "columns": {"id_run": "string", "x": "int64"}, "valid": True, "violations": []},
    "files": {"experiment.yaml": "0" * 64},
    "runs": ["a", "b"],
}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)


def places(tree: object, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    inner = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    return [path, *(place for key, value in inner for place in places(value, (*path, key)))]


def changed(path: tuple[str | int, ...], value: object) -> object:
    if not path:
        return value
    tree: object = copy.deepcopy(TOLD)
    found = tree
    for key in path[:-1]:
        found = found[key]  # type: ignore[index]
    found[path[-1]] = value  # type: ignore[index]
    return tree


@given(st.sampled_from(places(TOLD)), JSON)
def test_any_value_in_any_place_is_taken_or_told_with_its_place(path, value):
    told, made = "", None
    try:
        made = manifest.of(changed(path, value))
    except ShapeError as error:
        told = str(error)
    places = [str(path[0])] if path else ["it is", *(f"`{name}" for name in value)] if isinstance(value, dict) else ["it is"]
    assert made is not None or any(place in told for place in places)


def test_what_xrun_writes_is_read():
    made = manifest.of(TOLD)
    assert (made.runs, made.table.columns["x"], made.git.commit, made.data[0].path) == (("a", "b"), "int64", "a" * 40, "data/x.csv")


@pytest.mark.parametrize("seed", [-3, 2**63, 2**64 + 1])
def test_every_seed_that_an_experiment_may_have_is_read(seed):
    assert manifest.of(changed(("seed",), seed)).seed == seed


def test_what_early_versions_did_not_say_is_empty():
    made = manifest.of({})
    assert (made.runs, made.git, made.counts, made.table.digest) == (None, None, {}, None)


@pytest.mark.parametrize(
    ("path", "value", "sentence"),
    [
        (("counts", "COMPLETED"), None, "`counts.COMPLETED` is null, where a whole number of at least 0 is expected"),
        (("counts",), [1], "`counts` is a list, where a mapping is expected"),
        (("runs", 1), 3, "`runs[1]` is 3, where a text is expected"),
        (("experiment",), "../x", '`experiment` is "../x", where the name of an experiment is expected'),
        (("git", "commit"), "--help", '`git.commit` is "--help", where a full commit is expected'),
        (("data", 0, "status"), "odd", '`data[0].status` is "odd", where one of clean, modified, missing, untracked is expected'),
        ((), [], "it is [], where a mapping is expected"),
    ],
)
def test_another_shape_is_told_with_its_key_path_and_what_is_expected(tmp_path: Path, path, value, sentence):
    (tmp_path / "manifest.json").write_text(json.dumps(changed(path, value)))
    with pytest.raises(StoreError) as error:
        manifest.read(tmp_path, "results/coins")
    assert str(error.value).startswith(f"manifest.json of results/coins cannot be read: {sentence}\n")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"\xff", "it is not UTF-8"),
        (b"[" * 100_000, "it is nested too deeply"),
        (b'{"host": "\\ud800"}', "a lone surrogate"),
        (b"{", "it is not JSON"),
        (b'{"seed": ' + b"9" * 5000 + b"}", "it is not JSON"),
    ],
)
def test_what_is_no_json_is_told(content, sentence):
    with pytest.raises(ShapeError, match=sentence):
        shape.tree(content)
