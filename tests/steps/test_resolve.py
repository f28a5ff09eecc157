"""A step's reference leads to a callable, or says where it ends."""

import pytest

from runner.steps import ResolveError, resolve
from runner.steps.resolving import module_of

SOURCE = """
def train(): return 1
class Box:
    class Inner:
        @staticmethod
        def method(): return 2
    def __call__(self): return 3
box = Box()
value = 7
async def later(): pass
def many(): yield 1
def __getattr__(name):
    raise AttributeError(name)
"""


@pytest.mark.parametrize(
    ("reference", "wanted"),
    [("mod.train", 1), ("mod:train", 1), ("mod.Box.Inner.method", 2), ("mod:Box.Inner.method", 2), ("sub.deep.f", 4), ("sub.deep:f", 4)],
)
def test_a_reference_is_followed(reference, wanted, package):
    name = package({"mod.py": SOURCE, "sub/deep.py": "def f(): return 4\n"})
    assert resolve(f"{name}.{reference}")() == wanted


def test_the_module_of_a_reference(package):
    name = package({"mod.py": SOURCE})
    assert module_of(f"{name}.mod.Box.Inner.method") == f"{name}.mod"
    assert module_of("json.dumps") == "json"
    assert module_of("os.path.join") == "os.path"


@pytest.mark.parametrize(
    ("reference", "says"),
    [
        ("mod.trian", "`NAME.mod` has no `trian`; did you mean `train`?"),
        ("mod:trian", "`NAME.mod` has no `trian`; did you mean `train`?"),
        ("mod.Box.Iner.method", "`NAME.mod.Box` has no `Iner`; did you mean `Inner`?"),
        ("mod.value", "it is a value of type int, which cannot be called"),
        ("mod.later", "it is a generator or coroutine function; a step must return its fields"),
        ("mod.many", "it is a generator or coroutine function"),
        ("mdo:train", "there is no module `NAME.mdo`; did you mean `NAME.mod`?"),
        ("mdo.train", "`NAME` has no `mdo`; "),
    ],
)
def test_a_reference_that_leads_nowhere(reference, says, package):
    name = package({"mod.py": SOURCE})
    with pytest.raises(ResolveError) as caught:
        resolve(f"{name}.{reference}")
    assert str(caught.value).startswith(says.replace("NAME", name))


def test_a_package_that_is_not_there(package):
    name = package({})
    with pytest.raises(ResolveError, match=f"there is no module `{name}x`; did you mean `{name}`"):
        resolve(f"{name}x.mod.f")
    with pytest.raises(ResolveError, match=r"there is no module `zzqqzz` on the path"):
        resolve("zzqqzz.f")


@pytest.mark.parametrize(
    ("source", "ends"),
    [
        ("import json\n\ndef broken():\n    return 1 / 0\n\nbroken()\n", "ZeroDivisionError: division by zero"),
        ("def f(:\n", "SyntaxError: "),
        ("raise SystemExit(3)\n", "SystemExit: 3"),
        ("import zzqqzz\n", "ModuleNotFoundError: No module named 'zzqqzz'"),
        ("from json import nothing\n", "ImportError: cannot import name 'nothing' from 'json'"),
        ("import json\njson.nothing\n", "AttributeError: module 'json' has no attribute 'nothing'"),
        ("from . import gone\n", "ImportError: cannot import name 'gone'"),
    ],
)
def test_a_module_that_cannot_be_imported_shows_the_users_lines_alone(source, ends, package):
    name = package({"mod.py": source})
    with pytest.raises(ResolveError) as caught:
        resolve(f"{name}.mod.f")
    lines = str(caught.value).splitlines()
    assert lines[0] == f"importing `{name}.mod` failed:"
    assert "mod.py" in lines[1]
    assert any(ends in line for line in lines[2:])
    assert not any("importlib" in line or "resolving.py" in line for line in lines)


def test_ctrl_c_during_an_import_is_not_swallowed(package):
    name = package({"mod.py": "raise KeyboardInterrupt\n"})
    with pytest.raises(KeyboardInterrupt):
        resolve(f"{name}.mod.f")


def test_an_attribute_that_raises_something_else_is_told(package):
    name = package({"mod.py": "def __getattr__(name):\n    raise ValueError('no')\n"})
    with pytest.raises(ResolveError, match="ValueError: no"):
        resolve(f"{name}.mod.f")
