"""Files that DVC has linked to its cache give way to new ones; the cache stays as it is, whatever kind of link."""

import shlex
import stat

import pytest

KINDS = ["copy", "hardlink", "symlink", "reflink"]
WRITERS = [
    "+experiment=coins K=7 N=1,3 -q",
    "export dvc coins",
    "export csv coins results/coins/all.csv",
    "export parquet coins results/coins/all.parquet",
    "check coins --md results/coins/report.md --junit results/coins/report.xml",
    "check coins --update-baseline -c 'error <= baseline' --baseline results/coins/baseline.json",
]


@pytest.fixture(scope="module")
def written(template, tmp_path_factory):
    """A project with everything that xrun writes into a results folder."""
    made = template.copied(tmp_path_factory.mktemp("written"))
    for line in [WRITERS[0].replace("K=7", "K=90"), *WRITERS[1:]]:
        made.xrun(*shlex.split(line))
    return made


@pytest.fixture(params=KINDS)
def tracked(request, written, tmp_path):
    """All of that, tracked by DVC and linked in the given way."""
    project = written.copied(tmp_path)
    if request.param == "reflink":
        project.sh("cp --reflink=always .gitignore probe || touch unable")
        if (project.root / "unable").exists():
            pytest.skip("this file system has no reflinks")
    project.sh(f"dvc config cache.type {request.param}")
    project.sh("dvc add --quiet results/coins")
    return request.param, project


def test_the_cache_stays_as_it_is_and_what_was_tracked_comes_back(tracked):
    kind, project = tracked
    folder = project.root / "results/coins"
    before = project.content("results/coins")
    linked = [file for file in folder.iterdir() if is_linked(file)]
    assert len(linked) == (len(before) if kind in ("hardlink", "symlink") else 0)

    for line in WRITERS:
        project.xrun(*shlex.split(line))

    written = {name for name, content in project.content("results/coins").items() if content != before.get(name)}
    assert written >= {
        "table.csv",
        "table.parquet",
        "manifest.json",
        "experiment.yaml",
        "metrics.json",
        "all.csv",
        "all.parquet",
        "report.md",
        "baseline.json",
    }
    assert not [name for name in written if is_linked(folder / name)]
    assert project.corrupt() == []
    project.sh("dvc checkout --quiet --force results/coins.dvc")
    assert project.content("results/coins") == before


@pytest.mark.parametrize("kind", ["hardlink", "symlink"])
def test_the_output_of_a_stage_is_made_again_from_the_store(project, kind):
    project.sh(f"dvc config cache.type {kind}")
    project.sh("dvc stage add --quiet -n coins -d conf/experiment/coins.yaml -o results/coins 'xrun +experiment=coins -q'")
    project.sh("dvc repro --quiet")
    table = (project.root / "results/coins/table.csv").read_bytes()
    assert is_linked(project.root / "results/coins/table.csv")
    project.xrun("+experiment=coins", "K=7", "-q")
    project.sh("dvc repro --quiet --force")
    assert (project.root / "results/coins/table.csv").read_bytes() == table
    assert '"cached": 4' in (project.root / "results/coins/manifest.json").read_text()
    assert project.corrupt() == []


def is_linked(file):
    status = file.lstat()
    return stat.S_ISLNK(status.st_mode) or status.st_nlink > 1
