"""Two xrun at once, and locks whose holder is dead."""

import os
import signal
import time


def slow(project, name="sweep", wait=0.02, runs=1000, **more):
    project.experiment(name, f'{{n: "range(0,{runs})"}}', kwargs={"wait": wait}, **more)


def test_a_second_xrun_on_the_same_experiment_is_refused_at_once_and_told_by_whom(project):
    slow(project)
    first = project.start("+experiment=sweep")
    project.wait_for_rows(1)
    took, started = [], []
    for _ in range(3):  # the fastest counts: the machine may be busy
        started.append(seconds(project, "plan", "+experiment=sweep"))
        begun = time.monotonic()
        code, _, err = project.run("+experiment=sweep")
        took.append(time.monotonic() - begun)
        assert code == 73
    print(took, started)
    assert min(took) < max(1.0, 3 * min(started))  # it waits for nothing
    assert f"process {first.pid} " in err
    assert len(err.splitlines()) == 1
    os.kill(first.pid, signal.SIGINT)
    assert first.wait(10) == 130
    project.assert_ok()


def seconds(project, *arguments):
    begun = time.monotonic()
    assert project.run(*arguments)[0] == 0
    return time.monotonic() - begun


def test_of_eight_that_start_together_exactly_one_runs(project):
    slow(project, runs=2000)
    together = [project.start("+experiment=sweep") for _ in range(8)]
    deadline = time.monotonic() + 30
    while len(running := [process for process in together if process.poll() is None]) > 1:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    (winner,) = running
    project.wait_for_rows(10)
    os.kill(winner.pid, signal.SIGINT)
    errors = [process.communicate(timeout=10)[1] for process in together]
    assert sorted(process.returncode for process in together) == [73] * 7 + [130], errors
    project.assert_ok()


def test_after_a_kill_nobody_is_refused(project):
    slow(project)
    for _ in range(3):
        process = project.start("+experiment=sweep")
        before = len(project.rows())
        project.wait_for_rows(before + 1)
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
    project.assert_ok()


def test_two_experiments_share_a_store(project):
    slow(project, "one", wait=0.001, runs=800)
    slow(project, "two", wait=0.001, runs=800, seed=2)
    both = [project.start(f"+experiment={name}") for name in ("one", "two")]
    for process in both:
        _, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
    assert len(project.assert_ok()) == 1600
    assert len(project.table("one").splitlines()) == len(project.table("two").splitlines()) == 801
