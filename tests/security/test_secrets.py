"""F30: a secret reaches no file and no screen. One canary in every place where one comes from, and a look at all that is left."""

import re
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests import calling

CANARY = re.compile(rb"c4n4ry[0-9a-z]{10}")


def canary(name: str) -> str:
    return f"c4n4ry{name:x<10}"


KEY = f"-----BEGIN KEY-----\n{canary('pem1')}/{canary('pem2')}\n{canary('pem3')}\n-----END KEY-----"
VARIABLES = {
    "MY_API_KEY": canary("envkey"),
    "SOMETHING": canary("envplain"),
    "MYSQL_PASSWORD": canary("envinside"),
    "SCRIPT_TOKEN": canary("script"),
    "PEM": KEY,
}
IN_ARGV = canary("override")
EXPERIMENT = f"""
description: with ${{oc.env:SOMETHING}}
tags: ["for ${{oc.env:SOMETHING}}"]
defaults: [/service: prod, _self_]
kwargs:
  api_key: ${{oc.env:MY_API_KEY}}
  plain: ${{oc.env:SOMETHING}}
  dsn: mysql://root:${{oc.env:MYSQL_PASSWORD}}@host/db
  private_key: ${{oc.env:PEM}}
  auth_token: ${{oc.env:NOT_SET_ANYWHERE,{canary("default")}}}
  db: {{password: {canary("yaml")}, port: 5432}}
  credentials: {{user: me, keys: [{canary("list")}]}}
  url: postgres://me:{canary("urlpass")}@host/db
  hf_token: ""
  seen: key of ${{params.n}} is ${{params.access_key}}
params:
  n: [1, 2]
  access_key: [{canary("axisone")}, {canary("axistwo")}]
steps:
  - {{call: steps.train, kwargs: {{client_secret: {canary("stepkwarg")}}}}}
  - {{script: tell.py, env: {{TOKEN: "${{oc.env:SCRIPT_TOKEN}}"}}}}
"""
STEPS = """
import json
import subprocess
import time
import urllib.parse


def train(run):
    given = run.kwargs
    whole = [given.api_key, given.plain, given.dsn, given.private_key, given.auth_token, given.db.password, *given["credentials"]["keys"]]
    whole += [given.url, given.hf_token, given.seen, run.params.access_key, given.client_secret, given.service.password]
    assert all("c4n4ry" in text for text in whole), whole
    for text in whole:
        print("it is", text, repr(text), json.dumps(text), urllib.parse.quote(text))
    head, tail = given.api_key[:7], given.api_key[7:]
    print(head, end="", flush=True)
    time.sleep(1.5)
    print(tail, flush=True)
    argv = subprocess.run(["ps", "axww", "-o", "args"], capture_output=True, text=True, check=True).stdout
    run.fields.seen_in_argv = sorted({word for word in argv.replace(",", " ").split() if "c4n4ry" in word and given.hf_token not in word})
    run.fields.update({"all": whole, given.api_key: 1, "nested": {"key": given.plain}})
    run.tags["key"] = "x" + given.api_key
    run.log_params({"used": given.api_key, "password": "c4n4rylogged0000", "db": given.db.password})
    run.log_metric("loss", 1.0)
    run.log_row("table", key=given.api_key)
    (run.dir / "model.txt").write_text("weights")
    run.log_artifact(run.dir / "model.txt")
    run.progress(0.5, f"with {given.api_key}")
    with run.child_run("child", {"key": given.api_key}) as child:
        child.fields.key = given.db.password
    if run.params.n == 2:
        raise ValueError(f"cannot log in with {whole}")
"""
FILES = {
    "conf/experiment/spy.yaml": EXPERIMENT,
    "conf/service/prod.yaml": f"password: {canary('group')}\nhost: h\n",
    "steps.py": STEPS,
    "tell.py": "import os, sys\nprint(os.environ['TOKEN'], file=sys.stderr)\nprint('kwarg', os.environ['XRUN_PARAM_api_key'])\n",
    "login.py": f"user = 'me'\npassword = '{canary('committed')}'\nretries = 3\n",
}
DIRTY = {
    "settings.py": f'API_KEY = "{canary("untracked")}"\nDEBUG = True\n',
    "login.py": f"user = 'me'\npassword = '{canary('committed')}'\nretries = 4\n",
    "notes.ini": f"[db]\npassword = {canary('settings')}\n",
    "url.txt": f"https://me:{canary('inurl')}@host/repo.git and {canary('envkey')}\n",
    ".env": f"TOKEN={canary('dotenv')}\n",
    "deploy.sh": f"export API_KEY={canary('shell')}\ncurl -H 'X-Api-Key: {canary('header')}' h\n"
    f"A_TOKEN={canary('tight')} prog --token {canary('word')}\n",
    "Dockerfile": f"FROM x\nENV API_KEY={canary('docker')}\nRUN prog --password={canary('flag')}\n",
    "Makefile": f"API_KEY := {canary('make')}\nrun:\n\tdocker run -e API_KEY={canary('dashe')} image\n",
    "work.ipynb": '{"cells": [{"source": ["api_key = \\"' + canary("notebook") + '\\"\\n", "x = 1\\n"]}]}\n',
    "brackets.py": f'API_KEY = ("{canary("bracket")}")\nSECRET = """{canary("triple")}"""\nx = 1\n',
    "keys.json": f'{{"api_key": "{canary("json")}", "n": 1}}\n',
    "keys.toml": f'api_key = "{canary("toml")}"\nn = 1\n',
    "keys.ts": f"const apiKey: string = '{canary('ts')}';\n",
    "keys.js": f"const apiKey = `{canary('js')}`;\n",
    "keys.R": f'api_key <- "{canary("arrow")}"\n',
    "keys.xml": f"<password>{canary('xml')}</password>\n",
    "keys.yaml": f"db: {{password: {canary('flow')}, n: 1}}\nprivate_key: |\n  {canary('block')}\n",
    "keys.ps1": f"$env:API_KEY = '{canary('ps')}'\n",
    "conf/experiment/spy.yaml": f"# edited\n{EXPERIMENT}",
}
COMMANDS = {
    "plan": ("plan", "+experiment=spy"),
    "plan --json": ("plan", "--json", "+experiment=spy"),
    "help": ("--help", "+experiment=spy"),
    "cfg": ("--cfg", "job", "+experiment=spy"),
    "cfg resolved": ("--cfg", "job", "--resolve", "+experiment=spy"),
    "cfg all": ("--cfg", "all", "+experiment=spy"),
    "cfg all resolved": ("--cfg", "all", "--resolve", "+experiment=spy"),
    "cfg hydra resolved": ("--cfg", "hydra", "--resolve", "+experiment=spy"),
    "cfg of steps": ("--cfg", "all", "--resolve", "--package", "steps", "+experiment=spy"),
    "cfg of kwargs": ("--cfg", "all", "--package", "kwargs", "+experiment=spy"),
    "cfg below a name that tells": ("--cfg", "all", "--package", "kwargs.credentials", "+experiment=spy"),
    "cfg of a secret": ("--cfg", "all", "--resolve", "--package", "kwargs.api_key", "+experiment=spy"),
    "cfg of a plain one": ("--cfg", "all", "--resolve", "--package", "kwargs.plain", "+experiment=spy"),
    "cfg job of kwargs": ("--cfg", "job", "--resolve", "--package", "kwargs", "+experiment=spy"),
    "info all": ("--info", "all", "+experiment=spy"),
    "info defaults": ("--info", "defaults", "+experiment=spy"),
    "info": ("--info", "config", "+experiment=spy"),
    "ls": ("ls", "spy"),
    "ls --json": ("ls", "spy", "--json"),
    "table": ("table", "spy"),
    "table --json": ("table", "spy", "--json"),
    "metrics": ("metrics", "spy"),
    "rows": ("rows", "spy"),
    "artifacts": ("artifacts", "spy"),
    "check": ("check", "spy", "-c", "seen_in_argv.count >= 0"),
    "diff": ("diff", "spy", "spy"),
    "diff --json": ("diff", "spy", "spy", "--json"),
    "query runs": ("query", "--json", "SELECT * FROM runs"),
    "query kwargs": ("query", "--csv", "SELECT * FROM kwargs"),
    "query params": ("query", "SELECT * FROM params"),
    "doctor": ("doctor",),
    "gc": ("gc",),
    "export csv": ("export", "csv", "spy", "out/spy.csv"),
    "export parquet": ("export", "parquet", "spy", "out/spy.parquet"),
    "export mlflow": ("export", "mlflow", "spy", "--uri", "sqlite:///out/mlflow.db"),
    "export tensorboard": ("export", "tensorboard", "spy", "out/tb"),
    "export dvc": ("export", "dvc", "spy", "out/dvc"),
    "a value that is no list": ("plan", "+experiment=spy", f"params.access_key={canary('scalar')}"),
    "an override that is none": ("plan", "+experiment=spy", f"kwargs.hf_token={canary('broken')}[1"),
    "a key that is none": ("plan", "+experiment=spy", f"++kwarg.password={canary('nokey')}"),
}
IDS = {"show": ("show",), "show --json": ("show", "--json"), "logs": ("logs",), "why": ("why",)}


@dataclass
class Left:
    """What xrun has left behind."""

    root: Path
    call: Callable[..., Any]
    said: dict[str, str] = field(default_factory=dict)
    """Command -> stdout and stderr."""
    codes: dict[str, int] = field(default_factory=dict)

    def xrun(self, name: str, *arguments: str, start: Callable[..., calling.Done] = calling.run) -> str:
        done = self.call(self.root, *arguments, start=start, **VARIABLES)
        self.said[name], self.codes[name] = done.stdout + done.stderr, done.returncode
        return done.stdout


def git(root: Path, *arguments: str) -> None:
    subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a@b", *arguments], cwd=root, check=True, capture_output=True)


@pytest.fixture(scope="module")
def left(tmp_path_factory, anywhere, written) -> Left:
    made = Left(tmp_path_factory.mktemp("spied"), anywhere)
    written(made.root, FILES)
    git(made.root, "init", "-q")
    git(made.root, "add", ".")
    git(made.root, "commit", "-qm", "x")
    git(made.root, "remote", "add", "origin", f"https://me:{canary('remote')}@host/repo.git")
    written(made.root, DIRTY)
    (made.root / "out").mkdir()
    real = calling.real  # their command lines are looked at
    made.xrun("run", "+experiment=spy", f"kwargs.hf_token={IN_ARGV}", "--show-output", start=real)
    made.xrun("run --json", "+experiment=spy", f"kwargs.hf_token={IN_ARGV}", "--json", start=real)
    ids = list(re.findall(r"[0-9a-f-]{36}", made.xrun("ls", "ls", "spy")))
    for name, arguments in COMMANDS.items():
        made.xrun(name, *arguments)
    for name, arguments in IDS.items():
        for n in (0, 3):
            made.xrun(f"{name} {n}", *arguments, ids[n])
    made.xrun("why two", "why", ids[0], ids[3])
    made.xrun("why plan", "why", ids[0], "+experiment=spy", f"kwargs.hf_token={canary('another')}")
    return made


def found(content: bytes) -> list[str]:
    return sorted({text.decode() for text in CANARY.findall(content)})


def test_the_steps_had_the_values_and_the_runs_ended_as_they_should(left):
    assert left.codes["run"] == 1, left.said["run"]
    assert "4 runs, 2 completed, 2 failed" in left.said["run"]
    assert "cannot log in with ['env:MY_API_KEY'" in left.said["run"]


def test_no_command_has_shown_one(left):
    assert {name: found(said.encode()) for name, said in left.said.items() if found(said.encode())} == {}


def test_every_command_had_something_to_show(left):
    refused = {name: code for name, code in left.codes.items() if code and name not in ("run", "run --json", "check")}
    assert refused == {"an override that is none": 2}, {name: left.said[name] for name in refused}
    assert "env:MY_API_KEY" in left.said["show 0"]
    assert "it is env:MY_API_KEY" in left.said["logs 0"]
    assert "api_key: env:MY_API_KEY" in left.said["cfg resolved"]
    assert "api_key: ${oc.env:MY_API_KEY}" in left.said["cfg"]
    assert "plain: env:SOMETHING#" in left.said["cfg all resolved"]
    assert "env:SOMETHING#" in left.said["cfg of a plain one"]


@pytest.mark.parametrize("folder", [".xrun", "results", "out"])
def test_no_file_has_one(left, folder):
    files = [path for path in (left.root / folder).rglob("*") if path.is_file()]
    assert files
    assert {str(path): found(path.read_bytes()) for path in files if found(path.read_bytes())} == {}


def test_no_source_that_is_kept_compressed_has_one(left):
    import sqlite3
    import zlib

    with sqlite3.connect(f"file:{left.root}/.xrun/xrun.db?mode=ro", uri=True) as db:
        sources = [zlib.decompress(content) for (content,) in db.execute("SELECT content FROM source")]
    assert [found(source) for source in sources if found(source)] == []


def test_no_child_process_has_one_in_its_command_line(left):
    text = left.xrun("fields", "query", "--json", "SELECT fields FROM runs WHERE fields LIKE '%seen_in_argv%'")
    assert '\\"seen_in_argv\\":[]' in text or '"seen_in_argv":[]' in text.replace(" ", ""), text


def test_the_patch_gives_the_tree_again_but_for_the_secrets(left, tmp_path):
    git(tmp_path, "clone", "-q", str(left.root), "clone")
    clone = tmp_path / "clone"
    git(clone, "apply", str(left.root / "results/spy/changes.patch"))
    patched: Mapping[str, str] = {name: (clone / name).read_text() for name in DIRTY if name != ".env"}
    assert patched["settings.py"] == 'API_KEY = "***"\nDEBUG = True\n'
    assert patched["login.py"] == "user = 'me'\npassword = '***'\nretries = 4\n"
    assert patched["notes.ini"] == "[db]\npassword = ***\n"
    assert patched["url.txt"] == "https://me:***@host/repo.git and env:MY_API_KEY\n"
    assert patched["deploy.sh"] == "export API_KEY=***\ncurl -H 'X-Api-Key: ***' h\nA_TOKEN=*** prog --token ***\n"
    assert patched["brackets.py"] == 'API_KEY = ("***")\nSECRET = """***"""\nx = 1\n'
    assert patched["work.ipynb"] == '{"cells": [{"source": ["api_key = \\"***\\"\\n", "x = 1\\n"]}]}\n'
    assert patched["conf/experiment/spy.yaml"].startswith("# @package _global_\n# edited\n")
    assert not (clone / ".env").exists()
    notes = (left.root / "results/spy/changes.patch").read_text().partition("diff --git")[0]
    assert notes.count("secrets in it are replaced: ") == 4 + 13


def test_what_is_left_runs_again_once_the_secrets_are_given(left):
    file = "results/spy/experiment.yaml"
    made = (left.root / file).read_text()
    assert "api_key: ${oc.env:MY_API_KEY}" in made
    assert "dsn: mysql://root:${oc.env:MYSQL_PASSWORD}@host/db" in made
    assert "password: ???" in made
    assert "url: ???" in made
    assert "auth_token: ${oc.env:NOT_SET_ANYWHERE}" in made
    left.xrun("again", file)
    assert left.codes["again"] == 2
    assert "a value is required here (???)" in left.said["again"]
