"""What the reading commands say of child runs, logged tables, conditions, orders: called as a user calls them."""

import contextlib
import io
import json
import sys

import pytest

from runner import cli, stores
from runner.record import Failure, Record, Status

from .conftest import CHILD, IDS, points, trail


@pytest.fixture
def xrun(workspace, monkeypatch, capsys):
    """xrun(*arguments) -> exit code, stdout, stderr, in a project with the store."""
    root = workspace.folder.parent
    (root / "conf").mkdir()
    monkeypatch.chdir(root)
    monkeypatch.delenv("XRUN_WORKSPACE", raising=False)

    def call(*arguments):
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), pytest.raises(SystemExit) as ended:
            cli.main(arguments)
        return ended.value.code, out.getvalue(), err.getvalue()

    return call


def lines(told):
    return [json.loads(line) for line in told[1].splitlines()]


def test_child_runs_are_listed_when_asked_for_with_the_params_of_their_parent(xrun):
    assert CHILD not in xrun("ls", "net")[1]
    (child,) = [line for line in lines(xrun("ls", "net", "--children", "--json")) if line["id_run"] == CHILD]
    assert (child["params"], child["name"], child["parent"]) == ({"lr": 0.1, "step": 1, "fold": 0}, "fold0", IDS[0])
    assert "fold0" in xrun("ls", "net", "--children")[1]
    (line,) = lines(xrun("ls", "net", "--children", "--where", "fold == 0 and lr == 0.1", "--columns", "run.name,lr", "--json"))
    assert line == {"id_run": CHILD, "run.name": "fold0", "lr": 0.1}


def test_a_metric_that_only_child_runs_have_is_pointed_at(xrun, workspace):
    child = "ef" + IDS[0][2:]
    store = stores.open(workspace.store)
    store.append(
        [Record(id_run=child, experiment="net", status=Status.COMPLETED, parent=IDS[2], name="fold1")],
        [trail(child, points("auc", [0], [0.5]))],
    )
    store.close()
    assert xrun("metrics", "net", "auc")[::2] == (
        3,
        "xrun: the runs of `net` have no metric `auc`, their child runs have; --children shows them\n",
    )
    (point,) = lines(xrun("metrics", "net", "auc", "--children", "--json"))
    assert (point["id_run"], point["lr"], point["value"]) == (child, 0.3, 0.5)
    assert "their child runs have; --children" in xrun("metrics", "net", "--where", "lr == 0.3")[2]


def test_the_tables_that_runs_logged_are_listed_and_shown(xrun):
    assert xrun("rows", "net", "--csv")[1] == "table,runs,rows\nconfusion,1,3\n"
    told = lines(xrun("rows", IDS[0][:8], "confusion", "--json"))
    assert [line["label"] for line in told] == ["a", "b", "c"]
    assert told[0]["params.lr"] == 0.1  # the table has a column `lr` of its own
    assert "... and 2 more; --limit 0 lists them" in xrun("rows", "net", "confusion", "--limit", "1")[1]
    assert xrun("rows", "net", "confusio")[::2] == (
        3,
        "xrun: the runs of `net` have logged no table `confusio`; did you mean `confusion`?\n",
    )


@pytest.mark.parametrize(
    ("command", "wanted"),
    [(("ls", "net"), 0), (("metrics", "net"), 3), (("metrics", "net", "loss"), 3), (("artifacts", "net"), 3), (("rows", "net"), 3)],
)
def test_where_no_run_meets_the_condition_it_is_said(xrun, command, wanted):
    code, _, told = xrun(*command, "--where", "lr == '0.1'")
    assert code == wanted
    assert told.splitlines()[:2] == [
        "xrun: no run of 3 meets the condition",
        "xrun: warning: `lr` is a number in these runs and is compared with a text; a number stands without quotes",
    ]


def test_runs_are_listed_in_the_order_of_the_plan_then_as_they_were_committed(xrun, workspace):
    committed = [line["id_run"] for line in lines(xrun("ls", "net", "--json"))]
    folder = workspace.results / "net"
    folder.mkdir(parents=True)
    order = [IDS[2], "no such run", IDS[0]]
    (folder / "manifest.json").write_text(json.dumps({"runs": order}))
    wanted = [IDS[2], IDS[0], *(one for one in committed if one not in order)]
    assert [line["id_run"] for line in lines(xrun("ls", "net", "--json"))] == wanted
    assert [line["id_run"] for line in lines(xrun("ls", "net", "--columns", "lr", "--json"))] == wanted
    (folder / "manifest.json").write_text("torn")
    assert [line["id_run"] for line in lines(xrun("ls", "net", "--json"))] == committed


def test_kwargs_in_which_runs_differ_stand_beside_the_params(xrun):
    told = xrun("ls", "net")[1]
    assert "lr=0.1 step=1 P=1" in told
    assert "same=" not in told


def test_a_negative_limit_is_refused(xrun):
    for command in (("ls", "net"), ("metrics", "net"), ("rows", "net"), ("query", "SELECT 1")):
        code, _, told = xrun(*command, "--limit", "-1")
        assert code == 2
        assert "'-1' is no number of lines; write 0 for all" in told


def test_the_name_of_an_experiment_is_no_id(xrun):
    assert xrun("show", "net")[::2] == (2, "xrun: `net` is an experiment, not the id of a run; xrun ls net lists its runs\n")


def test_two_words_that_are_neither_command_nor_override_are_told_so(xrun):
    code, _, told = xrun("frobnicate", "net", "bar")
    assert code == 2
    assert told.startswith("xrun: there is no command `frobnicate`; commands: plan, ")
    assert "is not an override" in xrun("frobnicate")[2]


def test_a_run_without_published_table_is_shown_by_table_with_a_word(xrun, workspace):
    code, out, told = xrun("table", "net", "--csv")
    assert (code, len(out.splitlines())) == (0, 3)
    assert "`net` has no published table; these are all completed runs" in told
    assert xrun("table", "nett")[0] == 3


def test_a_name_a_bare_tag_and_a_failure_without_step_are_shown_as_they_are(xrun, workspace):
    id_run = "dd" + IDS[0][2:]
    store = stores.open(workspace.store)
    failure = Failure(kind="ValueError", message="no", step="")
    store.append(
        [Record(id_run=id_run, experiment="net", status=Status.FAILED, name="forest", tags_json='{"bare":null,"a":"b"}', failure=failure)]
    )
    store.close()
    told = xrun("show", id_run[:8])[1].splitlines()
    assert "  called `forest`" in told
    assert "  bare" in told
    assert "failure: ValueError" in told
    assert "forest" in xrun("ls", "net")[1]
    assert "failure: ValueError" in xrun("logs", id_run[:8])[2]


def test_only_params_that_vary_stand_beside_summaries(xrun):
    told = xrun("metrics", "net", "--where", "lr <= 0.2")[1]
    assert "lr=0.1 step=1" in told
    one = xrun("metrics", "net", "--where", "lr == 0.2")[1]
    assert "lr=0.2 step=2" in one


def test_in_a_terminal_times_are_short_and_the_name_of_the_metric_is_left_out(xrun, monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    shown = Terminal()
    monkeypatch.setattr(sys, "stdout", shown)
    monkeypatch.setenv("COLUMNS", "100")
    with pytest.raises(SystemExit):
        cli.main(("metrics", "net", "loss"))
    monkeypatch.undo()
    assert "00:16:40.000" in shown.getvalue()
    assert "1970-01-01" not in shown.getvalue()
    assert "metric" not in shown.getvalue()


def test_a_query_reads_logged_rows_and_fields_without_tags(xrun):
    told = lines(xrun("query", "SELECT row, \"column\", value FROM rows WHERE name = 'confusion' ORDER BY 1, 2", "--json"))
    assert told[0] == {"row": 1, "column": "hits", "value": 1}
    assert told[-1] == {"row": 3, "column": "lr", "value": "of the table"}
    (line,) = lines(xrun("query", f"SELECT fields FROM runs WHERE id_run = '{IDS[1]}'", "--json"))
    assert json.loads(line["fields"]) == {"error": None, "loss": "as a field"}


def test_a_query_that_would_write_and_one_with_a_wrong_column_say_what_is_there(xrun):
    for statement in ("DELETE FROM runs", "DROP VIEW runs", "UPDATE runs SET status = 'x'"):
        assert "the query would do more than read; only SELECT is possible" in xrun("query", statement)[2]
    assert "no such column: r.statuss; did you mean `status`?" in xrun("query", "SELECT r.statuss FROM runs r")[2]
