"""The keys about identity: read, and refused where they would do nothing."""

import pytest

from runner.config.load import Request, load
from runner.errors import ConfigError


@pytest.fixture
def experiment(tmp_path):
    """experiment(text, *overrides): the experiment of a file with that content."""

    def read(text, *overrides):
        folder = tmp_path / "conf" / "experiment"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "x.yaml").write_text(
            f"# @package _global_\nsteps: [a.b]\nkwargs: {{K: 100, model: {{C: 1}}}}\nparams: {{N: [1]}}\n{text}\n"
        )
        (made,) = load(Request(overrides=("+experiment=x", *overrides), cwd=tmp_path))
        return made

    return read


def test_they_are_read(experiment):
    made = experiment("ignore: [K]\ndefault_ids: {model.C: 1, N: 2}\nidentity: {packages: [NumPy, hydra_core, numpy]}")
    assert made.ignore == {"K"}
    assert made.default_ids == {"model.C": 1, "N": 2}
    assert made.packages == ("hydra-core", "numpy")


def test_they_are_empty_by_default_and_can_be_overridden(experiment):
    made = experiment("")
    assert (made.ignore, made.default_ids, made.packages) == (frozenset(), {}, ())
    assert experiment("", "identity.packages=[numpy]").packages == ("numpy",)
    assert experiment("", "+default_ids={K: 100}").default_ids == {"K": 100}


REFUSED = {
    "ignore: [k]": r"ignore\[0\]: there is no kwarg or axis `k`\n  did you mean `K`",
    "ignore: [modle]": "did you mean `model`",
    "default_ids: {model.c: 1}": r"default_ids.model.c: there is no kwarg or axis `model.c`\n  did you mean `model.C`",
    "default_ids: [K]": "is not a mapping",
    "identity: {package: [numpy]}": "unknown key `package`\n  did you mean `packages`",
    "identity: {packages: numpy}": "one value where a list is meant",
    "identity: {packages: ['numpy>=2']}": "is not the name of a package\n  write the name alone",
    "identity: {packages: [3]}": "is not a text",
    "identity: [numpy]": "is not a mapping",
}


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_wrong_is_named(text, experiment):
    with pytest.raises(ConfigError, match=REFUSED[text]):
        experiment(text)


def test_a_name_that_is_like_none_here_may_be_meant_for_others_that_share_the_file(experiment):
    made = experiment("ignore: [verbosity]\ndefault_ids: {something_else: 1}")
    assert made.ignore == {"verbosity"}
