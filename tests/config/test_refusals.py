"""Every bad input gives one error that names the place, the key, the value and the nearest valid choice. F27 and F27b are among them."""

import time
import warnings

import pytest

from runner.config import guard
from runner.config.compose import YamlWarning

MODELS = {"model/svm.yaml": "C: 1.0\n", "model/tree.yaml": "depth: 3\n"}
X = "experiment/x.yaml"
BODY = "kwargs: {P: 0.8, K: 100}\nparams: {N: [1, 25], M: [1, 2]}\n"
LIST = "one value where a list is meant"

IN_THE_FILE = [
    ("paramss: {}", f"{X}: paramss: unknown key `paramss`\n  did you mean `params`?"),
    ("learning_rate: 3", f"{X}: learning_rate: unknown key `learning_rate`\n  a fixed parameter goes below kwargs; valid keys: name, desc"),
    ("executor: {worker: 3}", f"{X}: executor.worker: unknown key `worker`\n  did you mean `workers`?"),
    ("executor: {name: dask}", f'{X}: executor.name: there is no executor "dask"\n  executors: local, serial'),
    ("executor: serial", f'{X}: executor: "serial" is not a mapping\n  executor: {{name: serial}}'),
    ("executor: {workers: many}", f'{X}: executor.workers: "many" is neither a whole number nor `auto`'),
    ("executor: {start: fork}", f'{X}: executor.start: "fork" is none of: forkserver, spawn'),
    ("provenance: {require: {gitt: clean}}", f"{X}: provenance.require.gitt: unknown key `gitt`\n  did you mean `git`?"),
    ("provenance: {require: {git: dirty}}", f'{X}: provenance.require.git: "dirty" is not `clean`, the only demand there is'),
    ("params: {N: []}", f"{X}: params.N: the axis is empty, so that there would be no run at all\n  give it a value, or remove it"),
    ("params: {N: 3}", f"{X}: params.N: 3 is {LIST}\n  write [3]"),
    ("params: {N: null}", f"{X}: params.N: null is {LIST}\n  write [null]"),
    ("params: {N: abc}", f'{X}: params.N: "abc" is {LIST}\n  write ["abc"], or sweep text: "range(1,9)", "choice(a,b)"'),
    ('params: {N: "range(1,"}', f'{X}: params.N: "range(1," is {LIST}\n  write'),
    ('params: {N: "glob(*)"}', f"{X}: params.N: glob() chooses options of a config group, it is no axis value"),
    ('params: {N: "range(0,1000000000000)"}', f'{X}: params.N: "range(0,1000000000000)": more than 10,000,000 values'),
    ('params: {N: "range(0,5,0)"}', f'{X}: params.N: "range(0,5,0)"'),
    ("params: {1: [2]}", f'{X}: params.1: the axis name 1 is not a string\n  quote it: "1"'),
    ("params: {zip: {1: [2], b: [3]}}", f"{X}: params.zip.1: the axis name 1 is not a string"),
    ("params: {a..b: [2]}", f'{X}: params.a..b: the axis name "a..b" has an empty part'),
    ("params: {a: [1], a.b: [2]}", f"{X}: params.a.b: `a` is an axis as well, so it cannot have `a.b` below it"),
    ("params: {zip: {a: [1], b: [2]}, a: [1]}", f"{X}: params.a: the axis is declared twice in one grid"),
    ("params: {a: [1, 2, 1]}", f"{X}: params.a[2]: the value 1 appears twice\n  to repeat points, use replicates: 2"),
    ("params: {a: [{1: 2}]}", f"{X}: params.a[0]: the key 1 of a mapping is not a string"),
    ("params: {N: {linspace: [0, 1]}}", f"{X}: params.N.linspace: [0, 1] is not [start, stop, count] with a count from 1 to 10,000,000"),
    ("params: {N: {linspace: [0, 1, 2], x: 1}}", f"{X}: params.N: "),
    ("params: {N: {logspace: [0, 999, 2]}}", f"{X}: params.N.logspace: [0, 999, 2] is beyond the largest number"),
    ("params: {zip: {a: [1, 2], b: [1]}}", f"{X}: params.zip: zipped axes need the same number of values: a has 2, b has 1"),
    ("params: {zip: {a: [1]}}", f'{X}: params.zip: {{"a": [1]}} does not pair axes\n  zip: {{a: [1, 2], b: [3, 4]}}'),
    ("params: {exclude: {a: 1}}", f'{X}: params.exclude: {{"a": 1}} is not a list of conditions\n  exclude: [{{a: 1, b: 2}}]'),
    ("params: {alpha: [1], exclude: [{alpa: 1}]}", f"{X}: params.exclude[0].alpa: no such axis\n  did you mean `alpha`?"),
    ("params: 3", f"{X}: params: 3 is not a mapping of axes, nor a list of such mappings\n  params: {{N: [1, 10, 100]}}"),
    ("params: []", f"{X}: params: [] is not a mapping of axes"),
    ("params: {run: [1]}", f"{X}: params.run: `run` is the name of what a step is given\n  rename the axis"),
    ("params: {replicate: [1]}", f"{X}: params.replicate: `replicate` is the axis that `replicates` makes\n  write replicates: 5"),
    ("params: {a: [1]}\nkwargs: {a: 3}", f"{X}: params.a: `a` is a kwarg as well\n  keep one of them"),
    ("params: {a.b: [1]}\nkwargs: {a: {b: 3}}", f"{X}: params.a.b: `a.b` is a kwarg as well"),
    ("params: {a.b: [1]}\nkwargs: {a: 3}", f"{X}: params.a.b: `a` is a kwarg that has nothing below it"),
    ("kwargs: [1]", f"{X}: kwargs: [1] is not a mapping"),
    ("kwargs: {1: 2}", f'{X}: kwargs.1: the name 1 is not a string\n  quote it: "1"'),
    ("kwargs: {run: 2}", f"{X}: kwargs.run: `run` is the name of what a step is given"),
    ("seed: 1.5", f"{X}: seed: 1.5 is not a whole number"),
    ("seed: true", f"{X}: seed: true is not a whole number"),
    ("seed: '1'", f'{X}: seed: "1" is not a whole number'),
    ("seed: ${params.N}\nparams: {N: [1]}", f"{X}: seed: only kwargs can refer to an axis (${{params...}})\n  move it to kwargs"),
    ("replicates: 0", f"{X}: replicates: 0 is not a whole number of at least 1"),
    ("tags: a", f'{X}: tags: "a" is {LIST}\n  write ["a"]'),
    ("data: [3]", f'{X}: data[0]: 3 is not a text\n  quote it: "3"'),
    ("data: {a: b}", f'{X}: data: {{"a": "b"}} is a mapping where a list is meant'),
    ("on_error: stopp", f'{X}: on_error: "stopp" is none of: continue, stop\n  did you mean `stop`?'),
    ("results: {schema: 3}", f"{X}: results.schema: 3 is neither a mapping nor a dotted path"),
    ("checks: [1]", f"{X}: checks[0]: 1 is neither a text nor a mapping"),
    ("search: {}", f"{X}: search: `search` is reserved for"),
    ("kwargs:\n  a: ???", f"{X}: kwargs.a: a value is required here (???)\n  give it: kwargs.a=..."),
    ("seed: ???", f"{X}: seed: a value is required here (???)\n  give it: seed=..."),
    ("executor:\n  name: ???", f"{X}: executor.name: a value is required here (???)"),
    (
        "kwargs: {alpha: 1, b: '${kwargs.alpa}'}",
        f"{X}: kwargs.b: there is no key `kwargs.alpa` to interpolate\n  did you mean ${{kwargs.alpha}}?",
    ),
    ("kwargs: {b: '${env:X}'}", f"{X}: kwargs.b: there is no resolver `env`\n  did you mean ${{oc.env:NAME}}?"),
    ("kwargs: {b: '${oc.env:XRUN_NO}'}", f"{X}: kwargs.b: the environment variable XRUN_NO is not set\n  set it, or give a default"),
    ("kwargs: {b: '${kwargs.c}', c: '${kwargs.b}'}", f"{X}: kwargs.b: the interpolation refers to itself"),
    ("kwargs: {b: ['${kwargs}']}", f"{X}: "),
    ("kwargs: {b: '${'}", f"{X}: not a valid interpolation"),
    (
        "kwargs: {o: {x: 1}, a: '${kwargs.o.${params.N}}'}\nparams: {N: [x, y]}",
        f"{X}: kwargs.a: there is no key `kwargs.o.y` to interpolate",
    ),
    ('kwargs: {a: "x\\0"}', f"{X}: kwargs.a: character 1 of the text is NUL, which no store can keep"),
    ('params: {a: ["\\0"]}', f"{X}: params.a[0]: character 0 of the text is NUL"),
    ("kwargs: {a: " + "1" * 5000 + "}", f"{X}: a number has too many digits"),
    ("kwargs: {a: 0x" + "1" * 5000 + "}", f"{X}: kwargs.a: the number has too many digits"),
]


@pytest.mark.parametrize(("body", "says"), IN_THE_FILE, ids=[body[:50] for body, _ in IN_THE_FILE])
def test_a_mistake_in_the_file(body, says, project):
    refusal = project(body + "\n").refusal()
    assert refusal.startswith(says), refusal


STEPS = [
    ("[]", "steps: there is no step, so that a run would do nothing\n  steps: [package.module.function]"),
    ("a.b", f'steps: "a.b" is {LIST}\n  write ["a.b"]'),
    ("", f"steps: null is {LIST}"),
    ("???", "steps: a value is required here (???)"),
    ("[a]", 'steps[0].call: "a" is not a reference to a function\n  write package.module.function or package.module:function'),
    ("['a b.c']", "steps[0].call: "),
    ("[3]", "steps[0]: 3 is not a mapping\n  valid keys: call, script, command, name, kwargs, timeout, max_memory, retries"),
    ("[{name: s}]", "steps[0].call: the step calls nothing"),
    ("[{call: a.b, retrie: 1}]", "steps[0].retrie: unknown key `retrie`\n  did you mean `retries`?"),
    ("[{call: a.b, retries: '2'}]", 'steps[0].retries: "2" is not a whole number of at least 0'),
    ("[{call: a.b, timeout: abc}]", 'steps[0].timeout: "abc" is not a number of seconds above 0'),
    ("[{call: a.b, timeout: 0}]", "steps[0].timeout: 0 is not a number of seconds above 0"),
    ("[{call: a.b, max_memory: lots}]", 'steps[0].max_memory: "lots" is not a number of bytes\n  write 500000, 500 kB'),
    ("[{call: a.b, max_memory: 2}]", "steps[0].max_memory: 2 is less than any process needs\n  write 500 MB, 2 GB"),
    ("[{call: a.b, max_memroy: 2 GB}]", "steps[0].max_memroy: unknown key `max_memroy`\n  did you mean `max_memory`?"),
    ("[{call: a.b, cache: 1}]", "steps[0].cache: 1 is neither true nor false"),
    ("[{call: a.b, code: modul}]", 'steps[0].code: "modul" is none of: closure, module, off\n  did you mean `module`?'),
    ("[{call: a.b, kwargs: 3}]", "steps[0].kwargs: 3 is not a mapping"),
    ("[{call: a.b, name: s}, {call: a.c, name: s}]", "steps[1].name: another step is called `s` as well\n  rename one of them"),
    ("[{call: a.b, kwargs: {x: '${params.N}'}}]\nparams: {N: [1]}", "steps: only kwargs can refer to an axis"),
]


@pytest.mark.parametrize(("steps", "says"), STEPS, ids=[steps for steps, _ in STEPS])
def test_a_mistake_in_the_steps(steps, says, project):
    refusal = project(f"steps: {steps}\n", head="# @package _global_\nname: x\n").refusal()
    assert refusal.startswith(f"{X}: {says}"), refusal


def test_steps_of_one_function_name_are_numbered(project):
    steps = project("steps: [a.b, c.b, {call: d.b, name: b_2}, 'e:b']\n", head="# @package _global_\n").load().steps
    assert [step.name for step in steps] == ["b", "b_3", "b_2", "b_4"]


ON_THE_COMMAND_LINE = [
    (["Z=3"], "Z=3: there is no axis, kwarg or top-level key `Z` (axes: N, M; kwargs: P, K)\n  to add an axis: +Z=3"),
    (["n=3"], "n=3: there is no axis, kwarg or top-level key `n` (axes: N, M; kwargs: P, K)\n  did you mean `N`?"),
    (["~Q"], "~Q: there is no axis, kwarg or top-level key `Q`"),
    (
        ["workers=3"],
        "workers=3: there is no axis, kwarg or top-level key `workers` (axes: N, M; kwargs: P, K)\n  did you mean `executor.workers`?",
    ),
    (
        ["git=clean"],
        "git=clean: there is no axis, kwarg or top-level key `git` (axes: N, M; kwargs: P, K)\n  did you mean `provenance.require.git`?",
    ),
    (["name=a", "size=3"], "size=3: there is no axis, kwarg or top-level key `size` (axes: N, M; kwargs: P, K)\n  to add an axis: +size=3"),
    (["+model=svm", "C=3"], "C=3: there is no axis, kwarg or top-level key `C` (axes: N, M; kwargs: P, K)\n  did you mean `model.C`?"),
    (["kwargs.Q=3"], "kwargs.Q=3: there is no key `kwargs.Q`\n  to add it: +kwargs.Q=3"),
    (["kwargs.Q=3,4"], "kwargs.Q=3,4: there is no axis, kwarg or top-level key `Q`"),
    (["params.Q=3,4"], "params.Q=3,4: there is no axis"),
    (["executor.workes=3"], "executor.workes=3: there is no key `executor.workes`\n  did you mean `executor.workers`?"),
    (["executor.workers=0"], "executor.workers: 0 is not a whole number of at least 1"),
    (["executor.name=dask"], 'executor.name: there is no executor "dask"\n  executors: local, serial'),
    (["executor=dask"], "executor=dask: the config group `executor` has no option `dask`; it has: local, serial"),
    (["executor.workers=1,2"], "executor.workers=1,2: `executor.workers` is one value for the whole experiment and cannot be swept"),
    (["seed=1,2"], "seed=1,2: `seed` is one value for the whole experiment and cannot be swept\n  replicates=3 repeats"),
    (["seed=1.5"], "seed: 1.5 is not a whole number"),
    (["replicates=0"], "replicates: 0 is not a whole number of at least 1"),
    (["steps=[a]"], 'steps[0].call: "a" is not a reference to a function'),
    (["steps={a: 1}"], "steps={a: 1}: the value is of another kind than what it replaces"),
    (["N=[]"], "params.N: the axis is empty"),
    (["N=1,1"], "params.N[1]: the value 1 appears twice"),
    (["N=interval(0,1)"], "N=interval(0,1): an interval has no list of values; it needs a search sweeper"),
    (["N=glob(*)"], "N=glob(*): "),
    (["N=range(0,1000000000000)"], 'params.N: "range(0,1000000000000)": more than 10,000,000 values'),
    (["+N=1,2"], "+N=1,2: the axis `N` exists\n  to replace it: N=1,2"),
    (["+P=1,2"], "params.P: `P` is a kwarg as well"),
    (["P='a\0b'"], "kwargs.P: character 1 of the text is NUL"),
    (["P='a\udc80b'"], "kwargs.P: character 1 of the text is a lone surrogate, which is not Unicode"),
    (["P=${kwargs.k}"], "kwargs.P: there is no key `kwargs.k` to interpolate\n  did you mean ${kwargs.K}?"),
    (["P=" + "1" * 5000], '"P=1111'),
    (["+store=a"], "store: `store` is reserved"),
    (["+zip=1,2"], "params.zip: 1 does not pair axes"),
    (["N=[1,2"], '"N=[1,2" is not an override'),
    (["N=1,,2"], '"N=1,,2" is not an override'),
    (["foo"], '"foo" is not an override\n  an override is written key=value'),
    ([""], '"" is not an override'),
    (
        ["+experiment=coinz"],
        "+experiment=coinz: the config group `experiment` has no option `coinz`; it has: coins, x\n  did you mean +experiment=coins?",
    ),
    (
        ["+experiment=x", "+experiment=coins"],
        "+experiment=x +experiment=coins: `experiment` is chosen twice\n  to run both: +experiment=x,coins",
    ),
    (["coin"], '"coin" is not an override\n  did you mean +experiment=coins?'),
    (["+modle=svm"], "+modle=svm: there is no config group `modle`\n  did you mean +model=svm?"),
    (["+modle=svm,tree"], "+modle=svm,tree: there is no config group `modle`\n  did you mean +model=svm,tree?"),
    (["+model=svn"], "+model=svn: the config group `model` has no option `svn`; it has: svm, tree\n  did you mean +model=svm?"),
    (["model=svm"], "model=svm: cannot override `model`: no defaults list has it\n  to add it: +model=svm"),
    (["+model=glob(z*)"], "+model=glob(z*): no option matches\n  options: svm, tree"),
    (["+model=interval(0,1)"], "+model=interval(0,1): a config group is swept by its options"),
    (["~model"], "~model: cannot delete `model`: no defaults list has it"),
    (["+model=svm", "model.D=1"], "model.D=1: there is no key `model.D`"),
    (["hydra.job.name=a,b"], "hydra.job.name: Hydra's own configuration cannot be swept"),
    (["hydra.job.nam=a"], "hydra.job.nam=a: cannot override `hydra.job.nam`: there is no such key"),
    (["hydra.searchpath=3"], ""),
    (["a..b=1"], ""),
    (["executor=local,serial"], ""),
]


@pytest.mark.parametrize(("overrides", "says"), ON_THE_COMMAND_LINE, ids=[" ".join(words)[:40] for words, _ in ON_THE_COMMAND_LINE])
def test_a_mistake_on_the_command_line(overrides, says, project):
    made = project(BODY, {**MODELS, "experiment/coins.yaml": "# @package _global_\nsteps: [a.b]\n"})
    refusal = made.refusal(*(() if "experiment" in overrides[0] else ("+experiment=x",)), *overrides)
    if says:
        assert refusal.startswith(f"command line: {says}"), refusal


def test_an_option_that_hydra_does_not_read_for_its_suffix_is_named(project):
    made = project(files={"experiment/y.yml": "# @package _global_\nsteps: [a.b]\n"})
    refusal = made.refusal("+experiment=y")
    assert refusal.startswith(
        "command line: +experiment=y: the config group `experiment` has no option `y`; it has: x\n  rename experiment/y.yml:"
    )


def test_an_error_below_a_key_that_was_not_overridden_still_names_the_file(project):
    assert project("params: {N: [1], M: []}\n").refusal("N=2").startswith(f"{X}: params.M: ")
    assert project("executor: {name: dask}\n").refusal("executor.workers=2").startswith(f"{X}: executor.name: ")


def test_the_file_that_is_named_is_the_last_that_set_the_key(project):
    made = project("defaults: [/base, _self_]\n", {"base.yaml": "# @package _global_\nseed: x\n"})
    assert made.refusal().startswith("base.yaml: seed: ")


def test_an_experiment_without_a_package_is_told_what_is_missing(project):
    refusal = project(head="name: x\nsteps: [a.b]\n").refusal()
    assert refusal == f"{X}: experiment: the file's content is below the key `experiment`\n  begin it with: # @package _global_"


def test_two_experiments_of_one_name_are_refused(project):
    made = project(files={"experiment/y.yaml": "# @package _global_\nname: x\nsteps: [a.b]\n"})
    assert "the experiments `x` and `y` are both called `x`" in made.refusal("+experiment=x,y")


def test_a_group_that_changes_more_than_kwargs_is_refused(project):
    made = project(files={"how/fast.yaml": "# @package _global_\nseed: 1\n", "how/slow.yaml": "# @package _global_\nseed: 2\n"})
    assert made.load("+how=slow").seed == 2
    assert "how=slow changes `seed`, which is one for the whole experiment" in made.refusal("+how=fast,slow")


def test_names_that_clash_with_a_group_are_refused(project):
    assert "a config group is called `model` as well" in project("params: {model: [1]}\n", MODELS).refusal("+model=svm")
    assert "a config group brings `model` as well" in project("kwargs: {model: 1}\n", MODELS).refusal("+model=svm")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"config_path": "nope"}, "--config-path: the config directory ROOT/nope does not exist"),
        ({"config_path": f"conf/{X}"}, f"--config-path: the config directory {X} is not a directory"),
        ({"config_dir": "nope"}, "--config-dir: the config directory ROOT/nope does not exist"),
        ({"config_dir": f"conf/{X}"}, f"--config-dir: the config directory {X} is not a directory"),
        ({"config_name": "nope"}, "--config-name: there is no primary config `nope` in ROOT/conf"),
    ],
)
def test_a_config_directory_that_is_none(options, says, project):
    assert project().refusal(**options).startswith(says)


BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(f"{c}: &{c} [{','.join(['*' + chr(ord(c) - 1)] * 9)}]\n" for c in "bcdefgh")
FILES = {
    "duplicate key": ("name: x\nname: y\n", "2: the key `name` appears twice in this mapping\n  keep one of them"),
    "alias bomb": (BOMB, "7: more than 1,000,000 values once the aliases are expanded"),
    "deep list": ("a: " + "[" * 100_000, "1: nested deeper than 64 levels"),
    "deep blocks": ("".join(f"{' ' * n}a:\n" for n in range(100)), "65: nested deeper than 64 levels"),
    "not YAML": ("a: [1\nb: 2\n", "2: not valid YAML: did not find expected ',' or ']'"),
    "tab": ("a:\n\t- 1\n", "2: not valid YAML: found character that cannot start any token"),
    "NUL": ("a: \0\n", " not valid YAML: character 3: this control character is not allowed"),
    "escaped surrogate": ('a: "\\ud800"\n', "1: not valid YAML"),
    "surrogate": ("a: \ud800\n", " byte 3 is not UTF-8\n  save the file as UTF-8"),
    "boolean key": ("params: {on: [1]}\n", '1: YAML reads the key `on` as a boolean\n  quote it: "on": ...'),
    "boolean key in capitals": ("kwargs: {True: 1}\n", "1: YAML reads the key `True` as a boolean"),
    "tag of an object": ("a: !!python/object/apply:os.system [ls]\n", "1: the tag !!python/object/apply:os.system is not allowed"),
    "binary": ("a: !!binary aGk=\n", "1: the tag !!binary is not allowed"),
    "own tag": ("a: !foo b\n", "1: the tag !foo is not allowed"),
    "two documents": ("a: 1\n---\nb: 1\n", "2: a second YAML document begins here"),
    "list": ("[1]\n", "1: the file is not a mapping\n  write key: value"),
    "text": ("abc\n", "1: the file is not a mapping"),
    "unknown alias": ("a: *b\n", ""),
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_yaml_would_take_or_choke_on(name, project):
    text, says = FILES[name]
    refusal = project(head=text).refusal()
    assert refusal.startswith(f"{X}:{says}"), refusal


def test_the_primary_config_is_guarded_as_well(project):
    assert project(files={"config.yaml": BOMB}).refusal().startswith("config.yaml:7: more than")


def test_a_large_file_is_refused_unread(project):
    made = project()
    with (made.root / "conf" / X).open("wb") as file:
        file.truncate(100_000_000)
    assert made.refusal() == f"{X}: the file is larger than 10,000,000 bytes"


@pytest.mark.parametrize("text", [BOMB, "a: " + "[" * 100_000])
def test_a_bomb_is_refused_at_once(text, project):
    made = project(head=text)
    seconds = []
    for _ in range(5):
        begun = time.perf_counter()
        made.refusal()
        seconds.append(time.perf_counter() - begun)
    assert min(seconds) < 0.05  # 8 ms here; 31 s when it is expanded


SURPRISES = {"010": 8, "1:30": 90, "NO": False, "on": True, "1_000": 1000, "Yes": True, "0o17": None, "+012": 10}
EXACT = {
    "y": "y",
    "1e3": 1000.0,
    "0x1F": 31,
    "2020-01-01": "2020-01-01",
    "~": None,
    "'010'": "010",
    "true": True,
    "1.5": 1.5,
    "!!str 010": "010",
}


@pytest.mark.parametrize("literal", [literal for literal, value in SURPRISES.items() if value is not None])
def test_an_ambiguous_literal_is_warned_of(literal, project):
    with pytest.warns(YamlWarning, match="experiment/x.yaml:4: YAML reads") as caught:
        experiment = project(f"kwargs: {{a: {literal}}}\n").load()
    assert experiment.variants[0].kwargs["a"] is SURPRISES[literal] or experiment.variants[0].kwargs["a"] == SURPRISES[literal]
    assert literal in str(caught[0].message)


@pytest.mark.parametrize("literal", EXACT)
def test_a_plain_literal_is_exact_and_silent(literal, project):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        value = project(f"kwargs:\n  a: {literal}\n").load().variants[0].kwargs["a"]
    assert (type(value), value) == (type(EXACT[literal]), EXACT[literal])


def test_merge_keys_and_aliases_are_fine(project):
    experiment = project("kwargs:\n  a: &x {c: 1, d: 2}\n  b:\n    <<: *x\n    e: 1\n  f: *x\n").load()
    assert experiment.variants[0].kwargs == {"a": {"c": 1, "d": 2}, "b": {"c": 1, "d": 2, "e": 1}, "f": {"c": 1, "d": 2}}


def test_aliases_count_at_their_expanded_size():
    text = "a: &a [1, 2, 3]\nb: &b [*a, *a]\nc: [*b, *b]\n"
    assert guard.check(text, "f") == ()
    walk = guard._Walk("f")
    import yaml

    for event in yaml.parse(text):
        list(walk.see(event))
    assert walk.sizes == {"a": 4, "b": 9}


def test_a_poor_guess_is_not_made(project):
    assert "did you mean" not in project(BODY).refusal("~nope")
    assert "did you mean `ignore`?" in project(BODY).refusal("~ignor")
