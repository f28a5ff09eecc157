"""What a process has really loaded, held against what the plan counts on."""

import hashlib
import importlib
import importlib.util
import os
import sys
import time

import pytest

from runner.steps.loading import Expected, Guard, watch


def digest(text):
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.fixture
def tree(tmp_path):
    """tree(files): a project on sys.path whose modules are forgotten afterwards."""
    before, path, finders = set(sys.modules), list(sys.path), list(sys.meta_path)
    sys.path.insert(0, str(tmp_path))

    def make(files, age=60.0):
        for name, text in files.items():
            target = tmp_path / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text)
            moment = time.time() - age
            os.utime(target, (moment, moment))
        importlib.invalidate_caches()
        return tmp_path

    yield make
    sys.path[:], sys.meta_path[:] = path, finders
    for name in set(sys.modules) - before:
        del sys.modules[name]


def guard(root, files=(), **options):
    return Guard(Expected(root=root, steps=({name: digest(text) for name, text in dict(files).items()},), **options))


def test_what_the_plan_counts_on_is_loaded(tree):
    files = {"loading_a/__init__.py": "", "loading_a/b.py": "x = 1\n"}
    watched = guard(tree(files), files)
    importlib.import_module("loading_a.b")
    assert watched.after(0) == ""
    assert watched.news() == {}


def test_another_content_is_told_once_it_is_loaded_and_for_good(tree):
    watched = guard(tree({"loading_b.py": "x = 2\n"}), {"loading_b.py": "x = 1\n"})
    assert watched.before(0) == watched.after(0) == ""
    importlib.import_module("loading_b")
    assert watched.after(0).startswith("loading_b.py was changed after the sweep began")
    assert watched.before(0) == watched.after(0) != ""


def test_a_module_that_is_loaded_again_is_looked_at_again(tree):
    root = tree({"loading_c.py": "x = 1\n"})
    watched = guard(root, {"loading_c.py": "x = 1\n"})
    module = importlib.import_module("loading_c")
    assert watched.after(0) == ""
    tree({"loading_c.py": "x = 22\n"}, age=30)
    importlib.reload(module)
    assert "loading_c.py" in watched.after(0)


def test_what_no_plan_counts_is_told_once(tree):
    watched = guard(tree({"loading_d.py": "x = 1\n"}))
    importlib.import_module("loading_d")
    assert watched.after(0) == ""
    assert watched.news() == {"loading_d.py": digest("x = 1\n")}
    assert watched.after(0) == ""
    assert watched.news() == {}


@pytest.mark.parametrize("options", [{"exempt": frozenset({"loading_e.py"})}, {"open_ended": False}])
def test_what_a_policy_does_not_count_is_no_news(tree, options):
    watched = guard(tree({"loading_e.py": "x = 1\n"}), **options)
    importlib.import_module("loading_e")
    assert watched.after(0) == ""
    assert watched.news() == {}


def test_what_lies_in_the_workspace_is_no_source(tree):
    root = tree({".xrun/artifacts/loading_f.py": "x = 1\n"})
    sys.path.insert(0, str(root / ".xrun" / "artifacts"))
    watched = guard(root, aside=(root / ".xrun",))
    importlib.import_module("loading_f")
    watched.after(0)
    assert watched.news() == {}


def test_a_module_of_a_loader_of_its_own_is_noted_from_its_file(tree):
    root = tree({"loading_g.py": "x = 1\n"})
    watched = guard(root)
    spec = importlib.util.spec_from_file_location("loaded_by_hand", root / "loading_g.py")
    module = sys.modules["loaded_by_hand"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    watched.after(0)
    assert watched.news() == {"loading_g.py": digest("x = 1\n")}


def test_an_edit_of_the_same_length_in_the_same_second_is_executed(tree):
    """A .pyc knows its source by size and whole seconds; Python alone would execute the old code here."""
    root = tree({"loading_h.py": "x = 1\n"}, age=0)
    importlib.import_module("loading_h")
    moment = (root / "loading_h.py").stat().st_mtime
    (root / "loading_h.py").write_text("x = 2\n")
    os.utime(root / "loading_h.py", (moment, moment))
    watched = guard(root)
    del sys.modules["loading_h"]
    assert importlib.import_module("loading_h").x == 2
    watched.after(0)
    assert watched.news() == {"loading_h.py": digest("x = 2\n")}


def test_a_settled_module_still_comes_from_its_pyc(tree, monkeypatch):
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    root = tree({"loading_i.py": "x = 1\n"})
    info = root / "loading_i.py"
    guard(root)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(time, "time_ns", lambda: info.stat().st_ctime_ns + 10_000_000_000)
        importlib.import_module("loading_i")
    assert list((root / "__pycache__").glob("loading_i.*.pyc"))


def test_sources_of_a_script_are_looked_at_before_and_after(tree):
    root = tree({"train.py": "x = 1\n"})
    watched = guard(root, {"train.py": "x = 1\n"}, scripts=frozenset({0}))
    assert watched.before(0) == watched.after(0) == ""
    tree({"train.py": "x = 2\n"})
    assert "train.py" in watched.after(0)
    assert "train.py" in watched.before(0)
    tree({"train.py": "x = 1\n"})
    assert watched.before(0) == ""
    (root / "train.py").unlink()
    assert "train.py" in watched.before(0)


def test_there_is_one_finder_however_often_it_is_asked_for(tree):
    finder = watch(tree({}))
    assert watch(tree({})) is finder
    assert sys.meta_path.count(finder) == 1
