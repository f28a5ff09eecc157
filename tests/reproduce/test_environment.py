"""`xrun reproduce --env`: the recorded versions in a virtual environment of their own."""

import json
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from runner import manifest as manifests
from runner.errors import IncompleteError
from runner.reproducing import surroundings, virtual
from runner.reproducing.recording import Recording
from tests.reproduce.conftest import Project


def recording(folder: Path, **manifest: object) -> Recording:
    told = {"python": platform.python_version(), "xrun": "0.1.0", **manifest}
    return Recording(folder=folder, manifest=manifests.of(told))


def distribution(folder: Path, name: str, version: str) -> Path:
    """The source of a package that needs no network to be built."""
    (folder / "src" / name).mkdir(parents=True)
    (folder / "src" / name / "__init__.py").write_text(f"VERSION = {version!r}\n")
    backend = f"""
import zipfile


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    told = "{name}-{version}.dist-info"
    with zipfile.ZipFile(wheel_directory + "/{name}-{version}-py3-none-any.whl", "w") as wheel:
        wheel.write("src/{name}/__init__.py", "{name}/__init__.py")
        wheel.writestr(told + "/METADATA", "Metadata-Version: 2.1\\nName: {name}\\nVersion: {version}\\n")
        wheel.writestr(told + "/WHEEL", "Wheel-Version: 1.0\\nGenerator: x\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr(told + "/RECORD", "")
    return "{name}-{version}-py3-none-any.whl"
"""
    (folder / "backend.py").write_text(backend)
    how = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    (folder / "pyproject.toml").write_text(f'{how}[project]\nname = "{name}"\nversion = "{version}"\n')
    return folder


needs_an_installer = pytest.mark.skipif(
    shutil.which("uv") is None
    and subprocess.run([sys.executable, "-m", "pip", "--version"], capture_output=True, check=False).returncode != 0,
    reason="neither pip nor uv is here",
)


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not on this machine cannot be had, which is said at once."""
    for name in ("PIP_NO_INDEX", "UV_OFFLINE"):
        monkeypatch.setenv(name, "1")


@pytest.mark.usefixtures("offline")
@needs_an_installer
def test_environment_has_the_projects_own_package_from_the_checkout_and_this_xrun(tmp_path: Path) -> None:
    source = distribution(tmp_path / "own", "ownpackage", "3.1")

    built = virtual.build(
        recording(tmp_path, packages={"ownpackage": "3.1", "xrun": "0.1.0", "pip": "1.0"}), [source, source], tmp_path / "env"
    )

    code = "import ownpackage, runner, importlib.metadata as m; print(ownpackage.VERSION, runner.__file__, m.version('xrun'))"
    done = subprocess.run([built.python, "-I", "-c", code], capture_output=True, text=True, check=True)
    version, file, xrun = done.stdout.split()
    assert (version, xrun, Path(file).is_relative_to(tmp_path / "env")) == ("3.1", "0.1.0", True)
    assert built.notes == ()


@pytest.mark.usefixtures("offline")
@needs_an_installer
def test_package_that_cannot_be_had_is_told_with_what_the_installer_says(tmp_path: Path) -> None:
    wanted = {"surely-no-such-package-of-xrun": "0.0.1"}

    with pytest.raises(
        IncompleteError, match=r"(?s)the recorded environment cannot be built.*surely-no-such-package-of-xrun.*without --env"
    ):
        virtual.build(recording(tmp_path, packages=wanted), [], tmp_path / "env")


def test_python_that_is_not_here_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(IncompleteError, match=r"made with Python 2\.9\.1, and no python2\.9 is here"):
        virtual.build(recording(tmp_path, python="2.9.1", packages={"a": "1"}), [], tmp_path / "env")
    with pytest.raises(IncompleteError, match="names no packages"):
        virtual.build(recording(tmp_path), [], tmp_path / "env")


@pytest.mark.parametrize("told", [{"packages": {"a": "1\n--index-url=x"}}, {"packages": {"-r x": "1"}}, {"python": "/../x"}])
def test_what_is_no_version_never_comes_to_an_installer(tmp_path: Path, told: dict[str, object]) -> None:
    with pytest.raises(IncompleteError, match="which is no version; nothing was installed"):
        virtual.build(recording(tmp_path, **{"packages": {"a": "1"}, **told}), [], tmp_path / "env")
    assert not (tmp_path / "env").exists()


def test_differences_name_python_xrun_and_packages_with_both_versions() -> None:
    now = {"python": platform.python_version(), "xrun": surroundings.__version__, "packages": surroundings.environment.installed()}
    assert surroundings.differences(manifests.of(now)) == []
    assert surroundings.differences(manifests.of({**now, "packages": {}})) == []  # nobody has recorded them

    then = {**now, "python": "3.0", "packages": {**now["packages"], "numpy": "0.1", "gone": "1"}}
    told = [str(each) for each in surroundings.differences(manifests.of(then))]
    assert told == [f"python 3.0 -> {platform.python_version()}", "gone 1 -> absent", f"numpy 0.1 -> {now['packages']['numpy']}"]
    many = manifests.of({**then, "packages": {f"p{n}": "1" for n in range(20)}})
    assert surroundings.sentence(surroundings.differences(many)).count("->") == 8


@pytest.mark.soak
@needs_an_installer
def test_results_are_reproduced_with_the_recorded_version_of_a_package(project: Project) -> None:
    """The package index is asked for all that this environment has: minutes, and a network."""
    project.xrun("+experiment=squares", "-q")
    file = project.root / "results/squares/manifest.json"
    told = json.loads(file.read_text())
    told["packages"]["colorama"] = "0.4.5"
    file.write_text(json.dumps(told))
    probe = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(project.home / "probe"), "colorama==0.4.5"]
    if subprocess.run(probe, capture_output=True, check=False).returncode:
        pytest.skip("no package index can be reached")

    done = project.call(sys.executable, "-P", "-m", "runner.cli", "reproduce", "squares", "--env", timeout=1800)

    assert "the same, bit for bit: 3 runs" in done.stdout
    assert "the environment is not the recorded one" not in done.stderr
