"""Thirty edits that change what a step computes give thirty new ids; ten that do not concern it give none."""

import sys

import pytest

from runner import plan
from runner.spec import Experiment, Step, Variant
from runner.steps import inspect_steps

STEP = """
from mutated import helper, CONSTANT
from mutated.deep.inner import Model as M


def main(run):
    total = 0
    for n in range(10):
        if n % 2 == 0 and helper.accept(n):
            total += helper.weigh(n) * CONSTANT
    run.fields["total"] = M(total).value(scale=0.5)
"""
HELPER = """
import math

LIMIT = 7
NAMES = ["a", "b"]


def accept(n, strict=False):
    return n < LIMIT or not strict


def weigh(n):
    try:
        return math.sqrt(n) + 1
    except ValueError:
        return 0
"""
INNER = """
class Model:
    factor = 3

    def __init__(self, x):
        self.x = x

    def value(self, scale=1.0):
        import mutated.late
        return mutated.late.last(self.x * self.factor * scale)
"""
FILES = {
    "__init__.py": "CONSTANT = 1\n",
    "step.py": STEP,
    "helper.py": HELPER,
    "deep/__init__.py": "",
    "deep/inner.py": INNER,
    "late.py": "def last(x):\n    return x\n",
    "unrelated.py": "def f():\n    return 1\n",
    "tests/test_step.py": "def test(): pass\n",
    "notes.txt": "one\n",
    "deep/other.py": "x = 1\n",
}
SEMANTIC = [
    ("step.py", "total = 0", "total = 1"),
    ("step.py", "range(10)", "range(11)"),
    ("step.py", "n % 2", "n % 3"),
    ("step.py", "== 0", "!= 0"),
    ("step.py", " and ", " or "),
    ("step.py", "+=", "-="),
    ("step.py", "* CONSTANT", "/ CONSTANT"),
    ("step.py", "* CONSTANT", ""),
    ("step.py", "scale=0.5", "scale=0.25"),
    ("step.py", '"total"', '"sum"'),
    ("step.py", "helper.accept(n)", "not helper.accept(n)"),
    ("step.py", "import Model as M", "import Other as M"),
    ("__init__.py", "CONSTANT = 1", "CONSTANT = 2"),
    ("__init__.py", "CONSTANT = 1", "CONSTANT = 1.0"),
    ("helper.py", "LIMIT = 7", "LIMIT = 8"),
    ("helper.py", "n < LIMIT", "n <= LIMIT"),
    ("helper.py", "strict=False", "strict=True"),
    ("helper.py", "not strict", "strict"),
    ("helper.py", "math.sqrt(n)", "math.log1p(n)"),
    ("helper.py", "+ 1", "- 1"),
    ("helper.py", "return 0", "return None"),
    ("helper.py", "except ValueError", "except TypeError"),
    ("helper.py", '["a", "b"]', '["b", "a"]'),
    ("helper.py", "def weigh(n):", "@(lambda f: lambda n: 2 * f(n))\ndef weigh(n):"),
    ("deep/inner.py", "factor = 3", "factor = 4"),
    ("deep/inner.py", "self.x = x", "self.x = -x"),
    ("deep/inner.py", "scale=1.0", "scale=2.0"),
    ("deep/inner.py", "class Model:", "class Other:\n    pass\n\n\nclass Model(Other):"),
    ("late.py", "return x", "return x + 1"),
    ("deep/__init__.py", "", "import random\nrandom.seed(1)\n"),
]
COSMETIC = [
    ("unrelated.py", "return 1", "return 1  # one"),
    ("unrelated.py", "return 1", "return 2"),
    ("unrelated.py", "def f", '"""Words."""\n\n\ndef f'),
    ("unrelated.py", "    ", "  "),
    ("tests/test_step.py", "pass", "assert True"),
    ("notes.txt", "one", "two"),
    ("deep/other.py", "x = 1", "x = 2"),
    ("deep/other.py", "x = 1", "# x\nx = 1"),
    ("later.py", None, "new = 1\n"),
    ("README.md", None, "words\n"),
]


@pytest.fixture
def identify(tmp_path, monkeypatch):
    """identify(file, old, new): the id of the one run of a project, edited so."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def run(file=None, old=None, new=None):
        for name, text in FILES.items():
            target = tmp_path / "mutated" / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text)
        if file is not None:
            target = tmp_path / "mutated" / file
            text = target.read_text() if old is not None else ""
            assert old is None or old in text
            target.write_text(text.replace(old, new, 1) if old is not None else new)
        step = Step(call="mutated.step.main", name="main")
        experiment = Experiment(name="x", steps=(step,), variants=(Variant(),), root=tmp_path, yaml="")
        inspection = inspect_steps(experiment)
        assert file is not None or not inspection.problems
        made = inspection.code or ("",)
        for name in [name for name in sys.modules if name.partition(".")[0] == "mutated"]:
            del sys.modules[name]
        if target_is_gone(inspection):
            return inspection.problems[0]
        (one,) = plan.expand(experiment, made)
        return one.id_run

    return run


def target_is_gone(inspection):
    """An edit that breaks the import is no hit either."""
    return bool(inspection.problems)


def test_thirty_semantic_edits_give_thirty_new_ids(identify):
    assert len(SEMANTIC) == 30
    ids = [identify(), *(identify(*edit) for edit in SEMANTIC)]
    assert len(set(ids)) == 31


def test_ten_edits_elsewhere_give_none(identify):
    assert len(COSMETIC) == 10
    assert {identify(*edit) for edit in COSMETIC} == {identify()}


def test_by_design_a_comment_in_a_module_of_the_closure_counts(identify):
    assert identify("helper.py", "import math", "import math  # roots") != identify()
