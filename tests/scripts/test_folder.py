"""A working directory of a run's own."""

import shutil

import pytest

from runner.scripts.folder import working_folder


@pytest.fixture
def made(project):
    return project({"train.py": "", "data/n.txt": "5", "outputs/old.txt": "old", "logs/old.log": "old", "logs/deep/x": "1"})


def test_without_outputs_it_is_the_folder_itself(made):
    run = made.run()
    for metrics_file in ("", "/elsewhere/m.json"):
        with working_folder(run, made.root, "", metrics_file) as folder:
            assert folder == made.root


def test_it_shows_everything_but_the_outputs_of_others(made):
    run = made.run()
    with working_folder(run, made.root, "outputs", "") as folder:
        assert sorted(path.name for path in folder.iterdir()) == ["data", "logs", "outputs", "train.py"]
        assert (folder / "data/n.txt").read_text() == "5"
        assert list((folder / "outputs").iterdir()) == []
        assert not (folder / "outputs").is_symlink()
        assert (run.dir / "outputs").samefile(folder / "outputs")
    assert list(run.dir.iterdir()) == []
    assert (made.root / "outputs/old.txt").read_text() == "old"


def test_outputs_are_kept_also_when_the_body_fails(made):
    run = made.run()

    def fail():
        with working_folder(run, made.root, "outputs", "") as folder:
            (folder / "outputs/a").write_text("a")
            raise ValueError("x")

    with pytest.raises(ValueError, match="x"):
        fail()
    assert (run.dir / "outputs/a").read_text() == "a"
    assert not (run.dir / "outputs").is_symlink()


def test_a_script_may_delete_its_outputs_and_make_them_again(made):
    run = made.run()
    with working_folder(run, made.root, "outputs", "") as folder:
        shutil.rmtree(folder / "outputs")
        (folder / "outputs").mkdir()
        (folder / "outputs/a").write_text("a")
        assert (run.dir / "outputs/a").read_text() == "a"
    assert (run.dir / "outputs/a").read_text() == "a"


def test_a_script_may_leave_no_outputs_at_all(made):
    run = made.run()
    with working_folder(run, made.root, "outputs", "") as folder:
        (folder / "outputs").rmdir()
    assert list(run.dir.iterdir()) == []


def test_a_later_step_finds_the_outputs_of_an_earlier_one(made):
    run = made.run()
    with working_folder(run, made.root, "outputs", "") as folder:
        (folder / "outputs/model").write_text("m")
    with working_folder(run, made.root, "results/here", "") as folder:
        assert (folder / "results/here/model").read_text() == "m"
        (folder / "results/here/score").write_text("s")
    assert sorted(path.name for path in (run.dir / "outputs").iterdir()) == ["model", "score"]
    assert not (made.root / "results").exists()
    assert [path.name for path in run.dir.iterdir()] == ["outputs"]


def test_a_path_below_a_folder_is_the_run_s_own_and_its_neighbours_are_not(made):
    run = made.run()
    with working_folder(run, made.root, "logs/mine", "logs/deep/m.jsonl") as folder:
        assert (folder / "logs/old.log").read_text() == "old"
        assert (folder / "logs/deep/x").read_text() == "1"
        (folder / "logs/deep/m.jsonl").write_text("{}")
        (folder / "logs/mine/a").write_text("a")
    assert (run.dir / "outputs/a").read_text() == "a"
    assert (run.dir / "logs/deep/m.jsonl").read_text() == "{}"
    assert [path.name for path in (made.root / "logs/deep").iterdir()] == ["x"]


def test_what_is_written_beside_the_outputs_is_not_lost(made):
    run = made.run()
    (run.dir / "report.csv").write_text("kept")
    with working_folder(run, made.root, "outputs", "") as folder:
        (folder / "extra").mkdir()
        (folder / "extra/a").write_text("a")
        (folder / "report.csv").write_text("changed later")
        (folder / "train.py").unlink()
        (folder / "train.py").write_text("another")
    assert (run.dir / "extra/a").read_text() == "a"
    assert (run.dir / "report.csv").read_text() == "kept"
    assert (run.dir / ".cwd/report.csv").read_text() == "changed later"
    assert (run.dir / "train.py").read_text() == "another"
    assert (made.root / "train.py").read_text() == ""


def test_the_workspace_is_not_in_it(made):
    """Or a program that follows links would walk in a circle."""
    run = made.run()
    with working_folder(run, made.root, "outputs", "") as folder:
        assert not (folder / ".xrun").exists()


def test_what_an_earlier_step_left_stays(made):
    run = made.run()
    for text in ("one", "two", "three"):
        with working_folder(run, made.root, "outputs", "") as folder:
            (folder / "log.txt").write_text(text)
    assert [(run.dir / name).read_text() for name in ("log.txt", ".cwd/log.txt", ".cwd1/log.txt")] == ["one", "two", "three"]
