"""`xrun verify`: everything in a results folder that its manifest tells of, and nothing is run."""

import json
import shutil

from tests.reproduce.conftest import STEPS, Project


def differing(project: Project, name: str, *options: str) -> list[str]:
    """What `xrun verify` says differs; the project stays as it is."""
    before = project.snapshot()
    done = project.xrun("verify", name, *options, "--json", code=1)
    assert project.snapshot() == before
    told = json.loads(done.stdout)
    assert told["good"] is False
    return [each["what"] for each in told["checks"] if each["outcome"] == "differs"]


def test_results_as_they_were_written_are_good(project: Project) -> None:
    project.xrun("+experiment=checked", "-q")
    project.write({"steps.py": STEPS.replace("x * x", "x + x")})
    project.xrun("+experiment=picky", "-q", code=1)

    done = project.xrun("verify")

    assert done.stdout.splitlines() == [
        "checked: all of it is as recorded (table.parquet, table.csv, rows, experiment.yaml, schema, ids, commit)",
        "picky: all of it is as recorded (table.parquet, table.csv, rows, experiment.yaml, ids, changes.patch, commit)",
    ]


def test_every_file_that_was_changed_is_told(project: Project) -> None:
    project.write({"steps.py": STEPS.replace("x * x", "x + x")})
    project.xrun("+experiment=checked", "-q")
    folder = project.root / "results/checked"

    for name in ("table.csv", "experiment.yaml", "changes.patch"):
        text = (folder / name).read_text()
        (folder / name).write_text(text.replace("2", "7"))
        assert differing(project, "checked") == [name]
        (folder / name).unlink()
        assert name == "table.csv" or differing(project, "checked") == [name]  # table.parquet is enough
        (folder / name).write_text(text)
    whole = (folder / "table.parquet").read_bytes()
    (folder / "table.parquet").write_bytes(whole[:50])
    assert differing(project, "checked") == ["table", "schema"]
    (folder / "table.parquet").write_bytes(whole)
    project.xrun("verify", "checked")


def test_manifest_that_tells_other_ids_code_or_statuses_is_told(project: Project) -> None:
    project.xrun("+experiment=picky", "-q", code=1)
    file = project.root / "results/picky/manifest.json"
    text = file.read_text()
    told = json.loads(text)

    for change, expected in (
        ({"runs": [told["runs"][0], told["runs"][1], "0" * 36]}, ["rows", "ids"]),
        ({"steps": [{**told["steps"][0], "code": "0" * 64}]}, ["ids"]),
        ({"counts": {"COMPLETED": 3}}, ["rows"]),
        ({"git": {**told["git"], "commit": "1" * 40}}, ["commit"]),
    ):
        file.write_text(json.dumps({**told, **change}))
        assert differing(project, "picky") == expected
    file.write_text("{")
    assert "cannot be read" in project.xrun("verify", "picky", code=74).stderr


def test_schema_that_the_table_breaks_is_told(project: Project) -> None:
    project.xrun("+experiment=checked", "x=0,1", "-q", code=1)

    assert differing(project, "checked") == ["schema"]


def test_schema_that_is_a_class_is_imported_and_nothing_is_written(project: Project) -> None:
    project.xrun("+experiment=modelled", "-q")
    shutil.rmtree(project.root / "__pycache__", ignore_errors=True)
    before = project.snapshot()
    assert "schema, ids" in project.xrun("verify", "--import").stdout
    assert project.snapshot() == before

    for body in ("import nothing_of_that_name\n", "raise SystemExit(0)\n"):
        project.write({"schemas.py": body})
        assert differing(project, "modelled", "--import") == ["schema"]


def test_what_results_name_as_their_schema_is_not_executed_unless_that_is_asked_for(project: Project) -> None:
    project.xrun("+experiment=modelled", "-q")
    project.write({"schemas.py": "open('executed', 'w').close()\n"})
    done = project.xrun("verify", "modelled")
    assert "note: modelled: schema: it is a class, schemas." in done.stderr
    assert "--import executes its module" in done.stderr
    assert "cannot be told: schema" in done.stdout
    assert not (project.root / "executed").exists()
    project.xrun("verify", "modelled", "--import", code=1)
    assert (project.root / "executed").exists()


def test_data_that_is_not_as_recorded_any_more_is_told(tracked: Project) -> None:
    assert differing(tracked, "total") == ["data/numbers.txt"]

    (tracked.root / "data/numbers.txt").unlink()
    done = tracked.xrun("verify", "total", code=1)
    assert "missing" in done.stdout
    assert done.stderr == "total: 1 of 7 things are not as recorded\n"


def test_what_cannot_be_told_is_a_note(project: Project) -> None:
    project.xrun("+experiment=secret", "-q", TOKEN="abc")

    done = project.xrun("verify", "secret")
    assert "note: secret: ids: " in done.stderr
    assert "TOKEN is not set" in done.stderr
    assert "all of it is as recorded" in project.xrun("verify", "secret", TOKEN="abc").stdout


def test_what_is_not_there_or_was_not_recorded_is_a_note_and_nothing_is_claimed_of_it(project: Project) -> None:
    (project.root / ".git").rename(project.home / "git")
    project.xrun("+experiment=checked", "-q")
    folder = project.root / "results/checked"
    for missing, there, more in (("table.csv", "table.parquet", ""), ("table.parquet", "table.csv", ", schema")):
        whole = (folder / missing).read_bytes()
        (folder / missing).unlink()
        done = project.xrun("verify", "checked")
        good = ", ".join([there, "rows", "experiment.yaml", *(["schema"] if not more else []), "ids"])
        assert done.stdout == f"checked: as recorded: {good}; cannot be told: {missing}{more}, commit\n"
        assert f"note: checked: {missing}: it is not there; {there} is" in done.stderr
        assert "note: checked: commit: none was recorded" in done.stderr
        told = json.loads(project.xrun("verify", "checked", "--json").stdout)
        assert {each["what"] for each in told["checks"] if each["outcome"] == "unknown"} == {missing, "commit"} | {*more.split(", ")} - {""}
        (folder / missing).write_bytes(whole)
    (folder / "table.csv").unlink()
    (folder / "table.parquet").unlink()
    assert differing(project, "checked") == ["table"]


def test_interrupted_sweep_and_csv_alone_are_good(project: Project) -> None:
    project.xrun(
        "+experiment=squares",
        "-q",
        "--only",
        json.loads(project.xrun("plan", "+experiment=squares", "--json").stdout.split("\n")[1])["id_run"],
    )
    (project.root / "results/squares/table.parquet").unlink()

    assert "squares: as recorded: table.csv, rows, " in project.xrun("verify").stdout
    assert "there are no results" in project.xrun("verify", "--workspace", "elsewhere", code=3).stderr
