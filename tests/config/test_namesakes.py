"""Two files of one name: told, since the results of that name are those of whichever was run last."""

import warnings

import pytest

from runner.config.namesakes import NameWarning

BODY = "# @package _global_\nsteps: [a.b]\n"


@pytest.mark.parametrize(
    ("name", "files"),
    [
        ("y", {"experiment/y.yaml": BODY}),
        ("copied", {"experiment/y.yaml": BODY + "name: copied\n"}),
        ("copied", {"experiment/y.yaml": BODY + "name: 'copied'  # as it was\n"}),
        ("copied", {"experiment/deep/y.yaml": BODY + "name: copied\n"}),
        ("deep.y", {"experiment/deep/y.yaml": BODY}),
    ],
)
def test_another_file_of_that_name_is_named(project, name, files):
    made = project(head=f"# @package _global_\nname: {name}\nsteps: [a.b]\n", files=files)
    with pytest.warns(NameWarning, match=f"x.yaml and .*y.yaml are both called `{name}`: results/{name} shows the one that was run last"):
        assert made.load().name == name


@pytest.mark.parametrize(
    ("overrides", "files"),
    [
        ((), {"experiment/y.yaml": BODY}),
        ((), {"experiment/other.yaml": BODY + "name: another\n"}),
        ((), {"experiment/y.yaml": BODY + "kwargs:\n  name: other\ntags: [other]\n"}),
        (("name=y",), {"experiment/y.yaml": BODY}),
    ],
)
def test_a_name_of_its_own_or_of_the_command_line_is_not_told(project, overrides, files):
    made = project(head="# @package _global_\nname: other\nsteps: [a.b]\n", files=files)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert made.load(*overrides).name == ("y" if overrides else "other")


def test_an_experiment_below_a_folder_is_known_by_its_own_name(project):
    made = project(files={"experiment/deep/y.yaml": BODY, "experiment/y.yaml": BODY})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert made.load("+experiment=deep/y").name == "deep.y"
