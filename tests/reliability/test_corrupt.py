"""F15: a byte of the store that a disk has changed: never a wrong result, never a traceback, by no command."""

import json

import pytest


@pytest.mark.forms(flips=(16, 200))
def test_a_flipped_byte_is_never_shown_as_a_result_by_any_command(project, warm, dice, flips):
    project.experiment("sweep", '{n: "range(0,60)"}')
    assert project.run("+experiment=sweep")[0] == 0
    whole = project.store.read_bytes()
    oracle = {line: json.loads(line) for line in warm("ls", "sweep", "--json")[1].splitlines()}
    ids = [row["id_run"] for row in oracle.values()]
    assert len(ids) == 60
    told = 0
    for _ in range(flips):
        place, bit = dice.randrange(len(whole)), dice.randrange(8)
        data = bytearray(whole)
        data[place] ^= 1 << bit
        project.store.write_bytes(data)
        where = f"bit {bit} of byte {place}"
        code, out, err = warm("ls", "sweep", "--json")
        assert set(out.splitlines()) <= set(oracle), where
        assert err or len(out.splitlines()) == 60, where
        told += bool(err)
        one = dice.choice(ids)
        code, out, err = warm("show", one, "--json")
        if code == 0:
            row = json.loads(out)
            assert next(known for known in oracle.values() if known["id_run"] == one)["fields"] == row["fields"], where
        else:
            assert err, where
        code, out, _ = warm("doctor", "--json")
        assert code in (0, 1, 74), where
        code, out, err = warm("table", "sweep", "--all", "--json")
        values = {fields["n"]: fields for fields in map(json.loads, out.splitlines())}
        known = {row["params"]["n"]: row["fields"] for row in oracle.values()}
        assert all(fields["value"] == known[n]["value"] and fields["text"] == known[n]["text"] for n, fields in values.items()), where
    print(f"{told} of {flips} told")
