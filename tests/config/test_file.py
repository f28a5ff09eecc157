"""experiment.yaml: what a run leaves behind runs again, to the same ids."""

import pytest

from runner.config.load import is_experiment_file
from runner.secret import revealed

MODELS = {"model/svm.yaml": "kind: svm\nC: 1.0\n", "model/tree.yaml": "kind: tree\ndepth: 3\n"}
CASES = {
    "plain": ("kwargs: {a: 1}\nparams: {N: [1, 2]}\n", []),
    "swept": ("kwargs: {a: 1, b: 2}\nparams: {N: [1, 2]}\n", ["N=range(0,9)", "b=5,6", "seed=3", "replicates=2"]),
    "list and dict points": ("params: {N: [[1, 2], {a: 1.5}, null]}\n", []),
    "union, zip, exclude": ("params: [{a: [1, 2], b: [3], exclude: [{a: 1}]}, {zip: {c: [1, 2], d: [3, 4]}}]\n", ["b=4"]),
    "dotted": ("kwargs: {o: {x: 1}}\nparams: {o.lr: [1, 2], m: {deep: {er: [3]}}}\n", []),
    "group": ("", ["+model=svm", "model.C=1,10"]),
    "variants": ("kwargs: {a: '${model.kind}'}\nparams: {N: [1]}\n", ["+model=svm,tree", "N=5,6"]),
    "kwargs at the point": ("kwargs: {a: '${params.N}', k: 1, b: '${.k}'}\nparams: {N: [1, 2]}\n", ["k=7,8"]),
    "odd texts": ("kwargs: {a: 'no', b: '1', c: '1e3', d: '', e: \"x: y # z\", f: 'é😀', g: '010', h: ' s '}\n", []),
    "steps": ("", ["steps=[a.b,{call: c.d, kwargs: {q: 1}, retries: 2}]"]),
}


@pytest.mark.parametrize("name", CASES)
def test_a_composed_file_loads_to_the_same_plan(name, project, ids):
    body, overrides = CASES[name]
    made = project(body, MODELS)
    first = made.load(*overrides)
    file = made.root / "results" / "x" / "experiment.yaml"
    file.parent.mkdir(parents=True)
    file.write_text(first.yaml)
    (made.root / "conf" / "experiment" / "x.yaml").unlink()
    second = made.load(file=file)
    assert ids(second) == ids(first)
    assert (second.yaml, second.root, second.name, second.steps) == (first.yaml, first.root, "x", first.steps)
    assert [v.choices for v in second.variants] == [v.choices for v in first.variants]


def test_overrides_apply_to_every_variant_of_a_composed_file(project, grid, tmp_path):
    made = project("params: {N: [1]}\n", MODELS)
    file = tmp_path / "e.yaml"
    file.write_text(made.load("+model=svm,tree").yaml)
    assert [(p["model"], p["N"]) for p in grid(made.load("N=8,9", file=file))] == [(m, n) for m in ("svm", "tree") for n in (8, 9)]


def test_secrets_stay_unresolved(project, monkeypatch):
    monkeypatch.setenv("XRUN_TEST_SECRET", "hunter2")
    experiment = project("kwargs: {key: '${oc.env:XRUN_TEST_SECRET}'}\n").load()
    assert revealed(experiment.variants[0].kwargs) == {"key": "hunter2"}
    assert "hunter2" not in experiment.yaml


def test_a_secret_that_is_not_set_any_more_is_named(project, monkeypatch, tmp_path):
    monkeypatch.setenv("XRUN_TEST_SECRET", "hunter2")
    made = project("kwargs: {key: '${oc.env:XRUN_TEST_SECRET}'}\n")
    file = tmp_path / "e.yaml"
    file.write_text(made.load().yaml)
    monkeypatch.delenv("XRUN_TEST_SECRET")
    refusal = made.refusal(file=file)
    assert "e.yaml: kwargs.key: the environment variable XRUN_TEST_SECRET is not set" in refusal


def test_a_reference_to_hydra_is_settled_in_the_file(project, tmp_path):
    made = project("kwargs: {a: '${hydra:job.name}'}\n")
    file = tmp_path / "e.yaml"
    file.write_text(made.load().yaml)
    assert made.load(file=file).variants[0].kwargs == {"a": "xrun"}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("name: x\n", "not an experiment.yaml that xrun wrote"),
        ("xrun: {format: 2}\nname: x\n", "xrun.format: the file is of a newer xrun: format 2, and xrun "),
        ("xrun: {format: 0}\nname: x\n", "damaged"),
        ("xrun: {format: '1'}\nname: x\n", "damaged"),
        ("xrun: {}\nname: x\n", "damaged"),
        ("xrun: {format: 1}\nname: x\n", "damaged"),
        ("xrun: {format: 1, variants: [1]}\n", "damaged"),
        ("xrun: {format: 1, groups: [], chosen: {}}\nname: x\nbad: 1\n", "bad: unknown key `bad`"),
        ("xrun: {format: 1, groups: [], chosen: {}}\nname: x\nsteps: [a.b]\nparams: {N: []}\n", "params.N: the axis is empty"),
        ("xrun: 3\n", "not an experiment.yaml that xrun wrote"),
        ("a: [\n", "not valid YAML"),
        ("", "not an experiment.yaml that xrun wrote"),
    ],
)
def test_a_file_that_is_none_is_refused(text, says, project, tmp_path):
    file = tmp_path / "e.yaml"
    file.write_text(text)
    refusal = project().refusal(file=file)
    assert says in refusal
    assert "e.yaml" in refusal


def test_a_missing_file_and_config_options_are_refused(project, tmp_path):
    assert "cannot be read: No such file" in project().refusal(file=tmp_path / "none.yaml")
    assert "takes no --config-dir" in project().refusal(file=tmp_path / "none.yaml", config_name="x")


def test_a_file_of_a_newer_xrun_is_refused_with_what_to_do(project, tmp_path):
    file = tmp_path / "e.yaml"
    file.write_text(project().load().yaml.replace("format: 1", "format: 2"))
    assert "reads formats up to 1\n  install a newer xrun, or run the experiment from its config directory" in project().refusal(file=file)


def test_the_file_of_a_config_directory_is_refused_with_the_command_that_runs_it(project):
    made = project()
    assert made.refusal(file=made.root / "conf/experiment/x.yaml").endswith("run it from its config directory: xrun +experiment=x")


def test_a_word_is_a_file_or_an_override(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lr=1").mkdir()
    (tmp_path / "lr=1" / "a b.yaml").write_text("")
    words = ("results/x/experiment.yaml", "a.yml", "my file.yaml", "lr=1/a b.yaml", "N=1", "f=a.yaml", "lr=1/b.yaml", "coins")
    assert [word for word in words if is_experiment_file(word)] == list(words[:4])


def test_a_moment_is_settled_in_the_file(project, tmp_path, ids):
    made = project(
        "kwargs: {at: '${now:%f}', name: 'a-${now:%f}', n: '${oc.decode:${now:%Y}}', v: '${python_version:minor}', kept: '\\${now:%f}'}\n"
    )
    first = made.load()
    file = tmp_path / "e.yaml"
    file.write_text(first.yaml)
    second = made.load(file=file)
    kwargs = first.variants[0].kwargs
    assert second.variants[0].kwargs == kwargs
    assert ids(second) == ids(first)
    assert kwargs["name"] == f"a-{kwargs['at']}"
    assert (type(kwargs["n"]), kwargs["kept"]) == (int, "${now:%f}")


def test_one_moment_serves_every_option_of_a_swept_group(project):
    experiment = project("kwargs: {at: '${now:%f}'}\ntags: ['${now:%f}']\n", MODELS).load("+model=svm,tree")
    assert {variant.kwargs["at"] for variant in experiment.variants} == set(experiment.tags)
