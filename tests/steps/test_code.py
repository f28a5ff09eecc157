"""The code digest: what a step's results may depend on, and nothing else."""

import sys
import warnings

import pytest

from runner.code import Sources, of_modules
from runner.spec import CodePolicy


@pytest.fixture
def digests(tmp_path):
    """`digests(files, edit, module)` -> the digest before and after an edit of files."""

    def both(files, edit, module="pkg.step", policy=CodePolicy.CLOSURE, path=()):
        found = []
        for changes in (files, edit):
            for name, text in changes.items():
                target = tmp_path / name
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(text if isinstance(text, bytes) else text.encode())
            sources = Sources(tmp_path, [str(tmp_path / folder) for folder in path])
            found.append(of_modules(sources, [module], None, policy).digest)
        return found

    return both


TREE = {
    "pkg/__init__.py": "",
    "pkg/step.py": "from pkg import helper\nimport json, numpy\n",
    "pkg/helper.py": "from .deep import thing\nfrom . import sibling\n",
    "pkg/sibling.py": "import pkg.step\n",
    "pkg/deep/__init__.py": "from .thing import x\n",
    "pkg/deep/thing.py": "from ...pkg2 import y\nfrom .. import lazy_not\nx = 1\ndef f():\n    import pkg.late\n",
    "pkg/late.py": "",
    "pkg/unrelated.py": "",
    "space/part/mod.py": "",
}
CHANGES = {
    "the module itself": ("pkg/step.py", "from pkg import helper\nimport json, numpy\nx = 1\n"),
    "a helper": ("pkg/helper.py", "from .deep import thing\nfrom . import sibling\n# a comment\n"),
    "a sibling by `from . import`": ("pkg/sibling.py", "x = 1\n"),
    "a package's __init__": ("pkg/deep/__init__.py", "from .thing import x\ny = 2\n"),
    "the parent package's __init__": ("pkg/__init__.py", "x = 1\n"),
    "a module two imports away": ("pkg/deep/thing.py", "x = 2\n"),
    "a module that a function imports": ("pkg/late.py", "x = 1\n"),
}


@pytest.mark.parametrize("what", CHANGES)
def test_an_edit_of_what_the_step_imports_changes_it(what, digests):
    file, text = CHANGES[what]
    before, after = digests(TREE, {file: text})
    assert before != after


@pytest.mark.parametrize("file", ["pkg/unrelated.py", "other.py", "pkg/data.txt", "json.txt", "tests/test_step.py"])
def test_an_edit_elsewhere_does_not(file, digests):
    before, after = digests(TREE, {file: "# a comment\n"})
    assert before == after


def test_renaming_a_module_counts_although_the_bytes_are_the_same(digests):
    before, after = digests(
        {"pkg/__init__.py": "", "pkg/step.py": "import pkg.a, pkg.b\n", "pkg/a.py": "x = 1\n", "pkg/b.py": "y = 1\n"},
        {"pkg/a.py": "y = 1\n", "pkg/b.py": "x = 1\n"},
    )
    assert before != after


def test_policies(digests):
    edit = {"pkg/helper.py": "x = 1\n"}
    assert len(set(digests(TREE, edit, policy=CodePolicy.MODULE))) == 1
    assert digests(TREE, edit, policy=CodePolicy.OFF) == ["", ""]
    assert len(set(digests(TREE, {"pkg/step.py": "x = 1\n"}, policy=CodePolicy.MODULE))) == 2


def test_namespace_packages(digests):
    files = {"space/step.py": "from space.part import mod\n", "space/part/mod.py": ""}
    before, after = digests(files, {"space/part/mod.py": "x = 1\n"}, module="space.step")
    assert before != after


def test_src_layout(digests):
    files = {"src/lib/__init__.py": "", "src/lib/step.py": "import lib.help\n", "src/lib/help.py": ""}
    before, after = digests(files, {"src/lib/help.py": "x = 1\n"}, module="lib.step", path=["src"])
    assert before != after


def test_a_package_goes_before_a_module_of_its_name(digests):
    files = {"step.py": "import both\n", "both.py": "", "both/__init__.py": ""}
    before, after = digests(files, {"both/__init__.py": "x = 1\n"}, module="step")
    assert before != after


@pytest.mark.parametrize("broken", ["def f(:\n", b"\0", b"\xff\xfe", "(" * 500, "from .......far import x\n", "x = '\\d'\n"])
def test_an_imported_module_that_cannot_be_parsed_still_counts(broken, digests):
    files = {"step.py": "import broken\n", "broken.py": broken}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        before, after = digests(files, {"broken.py": "x = 1\n"}, module="step")
    assert before != after


def test_installed_packages_in_the_project_are_not_the_projects(tmp_path):
    site = tmp_path / ".venv" / "lib" / "site-packages"
    site.mkdir(parents=True)
    (site / "installed.py").write_text("")
    (tmp_path / "own.py").write_text("import installed, os\n")
    sources = Sources(tmp_path, [str(tmp_path), str(site)])
    assert set(sources.closure("own")) == {"own"}
    assert Sources(sys.base_prefix and tmp_path.parent.parent, sys.path).file("os") is None


def test_the_standard_library_is_never_the_projects():
    from pathlib import Path

    assert Sources(Path("/"), sys.path).file("os") is None
    assert Sources(Path("/"), sys.path).file("runner.code") is None


def test_a_step_of_an_installed_module_has_the_digest_of_its_file(tmp_path):
    import json

    sources = Sources(tmp_path, [])
    one, other = (of_modules(sources, ["json"], file, CodePolicy.CLOSURE).digest for file in (json.__file__, json.decoder.__file__))
    assert one != other


@pytest.mark.parametrize(
    "source",
    [
        "from PKG.impl import f",
        "import functools\nfrom PKG.impl import f as g\nf = functools.partial(g)",
        "from PKG import impl\ndef f(): return impl.f()",
        "def __getattr__(name):\n    import importlib\n    return getattr(importlib.import_module('PKG.impl'), name)",
    ],
)
def test_the_function_s_own_module_counts_however_the_reference_gets_there(source, package, tmp_path):
    from runner.spec import Experiment, Step
    from runner.steps import inspect_steps

    name = package({"mod.py": source, "impl.py": "def f(): ...\n"})
    experiment = Experiment(name="x", steps=(Step(call=f"{name}.mod.f", name="f"),), variants=(), root=tmp_path, yaml="")
    before = inspect_steps(experiment)
    (tmp_path / name / "impl.py").write_text("def f(): ...\n# edited\n")
    after = inspect_steps(experiment)
    assert before.problems == ()
    assert before.code != after.code
