"""Mistakes of xrun's own are told apart from results that got worse; numbers that are none are refused where they are read."""

import pytest


def test_a_mistake_of_our_own_is_exit_70_with_a_traceback_and_no_secret(project, xrun, tmp_path_factory):
    assert xrun("+experiment=squares", "-q").returncode == 0
    broken = tmp_path_factory.mktemp("broken") / "pyarrow"  # a library that does what nobody expects
    broken.mkdir()
    (broken / "__init__.py").write_text("import os\nraise RuntimeError('the token is ' + os.environ['API_TOKEN'])\n")
    (project / "results/squares").rename(project / "before")

    done = xrun("check", "squares", "--baseline", "before", "-c", "y <= baseline", PYTHONPATH=str(broken.parent), API_TOKEN="s3cr3t-s3cr3t")

    assert (done.returncode, done.stdout) == (70, "")
    assert "Traceback" in done.stderr
    assert "RuntimeError: the token is ***" in done.stderr
    assert "this is a mistake in xrun and not in what you did" in done.stderr
    assert "s3cr3t" not in done.stderr


@pytest.mark.parametrize("grace", ["nan", "-1", "inf", "-inf", "1e999", "soon", ""])
def test_a_grace_that_is_no_time_is_refused_before_anything_runs(project, xrun, grace):
    done = xrun("+experiment=squares", f"--grace={grace}")
    assert (done.returncode, done.stdout) == (2, "")
    assert f"--grace: {grace!r} is no number of seconds" in done.stderr
    assert not (project / ".xrun").exists()


@pytest.mark.parametrize("grace", ["0", "2.5"])
def test_a_grace_that_is_one_is_taken(xrun, grace):
    assert xrun("+experiment=squares", "-q", f"--grace={grace}").returncode == 0


def test_integers_beyond_all_floats_are_checked_and_compared(project, xrun):
    (project / "steps.py").write_text("def large(k: int) -> dict:\n    return {'v': 10 ** (400 * k)}\n")
    text = "# @package _global_\nparams: {k: [0, 1]}\nsteps: [steps.large]\nchecks: [v <= 5]\n"
    (project / "conf/experiment/large.yaml").write_text(text)

    done = xrun("+experiment=large", "-q")
    assert (done.returncode, "FAIL: breach: v <= 5 (k=1): v is 1.00000e+400, allowed is <= 5" in done.stderr) == (1, True), done.stderr
    done = xrun("check", "large")
    assert (done.returncode, done.stderr.splitlines()[-1]) == (1, "large: 1 failed, 1 passed")
    done = xrun("diff", "large", "large", "--json")
    assert (done.returncode, '"same":true' in done.stdout) == (0, True)
    assert xrun("diff", "large", "large").returncode == 0
