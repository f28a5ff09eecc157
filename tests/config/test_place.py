"""Where the config directory is looked for, and what else is searched."""

import pytest

from runner.config.place import find
from runner.errors import ConfigError

EXPERIMENT = "# @package _global_\nname: {}\nsteps: [a.b]\n"


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch):
    monkeypatch.delenv("XRUN_CONF", raising=False)


def test_the_first_place_that_names_one_wins(tmp_path, monkeypatch):
    for name in ("conf", "configs", "mine", "other", "third"):
        (tmp_path / name).mkdir()
    assert find(tmp_path).conf == tmp_path / "conf"
    (tmp_path / "conf").rmdir()
    assert find(tmp_path).conf == tmp_path / "configs"
    (tmp_path / "pyproject.toml").write_text('[tool.xrun]\nconf = "mine"\n')
    assert find(tmp_path).conf == tmp_path / "mine"
    monkeypatch.setenv("XRUN_CONF", "other")
    assert find(tmp_path).conf == tmp_path / "other"
    assert find(tmp_path, "third").conf == tmp_path / "third"
    assert find(tmp_path, str(tmp_path / "third")).root == tmp_path


def test_the_git_root_is_looked_at_after_the_working_directory(tmp_path):
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    (tmp_path / ".git").mkdir()
    (tmp_path / "conf").mkdir()
    assert (find(inner).conf, find(inner).root) == (tmp_path / "conf", tmp_path)
    (inner / "configs").mkdir()
    assert (find(inner).conf, find(inner).root) == (inner / "configs", inner)


def test_what_was_tried_is_told(tmp_path, project):
    found = find(tmp_path)
    assert (found.conf, found.root) == (None, tmp_path)
    assert [str(tmp_path / "conf"), str(tmp_path / "configs")] == list(found.tried[-2:])
    made = project()
    (made.root / "conf" / "experiment" / "x.yaml").unlink()
    (made.root / "conf" / "experiment").rmdir()
    (made.root / "conf").rmdir()
    from runner.config.load import Request, load
    from runner.errors import UsageError

    with pytest.raises(UsageError, match="there is no experiment; looked for a config directory"):
        load(Request(cwd=made.root))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('[tool.xrun]\nconf = "no"\n', "'no' does not exist"),
        ("[tool.xrun]\nconf = 3\n", "3"),
        ("[tool.xrun", "not valid TOML"),
    ],
)
def test_a_pyproject_that_is_wrong_is_refused(text, says, tmp_path):
    (tmp_path / "pyproject.toml").write_text(text)
    with pytest.raises(ConfigError, match=says) as caught:
        find(tmp_path)
    assert "pyproject.toml" in str(caught.value)


def test_without_an_experiment_the_choices_are_listed(project):
    made = project()
    from runner.errors import UsageError

    with pytest.raises(UsageError, match="choose an experiment:\n  xrun \\+experiment=x"):
        made.load_all()


def test_the_users_primary_config_may_declare_the_experiment(project, grid):
    files = {"config.yaml": "name: whole\nsteps: [a.b]\nparams: {N: [1, 2]}\n"}
    (made,) = project(files=files).load_all("N=3")
    assert (made.name, grid(made)) == ("whole", [{"N": 3}])


def test_the_users_primary_config_may_choose_groups(project):
    files = {"config.yaml": "defaults: [model: svm, _self_]\nseed: 4\n", "model/svm.yaml": "C: 1\n", "model/tree.yaml": "d: 2\n"}
    made = project(files=files)
    assert (made.load().variants[0].kwargs, made.load().seed) == ({"model": {"C": 1}}, 4)
    assert made.load("model=tree").variants[0].kwargs == {"model": {"d": 2}}
    assert made.load().variants[0].choices == {}
    from runner.errors import UsageError

    with pytest.raises(UsageError, match="choose an experiment"):
        made.load_all("model=tree")


def test_another_primary_config_can_be_named(project):
    made = project(files={"special.yaml": "seed: 9\n"})
    assert made.load(config_name="special").seed == made.load(config_name="special.yaml").seed == 9


def test_a_second_config_directory_is_searched_after_the_first(project, tmp_path):
    more = tmp_path / "more" / "experiment"
    more.mkdir(parents=True)
    (more / "x.yaml").write_text(EXPERIMENT.format("shadowed"))
    (more / "y.yaml").write_text(EXPERIMENT.format("second"))
    made = project()
    assert made.load("+experiment=x", config_dir="more").name == "x"
    assert made.load("+experiment=y", config_dir=str(tmp_path / "more")).name == "second"


@pytest.mark.parametrize("where", ["file", "command line"])
def test_hydras_search_path_brings_groups(where, project, tmp_path):
    more = tmp_path / "more" / "model"
    more.mkdir(parents=True)
    (more / "svm.yaml").write_text("C: 1\n")
    entry = f"file://{more.parent}"
    made = project(files={"config.yaml": f"hydra: {{searchpath: ['{entry}']}}\n" if where == "file" else "{}\n"})
    extra = [] if where == "file" else [f"hydra.searchpath=['{entry}']"]
    assert made.load("+model=svm", *extra).variants[0].kwargs == {"model": {"C": 1}}


def test_packaged_options_are_found_and_can_be_shadowed(project):
    assert project().load("executor=serial").executor.name == "serial"
    assert project(files={"executor/mine.yaml": "name: serial\nworkers: 3\n"}).load("executor=mine").executor.workers == 3


def test_deleting_what_the_schema_knows_restores_the_default(project):
    made = project("kwargs: {a: 1}\nparams: {N: [1]}\nseed: 4\nexecutor: {name: serial, workers: 2}\n")
    experiment = made.load("~kwargs", "~params", "~seed", "~executor.workers")
    assert (experiment.variants[0].kwargs, experiment.variants[0].grids[0].axes, experiment.seed) == ({}, (), 0)
    assert (experiment.executor.name, experiment.executor.workers) == ("serial", None)


def test_the_name_is_the_option_where_none_is_given(project):
    assert project(files={"experiment/deep/y.yaml": "# @package _global_\nsteps: [a.b]\n"}).load("+experiment=deep/y").name == "deep.y"
