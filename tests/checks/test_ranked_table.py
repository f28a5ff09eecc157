"""The table of verdicts at any width."""

import io

from hypothesis import given
from hypothesis import strategies as st

from runner import report
from runner.console.verdicts import ranked_table
from runner.report import COLUMNS

GROUP = "model=convolutional_network, optimizer=stochastic_gradient_descent"
LINE = ("accuracy >= baseline", GROUP, "0.805742 ± 0.0070", "0.795376 ± 0.0059", "-0.01037", "-1.29 %", "-0.008", "4", "FAIL: breach")


def drawn(width, lines=(LINE,)):
    out = io.StringIO()
    ranked_table(COLUMNS, lines, out, width=width, expendable=report.EXPENDABLE, styles=report.STYLES)
    return [line.rstrip() for line in out.getvalue().splitlines()]


@given(st.integers(60, 240))
def test_at_every_width_check_group_value_and_verdict_are_there_in_full(width):
    head, rule, *lines = drawn(width)
    body = [line for line in lines if not line.startswith("left out")]
    assert max(map(len, [head, rule, *body])) <= width
    assert all(name in head for name in ("check", "group", "current", "verdict"))
    text = "".join(body).replace(" ", "")
    for needed in ("0.795376±0.0059", "FAIL:breach"):
        assert needed in text
    start = head.index("group")
    end = start + max(len(line[start:].split("  ")[0]) for line in body)
    assert "".join(line[start:end] for line in body).replace(" ", "") == GROUP.replace(" ", "")


@given(st.integers(60, 239))
def test_a_wider_terminal_never_shows_less(width):
    def shown(head):
        return {name for name in ("baseline", "delta", "delta %", "tolerance", "current") if f" {name} " in f"{head} "}

    assert shown(drawn(width)[0]) <= shown(drawn(width + 1)[0])


def test_a_long_group_is_folded_before_a_column_goes():
    head, _, *lines = drawn(120)
    assert "baseline" in head
    assert "delta" in head
    assert lines[-1].startswith("left out: ")
    assert "optimizer=stochastic" in lines[1]


def test_what_goes_first_is_the_tolerance_and_then_the_number_of_runs():
    gone = [line for width in range(170, 60, -1) for line in drawn(width) if line.startswith("left out")]
    assert list(dict.fromkeys(gone)) == [
        "left out: tolerance; --json has all",
        "left out: tolerance, n; --json has all",
        "left out: delta %, tolerance, n; --json has all",
        "left out: delta, delta %, tolerance, n; --json has all",
        "left out: baseline, delta, delta %, tolerance, n; --json has all",
    ]
