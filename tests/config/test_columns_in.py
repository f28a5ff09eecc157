"""`results.columns`, read back from the content of an experiment.yaml."""

import pytest
from omegaconf import OmegaConf

from runner.config.composed import columns_in

HEADER = {"format": 1, "groups": [], "chosen": {}}


def tree(columns, **more):
    return {"xrun": HEADER, "name": "e", "results": {"columns": columns}, **more}


@pytest.mark.parametrize(
    ("columns", "found"),
    [
        (None, ()),
        (["y", {"best": "val/acc.max"}], (("y", "y"), ("best", "val/acc.max"))),
        ({"best": "val/acc.max", "end": "loss"}, (("best", "val/acc.max"), ("end", "loss"))),
        (["${kwargs.what}.max", {"k": "kwargs.k"}], (("acc.max", "acc.max"), ("k", "kwargs.k"))),
    ],
)
def test_columns_are_told_as_names_and_selectors(columns, found):
    assert columns_in(tree(columns, kwargs={"what": "acc"})) == found


@pytest.mark.parametrize(
    "column",
    ["${noted:}", "${oc.env:HOME}", "${kwargs.indirect}", "x.${kwargs.indirect}", "${${kwargs.name}:}", "${kwargs.deep.${noted:}}"],
)
def test_no_resolver_is_called_for_a_file_that_may_be_anybodys(column):
    called: list[tuple[str, ...]] = []
    OmegaConf.register_new_resolver("noted", lambda *given: called.append(given) or "y", replace=True)
    kwargs = {"indirect": "${noted:1}", "name": "noted", "deep": {"y": "y"}, "acc": "val/acc"}
    try:
        assert columns_in(tree([{"best": column}], kwargs=kwargs)) is None
        assert columns_in(tree([{"best": "${kwargs.acc}.max"}], kwargs=kwargs)) == (("best", "val/acc.max"),)
    finally:
        OmegaConf.clear_resolver("noted")
    assert called == []


def test_variants_have_the_columns_of_the_first():
    config = {key: value for key, value in tree(["y"]).items() if key != "xrun"}
    variants = [{"chosen": {"model": name}, "groups": ["model"], "config": config} for name in ("svm", "cnn")]
    assert columns_in({"xrun": {"format": 1, "variants": variants}}) == (("y", "y"),)


@pytest.mark.parametrize("other", [{}, {"xrun": 1}, {"xrun": {"format": 99}}, tree(["${nowhere}"])])
def test_where_they_cannot_be_told_that_is_said(other):
    assert columns_in(other) is None
