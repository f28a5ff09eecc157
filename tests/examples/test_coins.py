"""The example `coins` from its YAML to its table, by the installed command in a process of its own."""

import math
import re

import pandas as pd
import pytest

AXIS = (1, 25, 50, 100)
P = 0.8


def deviation(n, p):
    """Mean and standard deviation of |X/n - p| for X ~ Binomial(n, p), summed over all outcomes."""
    outcomes = [(math.comb(n, k) * p**k * (1 - p) ** (n - k), abs(k / n - p)) for k in range(n + 1)]
    mean = math.fsum(weight * distance for weight, distance in outcomes)
    return mean, math.sqrt(math.fsum(weight * (distance - mean) ** 2 for weight, distance in outcomes))


def ids(project):
    return [row["id_run"] for row in project.rows("coins")]


def cached(project):
    return project.manifest("coins")["cached"]


@pytest.fixture
def project(make_project, repository, tmp_path):
    """This repository, its results elsewhere."""
    return make_project(repository, tmp_path / "workspace")


@pytest.fixture(scope="module")
def reference(make_project, repository, tmp_path_factory):
    """The project after `xrun +experiment=coins`."""
    project = make_project(repository, tmp_path_factory.mktemp("reference"))
    project.xrun("+experiment=coins")
    return project


def test_deviation_of_one_toss_and_of_two_is_what_it_is_by_hand():
    assert deviation(1, 0.8) == pytest.approx((0.8 * 0.2 + 0.2 * 0.8, math.sqrt(0.2 * 0.64 + 0.8 * 0.04 - 0.32**2)))
    assert deviation(2, 0.5) == pytest.approx((0.25, 0.25))


@pytest.mark.parametrize("repetitions", [100, 100_000])
def test_error_is_within_four_standard_errors_of_its_exact_expectation(project, repetitions):
    project.xrun("+experiment=coins", f"K={repetitions}")

    errors = {int(row["N"]): float(row["error"]) for row in project.rows("coins")}

    assert tuple(errors) == AXIS
    for n, error in errors.items():
        mean, spread = deviation(n, P)
        assert abs(error - mean) < 4 * spread / math.sqrt(repetitions)


def test_forced_rerun_executes_every_run_again_and_makes_the_same_table(reference):
    before = [reference.result("coins", file).read_bytes() for file in ("table.csv", "table.parquet")]

    reference.xrun("+experiment=coins", "--force")

    assert cached(reference) == 0
    assert [reference.result("coins", file).read_bytes() for file in ("table.csv", "table.parquet")] == before


@pytest.mark.parametrize("executor", ["executor.workers=1", "executor.workers=2", "executor.workers=3", "executor=serial"])
def test_table_does_not_depend_on_who_executes(project, reference, executor):
    project.xrun("+experiment=coins", executor)

    assert cached(project) == 0
    for file in ("table.csv", "table.parquet"):
        assert project.result("coins", file).read_bytes() == reference.result("coins", file).read_bytes()


def test_files_of_the_results_tell_the_same(reference):
    manifest = reference.manifest("coins")
    written = pd.read_csv(reference.result("coins", "table.csv"), dtype={"id_run": "string"})
    table = pd.read_parquet(reference.result("coins", "table.parquet"))

    pd.testing.assert_frame_equal(written, table)
    assert list(table.columns) == ["id_run", "N", "error", "n"]
    assert manifest["table"]["columns"] == {name: str(dtype) for name, dtype in table.dtypes.items()}
    assert (manifest["table"]["rows"], manifest["table"]["valid"], manifest["counts"]) == (4, True, {"COMPLETED": 4})
    assert manifest["runs"] == list(table["id_run"])
    assert tuple(table["N"]) == tuple(table["n"]) == AXIS
    files = {path.name for path in reference.result("coins", ".").iterdir()} - {"changes.patch"}
    assert files == {"experiment.yaml", "manifest.json", "table.csv", "table.parquet"}


def test_experiment_file_in_the_results_runs_the_same_experiment_again(project):
    project.xrun("+experiment=coins", "N=10,100")
    first, file = ids(project), project.result("coins", "experiment.yaml")
    text = file.read_text()

    project.xrun(file)

    assert (ids(project), cached(project), file.read_text()) == (first, 2, text)


def test_axis_replaced_in_any_notation_has_the_same_runs(project, reference):
    project.xrun("+experiment=coins", "-m", "N=10,100")
    first = ids(project)

    for notation in ("N=10,100", "params.N=[10,100]", "N=range(10,101,90)"):
        project.xrun("+experiment=coins", notation)
        assert (ids(project), cached(project)) == (first, 2)
    assert first[1] == ids(reference)[-1]


def test_longer_axis_executes_only_the_new_points(project):
    project.xrun("+experiment=coins", "N=1,25")

    project.xrun("+experiment=coins")

    assert (cached(project), len(ids(project))) == (2, 4)


@pytest.mark.parametrize(
    ("override", "told"),
    [("M=1,2", r"no axis, kwarg or top-level key.*`M`"), ("+experiment=coin", r"did you mean .*coins"), ("N=[]", r"empty")],
)
def test_what_cannot_be_meant_exits_2_and_writes_nothing(project, override, told):
    words = [override] if "experiment" in override else ["+experiment=coins", override]

    done = project.xrun(*words, code=2)

    assert re.search(told, done.stderr)
    assert not project.workspace.exists()


def test_run_that_fails_leaves_the_others_and_exits_1(project):
    done = project.xrun("+experiment=coins", "N=10,-1,100", code=1)

    assert "ValueError" in done.stdout + done.stderr
    assert [row["N"] for row in project.rows("coins")] == ["10", "100"]
    assert project.manifest("coins")["counts"] == {"COMPLETED": 2, "FAILED": 1}


def test_table_that_breaks_its_schema_exits_1(project):
    project.xrun("+experiment=coins", "results.schema.columns.error.checks.less_than_or_equal_to=0.01", code=1)

    table = project.manifest("coins")["table"]
    assert (table["valid"], table["rows"], len(table["violations"])) == (False, 4, 4)
