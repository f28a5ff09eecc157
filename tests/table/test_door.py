"""`runner.table` is the only door to pandas, pandera and pyarrow, and opening it costs nothing."""

import json
import subprocess
import sys

import pytest

HEAVY = ("pandas", "numpy", "pandera", "pyarrow", "hypothesis")


def loaded_after(code):
    script = f"import sys, json\n{code}\nprint(json.dumps([name for name in {HEAVY} if name in sys.modules]))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return set(json.loads(done.stdout))


def test_importing_it_imports_nothing_heavy():
    assert loaded_after("import runner.table") == set()


def test_the_quick_check_imports_nothing_heavy():
    schema = {"columns": {"x": {"dtype": "int64", "checks": {"gt": 1}}}}
    assert loaded_after(f"import runner.table; runner.table.check_schema_quick({schema})") == set()


def test_a_table_without_a_schema_needs_no_pandera():
    code = "from runner.table import Row, build, validate; validate(build([Row(id_run='a', params={}, fields_json='{}')], ()), None)"
    assert "pandera" not in loaded_after(code)


def test_warming_imports_everything_needed():
    assert loaded_after("import runner.table; runner.table.warm()") == {"pandas", "numpy", "pandera", "pyarrow"}


def test_warming_without_a_schema_spares_pandera():
    assert loaded_after("import runner.table; runner.table.warm(schema=False)") == {"pandas", "numpy", "pyarrow"}


def test_warming_hides_nothing_for_long():
    pytest.importorskip("hypothesis")
    assert "hypothesis" in loaded_after("import runner.table, gc; runner.table.warm(); assert gc.isenabled(); import hypothesis")


def test_warming_twice_is_harmless():
    assert "hypothesis" in loaded_after("import hypothesis, runner.table; runner.table.warm(); runner.table.warm()")
