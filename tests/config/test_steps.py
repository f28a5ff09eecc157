"""Script and command steps, tracking and columns: from YAML to frozen values."""

import pytest

from runner.secret import revealed
from runner.spec import Process, ResultsSpec, TrackingSpec

HEAD = "# @package _global_\nname: x\n"
ONE = "# @package _global_\nname: x\nsteps: [a.b]\n"


@pytest.fixture
def steps(project):
    """`steps(yaml, body)` -> the steps of an experiment."""
    return lambda yaml, body="", *overrides: project(f"steps: {yaml}\n{body}\n", head=HEAD).load(*overrides).steps


def test_a_script_with_everything(steps):
    (step,) = steps(
        """
  - script: train.py
    name: fit
    args: {--reg_rate: "${params.reg_rate}", --verbose: true, --n: 3, --off: null, --layers: [1, "${kwargs.k}"], --name: "${name}"}
    cwd: scripts
    env: {A: 1, B: "${run.dir}/x", C: null, D: text}
    outputs: outputs/
    scalars: true
    metrics_file: "${run.dir}/metrics.json"
    python: python3
    timeout: 1h30m
    max_memory: 2 GB
    retries: 2
    kwargs: {k: 3}
    version: 2
    code: module
    cache: false""",
        "params: {reg_rate: [0.1, 0.2]}\nkwargs: {k: 1}",
    )
    assert (step.call, step.name, step.timeout, step.max_memory, step.retries, step.version, step.code, step.cache, step.kwargs) == (
        "train.py", "fit", 5400.0, 2_000_000_000, 2, 2, "module", False, {"k": 3},
    )  # fmt: skip
    assert step.process == Process(
        script="train.py",
        args=(
            ("--reg_rate", "${params.reg_rate}"), ("--verbose", True), ("--n", 3), ("--off", None), ("--layers", ["1", "${kwargs.k}"]),
            ("--name", "x"),
        ),
        cwd="scripts",
        env=(("A", "1"), ("B", "${run.dir}/x"), ("C", None), ("D", "text")),
        outputs="outputs",
        scalars=True,
        metrics_file="${run.dir}/metrics.json",
        python="python3",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("yaml", "call", "name", "process"),
    [
        ("{script: a/b/train.py}", "a/b/train.py", "train", Process(script="a/b/train.py")),
        ("{command: make -s model}", "make -s model", "make", Process(command="make -s model")),
        ("{command: [./run.sh, 3, '${params.n}']}", "./run.sh 3 ${params.n}", "run", Process(command=("./run.sh", "3", "${params.n}"))),
        ("{command: '(cd a; ls)'}", "(cd a; ls)", "command", Process(command="(cd a; ls)")),
        ("{script: a.py, args: params}", "a.py", "a", Process(script="a.py", args="params")),
        ("{script: a.py, args: all}", "a.py", "a", Process(script="a.py", args="all")),
        ("{script: a.py, args: [predict, 3, -x]}", "a.py", "a", Process(script="a.py", args=("predict", "3", "-x"))),
        ("{script: a.py, args: null, env: null, scalars: null, cwd: null}", "a.py", "a", Process(script="a.py")),
        ("{script: a.py, outputs: ./a//b/}", "a.py", "a", Process(script="a.py", outputs="a/b")),
        (r"{script: a.py, scalars: '(?P<key>\w+)=(?P<value>\S+)'}", "a.py", "a",
         Process(script="a.py", scalars=r"(?P<key>\w+)=(?P<value>\S+)")),
        ("{command: 'echo \\${HOME} $HOME ${params.n}'}", "echo ${HOME} $HOME ${params.n}", "echo",
         Process(command="echo ${HOME} $HOME ${params.n}")),
    ],
)  # fmt: skip
def test_scripts_and_commands(yaml, call, name, process, steps):
    (step,) = steps(f"[{yaml}]", "params: {n: [1]}")
    assert (step.call, step.name, step.process) == (call, name, process)


def test_only_the_point_is_left_in_the_texts(steps, monkeypatch):
    monkeypatch.setenv("XRUN_TEST_HOME", "/h")
    (step,) = steps("[{command: '${oc.env:XRUN_TEST_HOME} ${name} ${params.n} ${kwargs.a} ${seed}'}]", "params: {n: [1]}\nkwargs: {a: 2}")
    assert step.process.command == "/h x ${params.n} ${kwargs.a} 0"


def test_a_step_s_texts_survive_overrides_and_groups(project):
    made = project(
        "steps: [{script: a.py, args: {--n: '${params.n}', --m: '${kwargs.model.C}'}}]\nparams: {n: [1]}\n",
        {"model/svm.yaml": "C: 1\n", "model/tree.yaml": "C: 2\n"},
        head=HEAD,
    )
    experiment = made.load("+model=svm,tree", "n=5,6")
    assert experiment.steps[0].process.args == (("--n", "${params.n}"), ("--m", "${kwargs.model.C}"))
    assert len(experiment.variants) == 2


def test_experiment_yaml_keeps_the_texts_and_the_secrets_unresolved(project, ids, monkeypatch):
    monkeypatch.setenv("XRUN_TEST_SECRET", "hunter2")
    step = "{script: a.py, args: {--n: '${params.n}'}, env: {KEY: '${oc.env:XRUN_TEST_SECRET}', D: '${run.dir}'}}"
    made = project(f"steps: [{step}]\nparams: {{n: [1, 2]}}\n", head=HEAD)
    first = made.load()
    assert "hunter2" not in first.yaml
    file = made.root / "results/x/experiment.yaml"
    file.parent.mkdir(parents=True)
    file.write_text(first.yaml)
    second = made.load(file=file)
    assert second.steps == first.steps
    assert revealed(second.steps[0].process.env) == (("KEY", "hunter2"), ("D", "${run.dir}"))
    assert ids(second) == ids(first)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90", 90), ("1.5", 1.5), ("90s", 90), ("10m", 600), ("10 min", 600), ("1h", 3600), ("1h30m", 5400), ("1 h 30 m 5.5 s", 5405.5),
     ("250ms", 0.25), ("2d", 172800)],
)  # fmt: skip
def test_times(text, seconds, steps):
    assert steps(f"[{{call: a.b, timeout: {text}}}]")[0].timeout == seconds


REFUSED = [
    ("{call: a.b, script: c.py}", "script: the step has call and script; it is one of them\n  make them two steps"),
    ("{script: a.py, command: b}", "command: the step has script and command; it is one of them"),
    ("{call: a.b, args: {--x: 1}}", "args: `args` is for scripts and commands\n  a function takes kwargs: {...}"),
    ("scripts/train.py", 'call: "scripts/train.py" is not a reference to a function\n  a file is a script: {script: scripts/train.py}'),
    ("{script: ''}", 'script: "" is not a text that says something'),
    ("{script: [a]}", 'script: ["a"] is not a text that says something'),
    ("{command: []}", "command: [] names no program\n  command: [make, -s, model]"),
    ("{command: [a, null]}", "command[1]: null is not a word"),
    ("{command: {a: b}}", 'command: {"a": "b"} is not a text that says something'),
    ("{command: a, python: python3}", "python: `python` is for scripts\n  a command names its own interpreter"),
    ("{script: a.py, args: param}", 'args: "param" says no arguments\n  did you mean `params`?'),
    ("{script: a.py, args: --x 3}", 'args: "--x 3" says no arguments\n  write {--flag: value}, [word, word], or one of: params, all'),
    ("{script: a.py, args: {--x: {a: 1}}}", 'args.--x: {"a": 1} is a mapping where one value or a list is meant'),
    ("{script: a.py, args: {--x: [[1]]}}", "args.--x[0]: [1] is not a word"),
    ("{script: a.py, args: {3: 1}}", 'args.3: the name 3 is not a string\n  quote it: "3"'),
    ("{script: a.py, env: [a]}", 'env: ["a"] is not a mapping'),
    ("{script: a.py, env: {A: [1]}}", "env.A: [1] is not one value"),
    ("{script: a.py, env: {'A=B': 1}}", 'env.A=B: "A=B" is not the name of a variable'),
    ("{script: a.py, outputs: ../x}", 'outputs: "../x" is not a folder below the working directory\n  outputs: outputs/'),
    ("{script: a.py, outputs: /x}", 'outputs: "/x" is not a folder'),
    ("{script: a.py, outputs: .}", 'outputs: "." is not a folder'),
    ("{script: a.py, scalars: '('}", 'scalars: "(" is not a regular expression: missing )'),
    ("{script: a.py, scalars: '(?P<key>a)'}", 'scalars: "(?P<key>a)" has no group `value`'),
    ("{script: a.py, metrics_file: m.csv}", 'metrics_file: "m.csv" is neither a .json nor a .jsonl file'),
    ("{script: a.py, metrics_file: ../m.json}", 'metrics_file: "../m.json" leaves the working directory'),
    ("{script: a.py, timeout: 1 hour}", 'timeout: "1 hour" is not a number of seconds above 0\n  write 90, 90s, 10m, 1h30m or 2d'),
    ("{script: a.py, timeout: '90'}", 'timeout: "90" is not a number of seconds above 0'),
    ("{script: a.py, arg: {}}", "arg: unknown key `arg`\n  did you mean `args`?"),
    ("{script: a.py, arg: {--n: '${params.n}'}}", "arg: unknown key `arg`\n  did you mean `args`?"),
    ("'./a.py ${params.n}'", ': "./a.py ${params.n}" is not a reference to a function\n  a command line: {command: "./a.py ${params.n}"}'),
    ("{script: a.py, args: ['${n}']}", "args[0]: there is no key `n` to interpolate\n  did you mean ${params.n}?"),
    ("train.py", 'call: "train.py" is not a reference to a function\n  a file is a script: {script: train.py}'),
    ("{command: 'ls ${HOME}'}", "command: there is no key `HOME` to interpolate\n  a variable of the shell is written $HOME or \\${HOME}"),
    ("{command: ['ls', '${X:1}']}", "command[1]: there is no resolver `X`\n  a variable of the shell is written $X or \\${X}"),
    ("{script: a.py, args: ['${oc.env:X,${params.n}}']}", "args[0]: ${params.n} stands inside another interpolation"),
]  # fmt: skip


@pytest.mark.parametrize(("step", "says"), REFUSED, ids=[step for step, _ in REFUSED])
def test_a_mistake_in_a_step(step, says, project):
    refusal = project(f"steps: [{step}]\nparams: {{n: [1]}}\n", head=HEAD).refusal()
    assert refusal.removeprefix("experiment/x.yaml: steps[0]").removeprefix(".").startswith(says), refusal


def test_elsewhere_in_a_step_the_point_cannot_be_referred_to(project):
    refusal = project("steps: [{script: '${params.n}.py'}]\nparams: {n: [a]}\n", head=HEAD).refusal()
    assert "steps: only kwargs can refer to an axis (${params...}), and of a script or command: args, command, cwd" in refusal


def test_tracking(project):
    assert project(head=ONE).load().tracking == TrackingSpec(strict=False, max_log=10_000_000, show_output=None, system_seconds=10.0)
    body = "tracking: {strict: true, max_log: 500 kB, show_output: false, system_seconds: 1m}\n"
    assert project(body, head=ONE).load().tracking == TrackingSpec(strict=True, max_log=500_000, show_output=False, system_seconds=60.0)
    assert project("tracking: {system_seconds: null}\n", head=ONE).load().tracking.system_seconds is None
    assert project(head=ONE).load("tracking.strict=true", "tracking.max_log=2MiB").tracking == TrackingSpec(strict=True, max_log=2 << 20)


@pytest.mark.parametrize(("text", "size"), [("0", 0), ("1000", 1000), ("10 MB", 10**7), ("1.5kB", 1500), ("2 GiB", 2 << 30), ("7 b", 7)])
def test_sizes(text, size, project):
    assert project(f"tracking: {{max_log: {text}}}\n", head=ONE).load().tracking.max_log == size


COLUMNS = [
    ("[params.lr, loss.min]", (("params.lr", "params.lr"), ("loss.min", "loss.min"))),
    ("[lr, {best: val/acc.max}, {a: x, b: y}]", (("lr", "lr"), ("best", "val/acc.max"), ("a", "x"), ("b", "y"))),
    ("{best: val/acc.max, rate: params.lr}", (("best", "val/acc.max"), ("rate", "params.lr"))),
    ("null", ()),
]


@pytest.mark.parametrize(("yaml", "columns"), COLUMNS)
def test_columns(yaml, columns, project):
    assert project(f"results: {{columns: {yaml}}}\n", head=ONE).load().results == ResultsSpec(columns=columns)


SECTIONS = [
    ("results: {columns: []}", "results.columns: no column is left\n  columns: [params.lr, loss.min], or remove it"),
    ("results: {columns: loss}", 'results.columns: "loss" is one value where a list is meant\n  write ["loss"]'),
    ("results: {columns: [3]}", "results.columns[0]: 3 is not a selector"),
    ("results: {columns: [a, {b: 3}]}", "results.columns[1].b: 3 is not a selector"),
    ("results: {columns: [loss, loss]}", "results.columns[1]: another column is called `loss` as well\n  name it: {NAME: loss}"),
    ("results: {columns: {1: a}}", "results.columns.1: the name 1 is not a string"),
    ("tracking: {strikt: true}", "tracking.strikt: unknown key `strikt`\n  did you mean `strict`?"),
    ("tracking: {strict: 1}", "tracking.strict: 1 is neither true nor false"),
    ("tracking: {max_log: 10 mega}", 'tracking.max_log: "10 mega" is not a number of bytes\n  write 500000, 500 kB, 10 MB; units: B, kB'),
    ("tracking: {max_log: -1}", "tracking.max_log: -1 is not a number of bytes"),
    ("tracking: {max_log: 1.5}", "tracking.max_log: 1.5 is not a number of bytes"),
    ("tracking: {system_seconds: 0}", "tracking.system_seconds: 0 is not a number of seconds above 0"),
    ("tracking: {show_output: sometimes}", 'tracking.show_output: "sometimes" is neither true nor false'),
    ("tracking: true", "tracking: true is not a mapping"),
]


@pytest.mark.parametrize(("body", "says"), SECTIONS, ids=[body for body, _ in SECTIONS])
def test_a_mistake_in_a_section(body, says, project):
    refusal = project(f"{body}\n", head=ONE).refusal()
    assert refusal.startswith(f"experiment/x.yaml: {says}"), refusal
