"""An experiment.yaml again: the project it belongs to, and what overrides on top of it mean."""

import shutil
import warnings
from pathlib import Path

import pytest

from runner.config.again import ProjectWarning

MODELS = {"model/svm.yaml": "kind: svm\nC: 1.0\n", "model/tree.yaml": "kind: tree\ndepth: 3\n", "model/mlp.yaml": "kind: mlp\n"}


def kept(made, *overrides, at="results/x/experiment.yaml"):
    """The file that a plan leaves behind."""
    file = made.root / at
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(made.load(*overrides).yaml)
    return file


@pytest.fixture
def models(project):
    """A project, and a file with the options svm and tree."""
    made = project("params: {N: [1, 2]}\n", MODELS)
    return made, kept(made, "+model=svm,tree")


class TestOverrides:
    def test_they_mean_what_they_mean_on_an_experiment(self, project, ids):
        made = project("kwargs: {a: 1, b: 2}\nparams: {N: [1, 2]}\n")
        file = kept(made)
        for overrides in (["N=5,6"], ["a=3"], ["b=1,2"], ["+M=1,2"], ["~N"], ["seed=4"], ["replicates=2"], ["kwargs.a=7", "N=range(0,3)"]):
            assert ids(made.load(*overrides, file=file)) == ids(made.load(*overrides)), overrides

    @pytest.mark.parametrize("line", ["executor=serial", "+executor=serial", "executor.name=serial", "executor={name: serial}"])
    def test_an_executor_is_chosen_as_elsewhere(self, project, line):
        made = project()
        assert made.load(line, file=kept(made)).executor.name == "serial"

    def test_the_executor_that_was_asked_for_is_in_the_file(self, project):
        made = project()
        file = kept(made, "executor=serial")
        assert made.load(file=file).executor.name == "serial"
        assert made.load("executor=local", "executor.workers=3", file=file).executor.workers == 3

    def test_options_of_a_group_are_chosen_among_those_of_the_file(self, models, ids, grid):
        made, file = models
        assert ids(made.load("model=tree", file=file)) == ids(made.load("+model=tree"))
        assert [p["model"] for p in grid(made.load("model=tree,svm", "N=1", file=file))] == ["tree", "svm"]
        assert "does not have the option `mlp` of the config group `model`; it has: svm, tree" in made.refusal("model=svm,mlp", file=file)

    def test_a_value_of_every_option_is_set(self, models, grid):
        made, file = models
        assert {v.kwargs["model"]["kind"] for v in made.load("model={kind: same}", file=file).variants} == {"same"}
        assert "has: svm, tree" in made.refusal("model=[]", file=file)
        assert "has: svm, tree" in made.refusal("model=null", file=file)

    def test_the_result_is_a_file_that_runs_again(self, models, ids):
        made, file = models
        first = made.load("model=tree", "N=7", file=file)
        file.write_text(first.yaml)
        assert ids(made.load(file=file)) == ids(first)

    @pytest.mark.parametrize(
        ("line", "says"),
        [
            ("hydra/launcher=joblib", "no settings of Hydra's own\n  compose it anew: xrun +experiment=x hydra/launcher=joblib"),
            ("hydra.job.name=a", "no settings of Hydra's own"),
            ("+experiment=x", "is one experiment already"),
            ("experiment=y", "is one experiment already"),
            ("model=tree", "`model` is a config group, and the file has the option that it was composed with"),
            ("executor=dask", 'executor.name: there is no executor "dask"'),
        ],
    )
    def test_what_would_have_to_be_composed_is_refused(self, project, line, says):
        made = project("defaults: [/model: svm, _self_]\n", MODELS)
        assert says in made.refusal(line, file=kept(made))

    def test_a_value_in_a_group_is_no_composition(self, project, ids):
        made = project("defaults: [/model: svm, _self_]\n", MODELS)
        file = kept(made)
        assert ids(made.load("model.C=2,3", file=file)) == ids(made.load("model.C=2,3"))
        assert made.load("model={C: 9}", file=file).variants[0].kwargs == {"model": {"kind": "svm", "C": 9}}


class TestProject:
    """`root` is where steps are imported from, and where results go."""

    @pytest.fixture
    def elsewhere(self, tmp_path_factory):
        return tmp_path_factory.mktemp("else where")

    def root(self, made, file, cwd, **options):
        from runner.config.load import Request, load

        with warnings.catch_warnings():
            warnings.simplefilter("error")
            (found,) = load(Request(file=file, cwd=cwd, **options))
        return found.root

    @pytest.mark.parametrize("at", ["results/x/experiment.yaml", "kept/my file.yaml", "e.yaml", "results/conf/experiment.yaml"])
    def test_a_file_belongs_to_the_project_that_it_lies_in_wherever_xrun_is_called(self, project, elsewhere, at):
        made = project()
        file = kept(made, at=at)
        assert self.root(made, file, elsewhere) == made.root
        assert self.root(made, file, made.root) == made.root

    def test_also_where_the_working_directory_is_another_project(self, project, elsewhere):
        (elsewhere / "conf").mkdir()
        made = project()
        assert self.root(made, kept(made), elsewhere) == made.root

    def test_a_copy_elsewhere_belongs_to_the_project_of_the_working_directory(self, project, elsewhere):
        made = project()
        copy = Path(shutil.copy(kept(made), elsewhere / "copy.yaml"))
        assert self.root(made, copy, made.root) == made.root

    def test_where_there_is_no_project_at_all_it_is_said(self, project, elsewhere):
        made = project()
        copy = Path(shutil.copy(kept(made), elsewhere / "copy.yaml"))
        with pytest.raises(ProjectWarning, match=r"neither .*copy\.yaml nor .*else where\d* lies in a project: steps are imported from"):
            self.root(made, copy, elsewhere)

    def test_a_config_directory_names_the_project(self, project, elsewhere):
        made = project()
        copy = Path(shutil.copy(kept(made), elsewhere / "copy.yaml"))
        assert self.root(made, copy, elsewhere, config_path=str(made.root / "conf")) == made.root

    @pytest.mark.parametrize("named", ["pyproject", "option", "variable"])
    def test_a_config_directory_in_an_unusual_place_is_found_again(self, project, elsewhere, named, monkeypatch):
        made = project()
        options = {"config_path": "settings"} if named == "option" else {}
        if named == "pyproject":
            (made.root / "pyproject.toml").write_text('[tool.xrun]\nconf = "settings"\n')
        if named == "variable":
            monkeypatch.setenv("XRUN_CONF", "settings")
        (made.root / "conf").rename(made.root / "settings")
        file = made.root / "results" / "x" / "experiment.yaml"
        file.parent.mkdir(parents=True)
        first = made.load(**options)
        file.write_text(first.yaml)
        monkeypatch.delenv("XRUN_CONF", raising=False)
        assert self.root(made, file, elsewhere) == first.root == made.root
        assert made.load(file=file).yaml == first.yaml

    def test_a_pyproject_that_cannot_be_read_on_the_way_up_is_nobodys_business(self, project):
        made = project()
        file = kept(made)
        (made.root / "results" / "pyproject.toml").write_text("[tool.xrun\n")
        assert self.root(made, file, made.root) == made.root
