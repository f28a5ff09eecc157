"""The hooks of docs/ci.md and .pre-commit-hooks.yaml, run by the real pre-commit."""

import os
import re
import shutil

import pytest
import yaml

from tests.ci.conftest import BIN, ROOT, STEPS, Machine

PAGE = (ROOT / "docs/ci.md").read_text()
LOCAL, REMOTE = re.findall(r"```yaml\n(.*?)```", PAGE, flags=re.DOTALL)


@pytest.fixture
def clone(origin, tmp_path):
    return Machine(shutil.copytree(origin.root, tmp_path / "clone", symlinks=True), origin.environment)


def install(clone, config):
    clone.write({".pre-commit-config.yaml": config.replace("coins", "models")})
    clone.sh("git add . && pre-commit install")


def test_a_commit_of_results_that_keep_their_checks_goes_through_and_another_does_not(clone):
    install(clone, LOCAL.replace("check coins\n        language", "check coins --baseline git:HEAD\n        language"))
    clone.sh("git commit -q -m hook")

    clone.write({"training.py": STEPS.replace("0.90", "0.80")})
    clone.sh("xrun +experiment=models -q && git add .")
    done = clone.sh("git commit -q -m worse", code=1)
    assert "FAIL: breach" in done.stderr + done.stdout
    assert "model=cnn" in done.stderr + done.stdout
    assert clone.sh("git log --format=%s -1").stdout == "hook\n"


def test_the_hook_of_this_repository_is_one_that_pre_commit_takes(clone, tmp_path):
    hooks = Machine(tmp_path / "hooks", clone.environment)
    hooks.root.mkdir()
    shutil.copy(ROOT / ".pre-commit-hooks.yaml", hooks.root)
    hooks.sh("pre-commit validate-manifest .pre-commit-hooks.yaml && git init -q && git add . && git commit -q -m hooks && git tag v0.1.0")
    config = yaml.safe_load(REMOTE)
    config["repos"][0]["repo"] = str(hooks.root)
    (hook,) = config["repos"][0]["hooks"]
    hook["language"] = "system"  # the environment of its own is a minute's work, and needs the network
    hook["args"] += ["-c", "acc.min >= 0.5"]

    install(clone, yaml.safe_dump(config))
    assert "Passed" in clone.sh("pre-commit run --all-files").stdout
    install(clone, yaml.safe_dump(config).replace("0.5", "0.85"))
    done = clone.sh("pre-commit run --all-files", code=1)
    assert "acc.min >= 0.85" in done.stdout


@pytest.mark.soak
def test_the_hook_works_in_the_environment_that_pre_commit_makes_for_it(clone, tmp_path):
    """Needs the package registry, and a minute or more."""
    source = Machine(tmp_path / "source", clone.environment)
    shutil.copytree(ROOT / "runner", source.root / "runner", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE", ".pre-commit-hooks.yaml"):
        shutil.copy(ROOT / name, source.root)
    source.sh("git init -q && git add . && git commit -q -m xrun && git tag v0.1.0")

    install(clone, REMOTE.replace("https://example.org/xrun", str(source.root)).replace("[coins]", "[coins, -c, acc.min >= 0.5]"))
    without = os.pathsep.join(folder for folder in clone.environment["PATH"].split(os.pathsep) if folder != str(BIN))
    assert "Passed" in clone.sh(f"{BIN / 'pre-commit'} run --all-files", PATH=without).stdout


@pytest.mark.parametrize("config", [LOCAL, REMOTE], ids=["local", "remote"])
def test_a_config_of_the_page_is_one_that_pre_commit_takes(clone, config):
    clone.write({"shown.yaml": config, "short.yaml": config.replace("id: xrun-check", "name: xrun-check")})
    taken, refused = (clone.sh(f"pre-commit validate-config {name}.yaml", code=None) for name in ("shown", "short"))
    assert (taken.returncode, taken.stdout) == (0, "")
    assert refused.returncode == 1
    assert "Missing required key: id" in refused.stdout


def test_the_hook_that_the_page_names_is_one_of_this_repository():
    (shown,) = yaml.safe_load(REMOTE)["repos"]
    offered = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    assert [hook["id"] for hook in shown["hooks"]] == [hook["id"] for hook in offered]
