"""The example `iris`: a DVC pipeline makes the data, `xrun` holds it against dvc.lock. Real git, real dvc, in a copy of the project."""

import hashlib
import shutil

import pytest

COPIED_FOLDERS = ("conf", "examples")
COPIED_FILES = (".dvc/.gitignore", ".dvc/config", ".dvcignore", ".gitignore", "data/.gitignore", "dvc.lock", "dvc.yaml")
DATA = "data/iris.csv"
ONE = ("+experiment=iris", "model=svm", "split=0")


def md5(path):
    return hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()


def change_one_byte(path):
    path.write_bytes(path.read_bytes().replace(b"5.1,", b"5.2,", 1))


def ids(project):
    return [row["id_run"] for row in project.rows("iris")]


def data_state(project):
    (state,) = project.manifest("iris")["data"]
    return state


@pytest.fixture(scope="module")
def clone(make_project, repository, tmp_path_factory):
    """The project as git has it: committed, its data not made yet."""
    project = make_project(tmp_path_factory.mktemp("iris") / "clone")
    for folder in COPIED_FOLDERS:
        shutil.copytree(repository / folder, project.root / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for file in COPIED_FILES:
        (project.root / file).parent.mkdir(exist_ok=True)
        shutil.copy(repository / file, project.root / file)
    for arguments in (["init", "--quiet"], ["add", "."], ["commit", "--quiet", "--message", "iris"]):
        project.call("git", *arguments)
    return project


@pytest.fixture(scope="module")
def made(clone, make_project):
    """A project after `dvc repro`, to be copied."""
    project = make_project(clone.root.with_name("made"))
    shutil.copytree(clone.root, project.root)
    project.call("dvc", "repro")
    return project


@pytest.fixture
def project(made, make_project, tmp_path):
    """A project with its data."""
    return make_project(shutil.copytree(made.root, tmp_path / "iris"))


def test_pipeline_makes_the_data_that_the_committed_lock_file_records(made, repository):
    assert made.call("git", "status", "--porcelain").stdout == ""
    assert (made.root / "dvc.lock").read_bytes() == (repository / "dvc.lock").read_bytes()
    assert len((made.root / DATA).read_text().splitlines()) == 151


def test_committed_dvc_configuration_has_no_remote_no_path_and_sends_nothing(made):
    assert made.call("dvc", "config", "--list", "--project").stdout.split() == ["core.analytics=false"]


def test_manifest_has_the_hashes_of_the_file_and_of_the_lock_file(project):
    project.xrun(*ONE)

    assert data_state(project) == {
        "path": DATA,
        "recorded": md5(project.root / DATA),
        "actual": md5(project.root / DATA),
        "size": (project.root / DATA).stat().st_size,
        "files": None,
        "status": "clean",
        "source": "dvc.lock",
        "source_hash": md5(project.root / "dvc.lock"),
    }
    assert f"md5: {md5(project.root / DATA)}" in (project.root / "dvc.lock").read_text()
    assert project.manifest("iris")["git"]["dirty"] is False


def test_every_classifier_meets_every_split_and_meets_it_alike_again(project):
    project.xrun("+experiment=iris", "model=svm,tree,logistic")
    first, rows = project.result("iris", "table.parquet").read_bytes(), project.rows("iris")

    project.xrun("+experiment=iris", "model=svm,tree,logistic", "--force", "executor.workers=1")

    assert [(row["model"], row["split"]) for row in rows] == [(m, str(n)) for m in ("svm", "tree", "logistic") for n in range(5)]
    assert all(float(row["accuracy"]) > 0.85 and float(row["f1"]) > 0.85 and row["tested"] == "45" for row in rows)
    assert len({row["id_run"] for row in rows}) == 15
    assert project.manifest("iris")["cached"] == 0
    assert project.result("iris", "table.parquet").read_bytes() == first


def test_parameter_of_the_classifier_is_an_axis(project):
    project.xrun("+experiment=iris", "split=0", "model=tree", "model.max_depth=1,3")

    rows = project.rows("iris")
    assert [(row["model"], row["model.max_depth"]) for row in rows] == [("tree", "1"), ("tree", "3")]
    assert float(rows[0]["accuracy"]) < 0.7 < float(rows[1]["accuracy"])  # a tree of depth 1 knows two of three species


def test_one_changed_byte_changes_every_id_and_the_old_bytes_bring_the_old_runs_back(project):
    file = project.root / DATA
    original = file.read_bytes()
    project.xrun("+experiment=iris", "split=0,1")
    first = ids(project)

    change_one_byte(file)
    project.xrun("+experiment=iris", "split=0,1")

    assert not set(ids(project)) & set(first)
    assert (data_state(project)["status"], data_state(project)["actual"]) == ("modified", md5(file))
    assert data_state(project)["recorded"] != md5(file)

    file.write_bytes(original)
    project.xrun("+experiment=iris", "split=0,1")

    assert (ids(project), project.manifest("iris")["cached"], data_state(project)["status"]) == (first, len(first), "clean")


def test_deleted_data_stops_everything_before_the_first_run_and_names_the_remedy(project):
    (project.root / DATA).unlink()

    done = project.xrun(*ONE, code=66)

    assert f"{DATA}: there is no such file or folder; `dvc checkout {DATA}` brings it from DVC's cache" in done.stderr
    assert not (project.root / "results").exists()
    assert not (project.root / ".xrun" / "xrun.db").exists()
    project.call("dvc", "checkout", DATA)
    assert (project.root / DATA).is_file()


def test_fresh_clone_without_a_remote_is_told_to_reproduce(clone, make_project, tmp_path):
    project = make_project(shutil.copytree(clone.root, tmp_path / "fresh"))

    done = project.xrun(*ONE, code=66)

    assert f"`dvc pull {DATA}` brings it, or `dvc repro` makes it again" in done.stderr
    assert not (project.root / "results").exists()


def test_demand_for_clean_data_and_a_clean_tree_is_met_by_the_committed_state(project):
    project.xrun(*ONE, "provenance.require={git: clean, data: clean}")

    assert project.manifest("iris")["counts"] == {"COMPLETED": 1}


def test_demand_for_clean_data_refuses_a_modified_file(project):
    change_one_byte(project.root / DATA)

    done = project.xrun(*ONE, "provenance.require.data=clean", code=65)

    assert f"{DATA}: modified since dvc.lock was written" in done.stderr
    assert not (project.root / "results").exists()


def test_demand_for_a_clean_tree_refuses_an_uncommitted_edit(project):
    with (project.root / "examples" / "iris.py").open("a") as file:
        file.write("# an edit\n")

    done = project.xrun(*ONE, "provenance.require.git=clean", code=65)

    assert "examples/iris.py" in done.stderr
    assert not (project.root / "results").exists()
