import importlib.metadata
import os
import platform
import re
import sys

import pytest

from runner.provenance import environment
from runner.record import DataState, DataStatus, GitState


def test_provenance_holds_its_parts_and_the_machine():
    state, entries = GitState(commit="c"), (DataState(path="x", status=DataStatus.CLEAN),)

    found = environment.provenance(git=state, data=entries, argv=("+experiment=coins", "-m"))

    assert (found.git, found.data, found.argv) == (state, entries, ("+experiment=coins", "-m"))
    assert (found.python, found.host) == (platform.python_version(), platform.node())
    assert found.platform
    assert found.user
    assert found.cpus == len(os.sched_getaffinity(0))


def test_packages_are_those_that_importlib_finds_with_the_same_versions():
    expected = {}
    for found in importlib.metadata.distributions():
        expected.setdefault(re.sub(r"[-_.]+", "-", found.metadata["Name"]).lower(), found.version)

    assert environment.provenance(git=None, data=(), argv=()).packages == expected


def test_package_versions_come_from_the_first_folder_on_the_path_and_from_metadata_where_names_do_not_tell(tmp_path, monkeypatch):
    first, second = tmp_path / "1", tmp_path / "2"
    for folder in ("Some_Name-1.0+cu1.dist-info", "~ome_Name-0.9.dist-info", "bare.egg-info", "odd.dist-info", "nothing.egg-info", "lib"):
        (first / folder).mkdir(parents=True)
    (second / "some.name-2.0.dist-info").mkdir(parents=True)
    (first / "bare.egg-info/PKG-INFO").write_text("Name: Bare\nVersion: 3\n")
    (first / "odd.dist-info/METADATA").write_text("Name: odd-one\nVersion: 4\n")
    (second / "flat-5-py3.11.egg-info").write_text("Name: flat\nVersion: 5\n")
    monkeypatch.setattr(sys, "path", [str(first), str(first), str(second), str(tmp_path / "nowhere"), __file__])

    packages = environment.provenance(git=None, data=(), argv=()).packages

    assert packages == {"bare": "3", "flat": "5", "odd-one": "4", "some-name": "1.0+cu1"}
    assert list(packages) == sorted(packages)


@pytest.mark.parametrize(
    ("argument", "shown"),
    [
        ("N=10,100", "N=10,100"),
        ("+experiment=coins", "+experiment=coins"),
        ("-m", "-m"),
        ("db.password=hunter2", "db.password=***"),
        ("++kwargs.API_KEY=hunter2", "++kwargs.API_KEY=***"),
        ("--api-key=hunter2", "--api-key=***"),
        ("clientSecret='hunter2=\n2'", "clientSecret=***"),
        ("kwargs.credentials={user: me, x: hunter2}", "kwargs.credentials=***"),
        ("kwargs={token: hunter2, n: 1}", "kwargs={token: ***, n: 1}"),
        ("kwargs={a: {'my_token' : \"hunter, 2\"}}", "kwargs={a: {'my_token' : ***}}"),
        ("kwargs={tokens: [hunter2, hunter3], n: 1}", "kwargs={tokens: ***, n: 1}"),
        ("store.url=postgres://me:hunter2@host/db", "store.url=postgres://me:***@host/db"),
        ("note=the token is round", "note=the token is round"),
    ],
)
def test_secrets_in_arguments_are_masked_and_nothing_else(argument, shown):
    assert environment.masked(argument) == shown
    assert environment.provenance(git=None, data=(), argv=(argument,)).argv == (shown,)


def test_user_without_a_name_is_a_number(monkeypatch):
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(os, "getuid", lambda: 987654321)

    assert environment.provenance(git=None, data=(), argv=()).user == "987654321"
