"""Our composition equals Hydra's public compose(), which runs in a process of its own."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hydra.errors import HydraException
from omegaconf import OmegaConf

from runner.config.compose import Composer, apply_value, without_hydra
from runner.config.place import Place
from runner.errors import ConfigError

G = "# @package _global_\n"
DOCS = {  # Hydra's documentation, "Configuring Experiments"
    "config.yaml": "defaults:\n  - db: mysql\n  - server: apache\n  - _self_\n",
    "db/mysql.yaml": "name: mysql\n",
    "db/sqlite.yaml": "name: sqlite\n",
    "server/apache.yaml": "name: apache\nport: 80\n",
    "server/nginx.yaml": "name: nginx\nport: 80\n",
    "experiment/nglite.yaml": G + "defaults:\n  - override /db: sqlite\n  - override /server: nginx\n\nserver:\n  port: 8080\n",
    "experiment/aplite.yaml": G + "defaults:\n  - override /db: sqlite\n\nserver:\n  port: 8080\n",
}
TREE = {
    "model/svm.yaml": "kind: svm\nC: 1.0\nlayers: [1, 2, {a: b}]\n",
    "model/tree.yaml": "kind: tree\ndepth: ${kwargs.depth}\n",
    "model/deep/net.yaml": "defaults: [/optimizer@opt: adam, _self_]\nkind: net\nopt: {lr: 0.5}\n",
    "optimizer/adam.yaml": "lr: 1e-3\nbetas: [0.9, 0.999]\n",
    "optimizer/sgd.yaml": "lr: 0.1\nmomentum: ${.lr}\n",
    "data@x/odd.yaml": "a: 1\n",
    "experiment/plain.yaml": G + "name: plain\nkwargs: {depth: 3, a: {b: 1, c: [1, 2]}}\nsteps: [a.b]\n",
    "experiment/grouped.yaml": G + "defaults: [/model: svm, _self_]\nkwargs: {depth: 4}\nmodel: {C: 5}\n",
    "experiment/packaged.yaml": G + "defaults:\n  - /model@student: svm\n  - /model@teacher: tree\n  - _self_\nkwargs: {depth: 4}\n",
    "experiment/nested.yaml": G + "defaults: [/model/deep@model: net, _self_]\nkwargs: {depth: 1, copy: '${model.opt}'}\n",
    "experiment/optional.yaml": G + "defaults:\n  - optional /model: missing\n  - /optimizer: sgd\n  - _self_\nkwargs: {depth: 1}\n",
    "experiment/selfless.yaml": G + "defaults: [_self_, /optimizer: sgd]\noptimizer: {lr: 7, extra: 1}\n",
    "experiment/inner/deep.yaml": G + "name: deep\nkwargs: {when: '${now:%Y}', env: '${oc.env:HOME}'}\n",
    "experiment/unpackaged.yaml": "a: 1\n",
    "experiment/listed.yaml": G + "defaults: [/model: [svm, tree]]\nkwargs: {depth: 4}\n",
}
NULL = {**TREE, "config.yaml": "defaults:\n  - experiment: null\n  - optional local: default\n  - _self_\nkwargs: {base: 1}\n"}
HYDRA = {**TREE, "config.yaml": "defaults: [model: svm, _self_]\nhydra: {job: {name: mine}, run: {dir: .}}\nkwargs: {where: here}\n"}
SEARCH = {**TREE, "config.yaml": "hydra: {searchpath: ['file://${oc.env:XRUN_EXTRA}']}\nkwargs: {a: 1}\n"}

CASES: dict[str, tuple[dict[str, str], list[str]]] = {
    "docs: primary": (DOCS, []),
    "docs: experiment overrides groups": (DOCS, ["+experiment=nglite"]),
    "docs: another experiment": (DOCS, ["+experiment=aplite"]),
    "docs: command line wins": (DOCS, ["+experiment=nglite", "db=mysql", "server.port=1"]),
    "docs: group deleted": (DOCS, ["+experiment=aplite", "~server", "++server.port=3"]),
    "docs: key deleted": (DOCS, ["+experiment=nglite", "~server.port"]),
    "experiment": (TREE, ["+experiment=plain"]),
    "group in defaults, changed by the experiment": (TREE, ["+experiment=grouped"]),
    "group overridden": (TREE, ["+experiment=grouped", "model=tree"]),
    "group key overridden": (TREE, ["+experiment=grouped", "model.C=0.1", "++model.new=1"]),
    "packages": (TREE, ["+experiment=packaged"]),
    "package overridden": (TREE, ["+experiment=packaged", "model@teacher=svm", "student.C=3"]),
    "nested group with its own defaults": (TREE, ["+experiment=nested"]),
    "nested group from the command line": (TREE, ["+experiment=plain", "+model/deep@m=net"]),
    "optional default": (TREE, ["+experiment=optional"]),
    "defaults after _self_": (TREE, ["+experiment=selfless"]),
    "experiment in a folder": (TREE, ["+experiment=inner/deep"]),
    "experiment without a package": (TREE, ["+experiment=unpackaged"]),
    "list of options": (TREE, ["+experiment=listed"]),
    "group added": (TREE, ["+experiment=plain", "+model=tree", "+optimizer=sgd"]),
    "group added to a package": (TREE, ["+experiment=plain", "+optimizer@kwargs.opt=adam"]),
    "kwargs: change, add, force, delete": (
        TREE,
        ["+experiment=plain", "kwargs.depth=9", "+kwargs.new=[1,{a:2}]", "++kwargs.a.b=null", "++kwargs.z=1", "~kwargs.a.c"],
    ),
    "kwargs: merge of a mapping": (TREE, ["+experiment=plain", "++kwargs.a={b:2,d:4}", "+kwargs.q='a, b'"]),
    "kwargs: interpolation and types": (
        TREE,
        ["+experiment=plain", "kwargs.depth=${kwargs.a.b}", "+kwargs.t=[true,1e3,007,1_0,null,-inf,'x']"],
    ),
    "null experiment default: none": (NULL, []),
    "null experiment default: chosen": (NULL, ["experiment=plain"]),
    "user's hydra section": (HYDRA, ["+experiment=plain"]),
    "user's hydra section, group chosen": (HYDRA, ["model=tree", "+experiment=plain", "hydra.job.name=other"]),
    "refused: add what is there": (DOCS, ["+experiment=aplite", "+server.port=3"]),
    "refused: override what is not there": (TREE, ["+experiment=plain", "model=svm"]),
    "refused: unknown option": (TREE, ["+experiment=nothing"]),
    "refused: unknown key": (TREE, ["+experiment=plain", "kwargs.nothing=1"]),
    "search path": (SEARCH, ["+experiment=plain", "+extra=here"]),
}

ORACLE = """
import json, sys
from hydra import compose, initialize_config_dir
from hydra.errors import HydraException
from omegaconf import OmegaConf
found = {}
for name, (folder, overrides) in json.load(sys.stdin).items():
    with initialize_config_dir(folder, version_base=None):
        try:
            found[name] = OmegaConf.to_container(compose("config", overrides=overrides), resolve=False)
        except HydraException as error:
            found[name] = "refused"
            print(name, error, file=sys.stderr)
json.dump(found, sys.stdout)
"""


@pytest.fixture(scope="module")
def trees(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    made = {}
    for files in (DOCS, TREE, NULL, HYDRA, SEARCH):
        folder = tmp_path_factory.mktemp("tree")
        for name, text in {"config.yaml": "{}\n", **files}.items():
            path = folder / "conf" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        (folder / "more" / "extra").mkdir(parents=True)
        (folder / "more" / "extra" / "here.yaml").write_text("found: true\n")
        made[id(files)] = folder
    return made


@pytest.fixture(scope="module")
def oracle(trees: dict[int, Path]) -> dict[str, object]:
    """What Hydra's compose() says of every case."""
    asked = {name: (str(trees[id(files)] / "conf"), overrides) for name, (files, overrides) in CASES.items()}
    environment = {"HOME": "/home/me", "XRUN_EXTRA": str(trees[id(SEARCH)] / "more")}
    done = subprocess.run(
        [sys.executable, "-c", ORACLE], input=json.dumps(asked), capture_output=True, text=True, check=False, env=environment
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def ours(folder: Path, lines: list[str]) -> object:
    """The job config before our defaults and before any sweep is lowered, or `refused`."""
    try:
        composer = Composer(Place(root=folder, conf=folder / "conf", tried=()))
        overrides = composer.parse(lines)
        choosing = [o for o in overrides if composer.is_group(o) or o.is_hydra_override()]
        ((chosen_lines, chosen),) = composer.combinations(choosing)
        cfg = without_hydra(composer.compose(chosen_lines, chosen).cfg)
        OmegaConf.set_struct(cfg, True)
        for override in overrides:
            if override not in choosing:
                apply_value(cfg, override)
    except (ConfigError, HydraException):
        return "refused"
    return OmegaConf.to_container(cfg, resolve=False)


@pytest.mark.parametrize("name", CASES)
def test_composes_as_hydra_does(name: str, oracle: dict[str, object], trees: dict[int, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    files, lines = CASES[name]
    monkeypatch.setenv("XRUN_EXTRA", str(trees[id(SEARCH)] / "more"))
    assert (oracle[name] == "refused") == name.startswith("refused"), "a slip in the case itself"
    assert ours(trees[id(files)], lines) == oracle[name]


def test_both_spellings_of_the_experiment_compose_alike(trees: dict[int, Path]) -> None:
    for files in (TREE, NULL):
        folder = trees[id(files)]
        composer = Composer(Place(root=folder, conf=folder / "conf", tried=()))
        plus, plain = (composer.compose((f"{sign}experiment=plain",), {}).cfg for sign in ("+", ""))
        assert plus == plain


def test_several_compositions_do_not_see_each_other(trees: dict[int, Path]) -> None:
    folder = trees[id(TREE)]
    composer = Composer(Place(root=folder, conf=folder / "conf", tried=()))
    first = composer.compose(("+experiment=grouped",), {}).cfg
    first.model.layers[2].a = first.kwargs.depth = "changed"
    second = composer.compose(("+experiment=grouped",), {}).cfg
    assert (second.model.layers[2].a, second.kwargs.depth) == ("b", 4)
