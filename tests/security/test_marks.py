"""What counts as a secret, what is shown for one, and what of it belongs to an identity."""

import json
import pickle
import string
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner import assigned, codec, identity, mask, plan
from runner.config.concealing import Concealer, redacted
from runner.config.load import Request, load
from runner.logged import Output, Params, Prefix, Rows
from runner.mask import NOTHING, Mask
from runner.record import Failure, Live, Outcome, Status
from runner.secret import Piece, Secret, label_of, labelled, looks_secret, pieces, revealed
from runner.veil import Veil

TELLING = (
    "password passwd db_password dbPassword DB_PASSWORD PGPASSWORD pass db.pass passphrase secret client_secret clientSecret "
    "AWS_SECRET_ACCESS_KEY token hf_token HF_TOKEN githubToken api_key apiKey api-key APIKEY OPENAI_API_KEY access_key private_key "
    "credential credentials Authorization --api-key db_pwd tokens account_key"
)
INNOCENT = (
    "tokenizer tokenizer_path pad_token bos_token eos_token mask_token special_tokens stop_tokens n_passes bypass compass passes "
    "low_passed key keys key_size monkey keyboard pwd secretary n secs path user cache_dir PATH HOME lr max_depth author authors tokenize"
)
SECRETS = st.text(st.sampled_from(string.ascii_letters + string.digits + "$&'\"\\/+= \n\té:@%"), min_size=8, max_size=20).filter(
    lambda text: text.strip() == text and not text.isalpha() and any(character.isalnum() for character in text)
)


@pytest.mark.parametrize("name", TELLING.split())
def test_a_name_that_tells(name):
    assert looks_secret(name)


@pytest.mark.parametrize("name", INNOCENT.split())
def test_a_name_that_does_not(name):
    assert not looks_secret(name)


@given(SECRETS, st.text(max_size=5), st.text(max_size=5))
def test_a_mask_finds_a_value_as_text_json_python_url_and_shell_write_it(value, before, after):
    import shlex
    from urllib.parse import quote, quote_plus

    known = Mask((Piece(value, "LABEL"),))
    for form in (value, json.dumps(value)[1:-1], codec.dumps(value)[1:-1], repr(value)[1:-1], quote(value, safe=""), quote_plus(value)):
        assert value not in known.text(f"{before}{form}{after}").replace("LABEL", "") or value in (before + after)
        assert known.found(form)
    assert known.found(shlex.quote(value))


@given(
    SECRETS, st.recursive(st.text(max_size=5) | st.integers() | st.none(), lambda x: st.lists(x) | st.dictionaries(st.text(max_size=3), x))
)
def test_json_stays_json_and_numbers_stay_numbers(value, tree):
    known = Mask((Piece(value, "LABEL"), Piece("12345678", "NUMBER")))
    text = codec.dumps({"a": [value, tree], value: 12345678, "b": "12345678"})
    made = codec.loads(known.json(text))
    assert made["a"] == ["LABEL", known.plain(tree)]
    assert made["LABEL"] == 12345678
    assert made["b"] == "NUMBER"


@given(st.lists(st.sampled_from(["abc", "s3cr3t-value", "s3cr", "\n", "x"]), max_size=8), st.lists(st.integers(0, 60), max_size=6))
def test_output_is_masked_wherever_it_is_cut_into_parts(words, cuts):
    """And nothing of it is lost or put into another order."""
    whole = "".join(words)
    known = Mask((Piece("s3cr3t-value", "LABEL"),))
    places = sorted({min(cut, len(whole)) for cut in cuts})
    parts = [whole[a:b] for a, b in zip([0, *places], [*places, len(whole)], strict=True)]
    veil = Veil(known, 1)
    seen = [entry.text for part in parts for _, entry in veil.live(Live(index=0, logged=(("", Output("stdout", part)),))).logged]
    end = veil.end(Outcome(index=0, status=Status.COMPLETED))
    seen += [entry.text for _, entry in end.logged if isinstance(entry, Output)]
    assert "".join(seen) == whole.replace("s3cr3t-value", "LABEL")


def test_a_state_with_a_secret_in_it_is_no_place_to_go_on_from():
    """Later steps would be given the label for the value."""
    veil = Veil(Mask((Piece("s3cr3t-value", "LABEL"),)), 2)
    secret = Prefix(1, '{"a":"s3cr3t-value"}', "{}", '{"params":{}}')
    harmless = Prefix(1, '{"a":1}', "{}", '{"params":{}}')
    assert veil.live(Live(index=0, logged=(("", secret), ("", harmless)))).logged == (("", harmless),)
    end = veil.end(Outcome(index=0, status=Status.COMPLETED, fields='{"a":"s3cr3t-value"}'))
    assert end.fields == '{"a":"LABEL"}'
    assert end.logged == (("", Prefix(0, "{}", "{}", "{}")),)


def test_all_that_a_run_says_is_masked():
    veil = Veil(Mask((Piece("s3cr3t-value", "LABEL"),)), 1)
    failure = Failure(kind="ValueError", message="no s3cr3t-value", traceback="s3cr3t-value\n", where="a.py:1", step="a")
    logged = (("", Rows("t", 1, '{"a":["s3cr3t-value"]}')), ("", Params('{"p":"xs3cr3t-valuex"}')))
    end = veil.end(Outcome(index=0, status=Status.FAILED, failure=failure, tags='{"t":"s3cr3t-value"}', logged=logged))
    assert "s3cr3t-value" not in str(end)
    assert str(end).count("LABEL") == 5


@given(st.dictionaries(st.text(max_size=4), st.text(max_size=4) | st.integers() | st.lists(st.text(max_size=3))))
def test_what_holds_no_secret_is_the_very_same(tree):
    assert revealed(tree) is tree
    assert labelled(tree) is tree
    assert Concealer().tree(tree) == tree
    assert NOTHING.json("x") == "x"


@given(SECRETS)
def test_a_secret_is_its_label_until_it_is_asked_for(value):
    made = Concealer().tree({"db": {"password": value, "host": "h"}, "tokens": [value, 3]})
    assert value not in codec.dumps(made)
    assert value not in repr(made)
    assert value not in f"{made}"
    assert revealed(made) == {"db": {"password": value, "host": "h"}, "tokens": [value, 3]}
    assert revealed(pickle.loads(pickle.dumps(made))) == revealed(made)  # noqa: S301 - our own
    assert type(labelled(made)["db"]["password"]) is str
    assert label_of(value) in codec.dumps(made)


def test_words_and_syllables_are_secret_in_their_place_and_nowhere_else():
    """`token: default` must not rename every default."""
    for value in ("default", "abc", "1"):
        made = Concealer().tree({"token": value, "mode": value})
        assert labelled(made) == {"token": label_of(value), "mode": value}
        assert Mask(pieces(made)).text(f"the {value} value") == f"the {value} value"


def test_variables_that_say_who_and_where_one_is_are_no_secrets():
    concealer = Concealer(
        {"HOME": "/home/somebody", "SLURM_JOB_ID": "1234567", "SLURM_JWT_TOKEN": "1234568", "DATA": "/data/abc"}, frozenset({"DATA"})
    )
    tree = {"a": "/home/somebody/x", "b": "1234567", "c": "1234568", "d": "/data/abc/d"}
    assert labelled(concealer.tree(tree)) == {**tree, "c": "env:SLURM_JWT_TOKEN"}


URLS = {
    "postgres://me:hunter22@host/db": "postgres://me:***@host/db",
    "https://ghp_0123456789abcdef@github.com/a": "https://***@github.com/a",
    "https://user@host/a": "https://user@host/a",
    "ssh://git@github.com/a": "ssh://git@github.com/a",
    "git@github.com:a/b.git": "git@github.com:a/b.git",
    "http://host:8080/a@b": "http://host:8080/a@b",
    "see redis://:pa55word@r:6379/0 and amqp://a:b@c": "see redis://:***@r:6379/0 and amqp://a:***@c",
}


@pytest.mark.parametrize("url", URLS)
def test_passwords_of_urls(url):
    assert mask.without_url_passwords(url) == URLS[url]


SOURCES = [
    ("a.py", 'password = "hunter22"', 'password = "***"'),
    ("a.py", "api_key: str = 'hunter22'  # why", "api_key: str = '***'  # why"),
    ("a.py", 'connect(user="me", password="hunter22", n=3)', 'connect(user="me", password="***", n=3)'),
    ("a.py", 'x["token"] = "hunter22"', 'x["token"] = "***"'),
    ("a.py", 'if token == "abc":', 'if token == "abc":'),
    ("a.py", 'tokenizer = "bert"', 'tokenizer = "bert"'),
    ("a.py", "token = tokens[3]", "token = tokens[3]"),
    ("a.py", 'api_key = os.environ["API_KEY"]', 'api_key = os.environ["API_KEY"]'),
    ("a.json", '{"password": "hunter22", "n": 1}', '{"password": "***", "n": 1}'),
    ("a.yaml", "password: hunter22 # x", "password: *** # x"),
    ("a.yaml", "api_key: ${oc.env:API_KEY}", "api_key: ${oc.env:API_KEY}"),
    ("a.yaml", "api_key: ${oc.env:API_KEY,hunter22}", "api_key: ${oc.env:API_KEY}"),
    ("a.yaml", "url: ${oc.env:DB_PASSWORD,hunter22}", "url: ${oc.env:DB_PASSWORD}"),
    ("a.yaml", "tokens:\n  - hunter22\n  - 3\nn: 4", "tokens:\n  - ***\n  - 3\nn: 4"),
    ("a.yaml", "credentials:\n  user: me\n  keys: [a]\nn: me", "credentials:\n  user: ***\n  keys: [a]\nn: me"),
    ("a.yaml", "max_tokens: 512\npad_token: <pad>\nsecrets:\n  public: [a]", "max_tokens: 512\npad_token: <pad>\nsecrets:\n  public: [a]"),
    (".env.local", "export TOKEN=hunter22\nN=1", "export TOKEN=***\nN=1"),
    ("a.py", "password: hunter22", "password: hunter22"),
]
S = "sk-hunter22"
LEAKS = [
    ("a.py", f'API_KEY = ("{S}")'),
    ("a.py", f'API_KEY = (\n    "{S}"\n    "{S}"\n)'),
    ("a.py", f'api_key = """{S}"""'),
    ("a.py", f'api_key = """\n{S}\n{S}\n"""'),
    ("a.py", f"api_key = f'{S}'"),
    ("a.py", f'API_KEY: Final = "{S}"'),
    ("a.py", f'os.environ["API_KEY"] = "{S}"'),
    ("a.py", f'os.environ.setdefault("API_KEY", "{S}")'),
    ("a.py", f'subprocess.run("docker run -e API_KEY={S} image", shell=True)'),
    ("a.py", f'run(["docker", "run", "-e", "API_KEY={S}"])'),
    ("a.py", f'run(["prog", "--token", "{S}"])'),
    ("a.py", f'run("prog --password={S} --n 3")'),
    ("a.py", f'run("prog --api-key {S}")'),
    ("a.py", f'url = "https://host/?api_key={S}&n=3"'),
    ("a.py", f"run(\"curl -H 'Authorization: Bearer {S}' host\")"),
    ("a.json", f'{{"db": {{"api-key": "{S}"}}}}'),
    ("a.ipynb", f'{{"source": ["api_key = \\"{S}\\"\\n", "x=1\\n"]}}'),
    ("a.ipynb", f'{{"source": ["import os\\ntoken = \\"{S}\\"\\n"]}}'),
    ("a.ipynb", f'{{"source": ["d = {{\\"token\\": \\"{S}\\"}}\\n"]}}'),
    ("a.ipynb", f'    "%env API_KEY={S}\\n",'),
    ("a.ipynb", f'    "!API_KEY={S} python train.py\\n",'),
    ("a.toml", f'api_key = "{S}"'),
    ("a.toml", f"api_key = '''{S}'''"),
    ("a.js", f"const apiKey = '{S}';"),
    ("a.js", f"const apiKey = `{S}`;"),
    ("a.ts", f'export const apiKey: string = "{S}";'),
    ("a.ts", f'const o = {{ "apiKey": "{S}", token: "{S}" }};'),
    ("a.R", f'api_key <- "{S}"'),
    ("a.R", f'Sys.setenv(API_KEY = "{S}")'),
    ("a.go", f'apiKey := "{S}"'),
    ("a.go", f'var apiKey string = "{S}"'),
    ("a.rb", f'config = {{ "password" => "{S}" }}'),
    ("a.xml", f"<password>{S}</password>"),
    ("deploy.sh", f"export API_KEY={S}"),
    ("deploy.sh", f"export N=1 API_KEY={S}"),
    ("deploy.sh", f"API_KEY={S} python train.py"),
    ("deploy.sh", f"cd sub && API_KEY='{S}' python train.py; echo"),
    ("deploy.sh", f"docker run -e API_KEY={S} image"),
    ("deploy.sh", f"docker run -eAPI_KEY={S} image"),
    ("deploy.sh", f"prog --password={S} x"),
    ("deploy.sh", f"prog --token {S} x"),
    ("deploy.sh", f'curl -H "X-Api-Key: {S}" https://host'),
    ("deploy.sh", f"export API_KEY=${{API_KEY:-{S}}}"),
    ("deploy", f"export API_KEY={S}"),
    ("Dockerfile", f"ENV API_KEY={S}"),
    ("Dockerfile", f"ENV API_KEY {S}"),
    ("gpu.Dockerfile", f"ARG N=1 API_KEY={S}"),
    ("Makefile", f"API_KEY := {S}"),
    ("Makefile", f"\tAPI_KEY={S} python train.py"),
    ("a.bat", f"set API_KEY={S}"),
    ("a.bat", f"setx API_KEY {S}"),
    ("a.ps1", f'$env:API_KEY = "{S}"'),
    ("a.ps1", f"$env:API_KEY={S}"),
    ("notes.txt", f"password: {S}"),
    ("README", f"the command is: prog --token={S}"),
    ("a.yaml", f"command: docker run -e API_KEY={S} image"),
    ("a.yaml", f"args: [--token, {S}]"),
    ("a.yaml", f"db: {{password: {S}, n: 3}}"),
    ("a.yaml", f"environment:\n  - API_KEY={S}"),
    ("a.yaml", f"private_key: |\n  {S}\n\n  {S}\nn: 1"),
]


@pytest.mark.parametrize(("path", "text"), LEAKS, ids=[f"{path} {text}" for path, text in LEAKS])
def test_every_way_to_assign_a_value_to_a_name_that_tells(path, text):
    shown = assigned.source(text, path)
    assert "hunter22" not in shown
    assert shown.count("\n") == text.count("\n")
    assert assigned.source(shown, path) == shown
    if path != "a.yaml":
        assert shown.replace("***", S) == text or text.count(S) > 1  # all but the value is there


HARMLESS = [
    ("a.py", "train(token=token, api_key=args.api_key)"),
    ("a.py", 'parser.add_argument("--token", "-t", help="a key")'),
    ("a.py", 'parser.add_argument("--password", default=None)'),
    ("a.py", 'raise ValueError("--token is required")'),
    ("a.py", 'run(f"prog --password={password}")'),
    ("a.py", 'run("prog --password=%s --token={}".format(x))'),
    ("a.py", 'def login(token: "Token", key: str): ...'),
    ("a.py", 'password = getpass("Password: ")'),
    ("a.py", 'api_key = f"{prefix}{x}"'),
    ("a.py", 'api_key = os.environ.get("API_KEY")'),
    ("a.py", 'if token != "x" and password == "y":\n    pass'),
    ("a.py", 'api_key = ""\n"""The key."""'),
    ("a.js", "const token = await getToken(user); const o = {token: token, password}"),
    ("a.ts", "interface A { token: string; password?: string }"),
    ("a.go", "token := newToken()"),
    ("a.R", "token <- get_token(user)"),
    ("a.c", "char *password = getpass(prompt);"),
    ("a.json", '{"max_tokens": 512, "token": null, "tokenizer": "bert"}'),
    ("a.sh", "export API_KEY=$KEY TOKEN=$(pass show x) PASSWORD=${PASSWORD}"),
    ("a.sh", 'export API_KEY="$KEY"; TOKEN="$(pass show x)"'),
    ("a.sh", "echo x | docker login --password-stdin host"),
    ("a.sh", "prog --token-file keys/token.txt"),
    ("a.sh", "prog --token TOKEN"),
    ("a.sh", 'if [ "$TOKEN" = "" ]; then exit 1; fi'),
    ("Dockerfile", "ARG TOKEN\nENV TOKENIZER=bert"),
    ("Makefile", "secrets: keys.txt\n\tcat keys.txt\ntoken: a"),
    ("train", "token = get(3)\npassword = args.password"),
    ("a.yaml", "api_key: ${oc.env:API_KEY}\nargs: [--token, '${kwargs.token}']\nenv: {TOKEN: '${kwargs.token}'}"),
    ("a.yaml", "tokenizer: {pad_token: <pad>, name: bert}\nmax_tokens: 3"),
    ("a.csv", "token,count\nthe,3"),
]


@pytest.mark.parametrize(("path", "text"), HARMLESS, ids=[f"{path} {text}" for path, text in HARMLESS])
def test_what_holds_no_secret_stays_as_it_is(path, text):
    assert assigned.source(text, path) == text


FAMILIES = ["a.py", "a.js", "a.sh", "a.yaml", "a.txt"]
UNITS = ["token", "token=", "token='", 'token="""', 'token=\\"', "token:\t", "token: a ", "a.", "--token ", "password = (", " ", "\\", "-"]
UNITS += [
    "=",
    "token,",
    "<token>",
    "https://",
    "Authorization: ",
    "token: |\n ",
    "- ",
    "{token: ",
    "export token ",
    "key",
    "[",
    "${token:-",
]


@pytest.mark.parametrize("unit", UNITS)
def test_a_long_line_takes_one_look_at_each_of_its_names(unit):
    """Half a second of processor time in all; what grows with the square of the length takes minutes."""
    import time

    line = unit * (60_000 // len(unit))
    begun = time.process_time()
    for path in FAMILIES:
        assigned.source(line, path)
    assert time.process_time() - begun < 10


@given(st.text(st.sampled_from("token=:'\"`\\ \n\t(){}[],;&|$-<>.#%e*"), max_size=80), st.sampled_from(FAMILIES))
def test_what_is_shown_is_shown_again_with_as_many_lines(text, path):
    made = assigned.source(text, path)
    assert made.count("\n") == text.count("\n")
    assigned.source(made, path)


@given(
    st.sampled_from(["API_KEY={}", "export API_KEY={}", "x -e API_KEY={} y", "x --password={} y", "a; API_KEY={} b"]),
    st.text(st.sampled_from(string.ascii_letters + string.digits + "-_./+=:@"), min_size=8, max_size=20).filter(
        lambda t: not t.isalpha() and any(c.isalpha() for c in t) and t[0].isalnum() and not t.lower().startswith("true")
    ),
    st.sampled_from(["a.sh", "Dockerfile", "Makefile", "a.txt", "a.yaml", ".env"]),
)
def test_a_value_of_a_command_line_is_hidden_whole(line, value, path):
    from runner.assigned.values import PLAIN

    if not PLAIN.fullmatch(value):
        assert value not in assigned.source(line.format(value), path)


@pytest.mark.parametrize(("path", "text", "shown"), SOURCES)
def test_what_is_assigned_to_a_name_that_tells(path, text, shown):
    assert assigned.source(text, path) == shown


@given(st.text(st.sampled_from("ab:= \"'\n\tpasword#-{}$,[]*\\"), max_size=60), st.sampled_from(["a.py", "a.yaml"]))
def test_lines_stay_lines(text, path):
    made = assigned.source(text, path)
    assert made.count("\n") == text.count("\n")
    assert assigned.source(made, path).count("\n") == text.count("\n")


def test_a_config_is_written_without_what_stands_in_it():
    tree = {
        "a": "${oc.env:A_TOKEN,hunter22}",
        "b": "${oc.env:B,x}",
        "c": {"password": "hunter22", "n": 3},
        "d": "postgres://me:hunter22@h/db",
        "e": {"token": "${oc.env:E,hunter22}"},
        "f": "with s3cr3t-value in it",
        "g": {"stop_word_token": "x"},
    }
    assert redacted(tree, Mask((Piece("s3cr3t-value", "L"),)), frozenset({"stop_word_token"})) == {
        "a": "${oc.env:A_TOKEN}",
        "b": "${oc.env:B,x}",
        "c": {"password": "???", "n": 3},
        "d": "???",
        "e": {"token": "${oc.env:E}"},
        "f": "???",
        "g": {"stop_word_token": "x"},
    }


@pytest.fixture
def ids(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written):
    """The ids of the experiment with this body, in an environment with these variables."""

    def of(body: str, **variables: str) -> list[str]:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        written(tmp_path, {"conf/experiment/e.yaml": body if "steps:" in body else f"steps: [a.b]\n{body}"})
        (made,) = load(Request(cwd=tmp_path, overrides=("+experiment=e",)))
        return [run.id_run for run in plan.expand(made, ("code",) * len(made.steps))]

    return of


@pytest.mark.parametrize(
    ("body", "counts"),
    [
        ("kwargs: {api_key: '${oc.env:V_ONE}'}", False),
        ("kwargs: {x: '${oc.env:V_TOKEN}'}", False),
        ("kwargs: {db: {url: 'mysql://me:${oc.env:V_TOKEN}@host/db'}}", False),
        ("kwargs: {authorization: 'Bearer ${oc.env:V_ONE}'}", False),
        ("kwargs: {a_token: '${oc.env:V_ONE}', again: '${kwargs.a_token}'}\nparams: {n: [1, 2]}", False),
        ("kwargs: {a: {api_key: '${oc.env:V_ONE}'}, at: '${params.n}'}\nparams: {n: [1, 2]}", False),
        ("steps: [{script: a.py, env: {TOKEN: '${oc.env:V_ONE}'}}]", False),
        ("steps: [{call: a.b, kwargs: {password: '${oc.env:V_ONE}'}}]", False),
        ("kwargs: {data: '${oc.env:V_ONE}'}", True),
        ("kwargs: {n: '${oc.decode:${oc.env:V_NUMBER}}'}", True),
        ("params: {api_key: ['${oc.env:V_ONE}', other-value]}", True),
        ("params: {data: ['${oc.env:V_TOKEN}']}", True),
    ],
)
def test_a_credential_that_is_renewed_makes_nothing_stale_and_everything_else_does(ids, body, counts):
    old = ids(body, V_ONE="first-value1", V_TOKEN="first-value2", V_NUMBER="1")
    new = ids(body, V_ONE="other-value1", V_TOKEN="other-value2", V_NUMBER="2")
    assert (set(old) != set(new)) == counts
    assert ids(body, V_ONE="first-value1", V_TOKEN="first-value2", V_NUMBER="1") == old


def test_another_variable_is_another_run(ids):
    variables = {"V_TOKEN": "the-same-value1", "W_TOKEN": "the-same-value1"}
    assert ids("kwargs: {k: '${oc.env:V_TOKEN}'}", **variables) != ids("kwargs: {k: '${oc.env:W_TOKEN}'}", **variables)


def test_a_secret_that_stands_in_the_file_counts_as_it_did_before_there_were_secrets(ids):
    """What is read wrongly as a secret must never make a result stale: `token: word` and `token: char` are two experiments."""
    assert identity.encode(Concealer().tree({"token": "word"})) == identity.encode({"token": "word"})
    assert ids("kwargs: {token: word}") != ids("kwargs: {token: char}")
    assert ids("params: {token: [word, char]}") == ids("params: {token: [word, char]}\nsecrets: {public: [token]}")


def test_a_point_is_known_by_its_label_and_not_by_its_value(tmp_path, xrun, written):
    written(tmp_path, {"steps.py": "def f(token):\n    return {'n': len(token)}\n"})
    written(tmp_path, {"conf/experiment/e.yaml": "params: {token: [first-value1, second-value22]}\nsteps: [steps.f]\n"})
    assert xrun("+experiment=e").returncode == 0
    table = (tmp_path / "results/e/table.csv").read_text()
    assert label_of("first-value1") in table
    assert "value1" not in table
    assert [line.rsplit(",", 1)[1] for line in table.splitlines()[1:]] == ["12", "14"]
    assert "2 cached" in xrun("plan", "+experiment=e").stdout
    assert isinstance(Concealer().point("token", "x"), Secret)
    public = xrun("+experiment=e", "secrets.public=[token]")
    assert "2 cached" in public.stderr
    assert "first-value1" in (tmp_path / "results/e/table.csv").read_text()


@pytest.mark.parametrize(
    ("step", "named"),
    [
        ("{command: 'login ${kwargs.api_key}'}", ["the secret kwargs.api_key"]),
        ("{script: tell.py, args: {--key: '${kwargs.db.password}'}}", ["the secret kwargs.db"]),
        ("{script: tell.py, args: all}", ["the secret params.token", "the secret kwargs.api_key", "the secret kwargs.db"]),
        ("{script: tell.py, args: params}", ["the secret params.token"]),
        ("{script: tell.py, args: ['--key', '${oc.env:V_TOKEN}']}", ["a secret"]),
        ("{script: tell.py, env: {KEY: '${kwargs.api_key}'}, args: ['${params.n}']}", []),
    ],
)
def test_a_secret_in_a_command_line_is_warned_of(tmp_path, xrun, written, step, named):
    body = "kwargs: {api_key: '${oc.env:V_TOKEN}', db: {password: hunter2222}}\nparams: {n: [1], token: [first-value1]}\n"
    written(tmp_path, {"tell.py": "", "conf/experiment/e.yaml": f"{body}steps: [{step}]\n"})
    said = xrun("+experiment=e", V_TOKEN="second-value2").stderr
    expected = [f"has {name} in its command line" for name in named]
    assert [part for part in said.split("step `")[1:] if "command line" in part and not any(text in part for text in expected)] == []
    assert said.count("in its command line") == len(named)
    assert "hunter2222" not in said
    assert "second-value2" not in said
