"""`xrun reproduce` and data: git's, DVC's in its cache or at a remote, and what nobody keeps."""

import shutil
from pathlib import Path

from tests.reproduce.conftest import Project

DATA = "data/numbers.txt"


def forget(project: Project) -> None:
    """Take the first version out of DVC's cache; its remote keeps it."""
    digest = project.manifest("total")["data"][0]["actual"]
    (project.root / ".dvc/cache/files/md5" / digest[:2] / digest[2:]).unlink()


def test_earlier_version_of_tracked_data_comes_from_the_cache(tracked: Project) -> None:
    done = tracked.reproduce("total")

    assert done.stdout == "total: the same, bit for bit: 2 runs\n"
    assert f"{DATA}: checked out from DVC's cache" in done.stderr
    assert (tracked.root / DATA).read_text() == "40 50\n"


def test_tracked_data_that_is_missing_in_the_tree_comes_from_the_cache(tracked: Project) -> None:
    (tracked.root / DATA).unlink()

    assert "the same, bit for bit" in tracked.reproduce("total").stdout


def test_data_that_the_cache_does_not_have_is_told_with_the_command_that_brings_it(tracked: Project) -> None:
    forget(tracked)

    done = tracked.reproduce("total", code=66)

    assert f"- {DATA}: recorded is " in done.stderr
    assert f"--pull fetches it (`dvc pull {DATA}` as of the recorded commit)" in done.stderr
    assert "nothing was run" in done.stderr
    tracked.git("checkout", "--quiet", "HEAD~1")
    tracked.dvc("pull", "--quiet", "--force", DATA)
    assert "the same, bit for bit" in tracked.reproduce("total").stdout


def test_pull_fetches_the_recorded_version_and_leaves_that_of_the_tree(tracked: Project) -> None:
    forget(tracked)
    before = tracked.snapshot()

    done = tracked.xrun("reproduce", "total", "--pull")

    assert "the same, bit for bit" in done.stdout
    assert f"{DATA}: pulled from DVC's remote" in done.stderr
    after = tracked.snapshot()
    changed = {name for name in {*before, *after} if before.get(name) != after.get(name)}
    assert {Path(name).relative_to(tracked.root).parts[:2] for name in changed} <= {(".dvc", "cache")}
    assert (tracked.root / DATA).read_text() == "40 50\n"


def test_data_that_is_nowhere_is_told_with_dvc_pull_where_the_tree_is_at_that_version(tracked: Project) -> None:
    tracked.git("checkout", "--quiet", "HEAD~1", "--", f"{DATA}.dvc")
    (tracked.root / DATA).unlink()
    forget(tracked)
    assert f"`dvc pull {DATA}` or --pull fetches it" in tracked.reproduce("total", code=66).stderr

    shutil.rmtree(tracked.root.parent / "remote")
    assert f"`dvc pull {DATA}` failed at the recorded commit" in tracked.reproduce("total", "--pull", code=66).stderr


def test_data_in_git_is_that_of_the_commit(project: Project) -> None:
    project.commit({DATA: "1 2 3\n"})
    project.xrun("+experiment=total", "-q")
    project.commit({DATA: "7\n"})

    assert "the same, bit for bit" in project.reproduce("total").stdout


def test_ignored_data_is_copied_from_the_tree_while_it_is_the_same(project: Project) -> None:
    project.commit({"conf/experiment/sum.yaml": "# @package _global_\nname: sum\nparams: {x: [1]}\nsteps: [sums.add]\ndata: [ignored]\n"})
    code = (
        "from pathlib import Path\n\n\ndef add(x: int) -> dict:\n    files = sorted((Path(__file__).parent / 'ignored').rglob('*.txt'))\n"
    )
    project.commit({"sums.py": f"{code}    files[0].write_text('overwritten')\n    return {{'n': len(files)}}\n"})
    project.write({"ignored/a.txt": "1\n", "ignored/b/c.txt": "2\n"})
    project.xrun("+experiment=sum", "-q")
    project.write({"ignored/a.txt": "1\n"})

    done = project.reproduce("sum")
    assert "the same, bit for bit" in done.stdout
    assert "ignored: copied from the working tree" in done.stderr

    project.write({"ignored/a.txt": "other\n"})
    done = project.reproduce("sum", code=66)
    assert "- ignored: recorded is " in done.stderr
    assert "and DVC does not have it" in done.stderr


def test_requirements_on_a_clean_tree_and_clean_data_are_met_in_the_checkout(tracked: Project) -> None:
    tracked.xrun("+experiment=strict", "-q")
    tracked.write({DATA: "9\n", "steps.py": "no Python"})

    assert "the same, bit for bit" in tracked.reproduce("strict").stdout


def test_data_beside_the_repository_is_brought_and_data_far_from_it_is_told(project: Project) -> None:
    code = "from pathlib import Path\n\n\ndef read(x: int) -> dict:\n"
    code += "    return {'y': (Path(__file__).parent / '../beside/numbers.txt').read_text()}\n"
    start = "# @package _global_\nparams: {x: [1]}\nsteps: [beside.read]\n"
    files = {
        f"conf/experiment/{name}.yaml": f"{start}name: {name}\ndata: [{up}beside]\n"
        for name, up in (("near", "../"), ("far", "../x/../../far/"))
    }
    project.commit({**files, "beside.py": code})
    project.write({"../beside/numbers.txt": "1\n", "../../far/beside/numbers.txt": "1\n"})
    project.xrun("+experiment=near", "-q")
    project.xrun("+experiment=far", "-q")

    assert "the same, bit for bit" in project.reproduce("near").stdout
    assert "outside of the repository" in project.reproduce("far", code=66).stderr


def test_data_that_was_modified_then_is_told_to_be_nobodys(tracked: Project) -> None:
    tracked.write({DATA: "5 5\n"})
    tracked.xrun("+experiment=total", "-q")
    assert "the same, bit for bit" in tracked.reproduce("total").stdout

    tracked.write({DATA: "6\n"})
    assert f"it was not what {DATA}.dvc says then either" in tracked.reproduce("total", code=66).stderr
