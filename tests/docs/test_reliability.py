"""docs/reliability.md: every failure of the catalogue has a promise and a test, and the tests that it names are there."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "reliability.md").read_text()
ROWS = {cells[1].strip(): cells[2:-1] for line in PAGE.splitlines() if re.match(r"\| F\d", line) and (cells := line.split("|"))}
CATALOGUE = [*(f"F{n}" for n in (*range(1, 29), 30, *range(33, 38))), "F3b", "F27b", "F28b"]
"""All but F29, F31 and F32: of a web page and of Dask, which there are not."""


def links(row: str) -> list[tuple[str, str]]:
    """(file and name of the test, target)."""
    return re.findall(r"\[([^\]]+)\]\(([^)]+)\)", ROWS[row][-1])


def functions(file: Path) -> dict[str, str]:
    """Name -> docstring of the tests of a file."""
    return {node.name: ast.get_docstring(node) or "" for node in ast.parse(file.read_text()).body if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("row", CATALOGUE)
def test_every_failure_has_a_promise_and_a_test(row: str) -> None:
    happens, promise, tried, *_ = (cell.strip() for cell in ROWS[row])
    assert happens
    assert promise
    assert tried
    assert links(row)


@pytest.mark.parametrize("row", sorted(ROWS))
def test_every_test_that_is_named_is_there_and_names_the_failure(row: str) -> None:
    told = ""
    for text, target in links(row):
        name, _, function = text.partition("::")
        file = (ROOT / "docs" / target).resolve()
        assert file == ROOT / "tests" / name
        assert function in functions(file), f"{text}: there is no such test"
        told += (ast.get_docstring(ast.parse(file.read_text())) or "") + functions(file)[function]
    assert re.search(rf"\b{row}\b", told), f"none of the tests says that it is about {row}"


def test_every_long_form_is_marked() -> None:
    """What `make soak` is said to do beyond `make test`, some test of the row does."""
    for row, cells in ROWS.items():
        if cells[3].strip():
            files = {(ROOT / "docs" / target).resolve() for _, target in links(row)}
            assert any("mark.forms" in file.read_text() or "mark.soak" in file.read_text() for file in files), row
