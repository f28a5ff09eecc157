"""TensorBoard: what its own reader and its own hyperparameter page find in the files."""

import warnings

import pytest

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from tensorboard.backend.event_processing.data_provider import MultiplexerDataProvider
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.backend.event_processing.plugin_event_multiplexer import EventMultiplexer
    from tensorboard.context import RequestContext
    from tensorboard.plugins.base_plugin import TBContext
    from tensorboard.plugins.hparams import backend_context, metadata

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
FIRST = "N=1 lr=0.5 aaaaaaaa"


def read(folder):
    found = EventAccumulator(str(folder), size_guidance={"scalars": 0, "images": 0})
    found.Reload()
    return found


@pytest.fixture
def exported(project, xrun):
    done = xrun("export", "tensorboard", "coins", "tb")
    assert done.returncode == 0, done.stderr
    assert "coins: 5 new, to tb/coins" in done.stderr
    return project.root / "tb" / "coins"


@pytest.fixture(scope="module")
def shown(shared_project, shared_xrun):
    done = shared_xrun("export", "tensorboard", "coins", "tb")
    assert done.returncode == 0, done.stderr
    assert "coins: 5 new, to tb/coins" in done.stderr
    return shared_project.root / "tb" / "coins"


def names(root):
    return sorted(folder.name for folder in root.iterdir())


def test_there_is_a_folder_per_run_named_by_its_point(shown):
    assert names(shown) == [
        "N=1 lr=0.5 aaaaaaaa",
        "N=1 lr=0.5 aaaaaaaa - fold0",
        "N=100 lr=0.5 aaaaaaaa",
        "N=25 lr=0.5 aaaaaaaa",
        "N=50 lr=0.5 late=x aaaaaaaa",
    ]


def test_scalars_have_values_steps_and_wall_times(shown, shared_project):
    found = read(shown / FIRST)
    assert sorted(found.Tags()["scalars"]) == ["error", "loss", "odd", "ok", "val/acc"]
    assert [(e.step, e.value, e.wall_time) for e in found.Scalars("loss")] == [
        (0, 3.0, shared_project.started),
        (1, 2.0, shared_project.started + 1),
        (2, 1.0, shared_project.started + 2),
    ]
    assert [e.step for e in found.Scalars("odd")] == [5, 2, 2]
    assert repr([e.value for e in found.Scalars("odd")]) == "[inf, nan, -inf]"
    assert [(e.step, e.value) for e in found.Scalars("error")] == [(0, 0.25)]


def test_a_field_that_is_called_like_a_metric_is_told_apart(project, xrun):
    project.put(project.Made("eeeeeeee-0000-8000-8000-000000000001", {"N": 1}, {"loss": 7.0}, {"loss": ([0], [1.0])}), experiment="twice")
    xrun("export", "tensorboard", "twice", "tb")
    found = read(project.root / "tb/twice/N=1 eeeeeeee")
    assert [e.value for e in found.Scalars("loss")] == [1.0]
    assert [e.value for e in found.Scalars("fields/loss")] == [7.0]


def test_values_beyond_32_bits_do_no_harm(project, xrun):
    project.put(
        project.Made("eeeeeeee-0000-8000-8000-000000000002", {"N": 1}, {}, {"loss": ([-3, 2**62], [1e300, 1e-300])}), experiment="far"
    )
    assert xrun("export", "tensorboard", "far", "tb").returncode == 0
    found = read(project.root / "tb/far/N=1 eeeeeeee").Scalars("loss")
    assert [(e.step, e.value) for e in found] == [(-3, float("inf")), (2**62, 0.0)]


def test_images_have_their_size_and_step(shown):
    found = read(shown / FIRST)
    (image,) = found.Images("confusion")
    assert (image.step, image.width, image.height) == (3, 4, 2)
    assert image.encoded_image_string.startswith(b"\x89PNG")


def test_hyperparameters_are_shown_in_union_over_all_runs(shown):
    multiplexer = EventMultiplexer().AddRunsFromDirectory(str(shown))
    multiplexer.Reload()
    provider = MultiplexerDataProvider(multiplexer, str(shown))
    context = backend_context.Context(TBContext(data_provider=provider, multiplexer=multiplexer))
    told = context.hparams_metadata(RequestContext(), "")
    experiment = context.experiment_from_metadata(RequestContext(), "", True, told, [])
    assert {info.name for info in experiment.hparam_infos} == {"N", "lr", "late", "P", "model.C", "width", "fold"}
    assert {"loss", "val/acc", "error"} <= {info.name.tag for info in experiment.metric_infos}
    assert len(told) == 5  # all runs are sessions


def test_hyperparameters_keep_their_types_and_the_end_tells_success(shown, shared_project):
    def content(name, tag):
        return read(shown / name).SummaryMetadata(tag).plugin_data.content

    start = metadata.parse_session_start_info_plugin_data(content(FIRST, metadata.SESSION_START_INFO_TAG))
    assert start.hparams["N"].number_value == 1
    assert start.hparams["P"].number_value == 0.8
    assert start.start_time_secs == shared_project.started
    late = metadata.parse_session_start_info_plugin_data(content("N=50 lr=0.5 late=x aaaaaaaa", metadata.SESSION_START_INFO_TAG))
    assert late.hparams["late"].string_value == "x"
    ends = {name: metadata.parse_session_end_info_plugin_data(content(name, metadata.SESSION_END_INFO_TAG)) for name in names(shown)}
    assert {name: end.status for name, end in ends.items()} == {name: 2 if "N=50" in name or "N=100" in name else 1 for name in ends}
    assert ends[FIRST].end_time_secs == shared_project.started + 2.5


def test_a_child_run_has_its_parents_parameters_as_well(shown):
    content = read(shown / f"{FIRST} - fold0").SummaryMetadata(metadata.SESSION_START_INFO_TAG).plugin_data.content
    hparams = metadata.parse_session_start_info_plugin_data(content).hparams
    assert (hparams["fold"].number_value, hparams["N"].number_value) == (0, 1)


def test_exporting_again_replaces_what_was_exported_and_nothing_else(exported, project, xrun):
    own = exported / FIRST / "events.out.tfevents.123.mine"
    own.write_bytes((next((exported / "N=100 lr=0.5 aaaaaaaa").iterdir())).read_bytes())
    beside = project.root / "tb" / "notes.txt"
    beside.write_text("mine")
    before = {path: path.read_bytes() for path in exported.rglob("*") if path.is_file()}
    done = xrun("export", "tensorboard", "coins", "tb")
    assert "coins: 5 replaced" in done.stderr
    assert {path: path.read_bytes() for path in exported.rglob("*") if path.is_file()} == before
    project.put(project.sweep()[1])
    assert xrun("export", "tensorboard", "coins", "tb").returncode == 0
    assert names(exported) == [FIRST, "N=25 lr=0.5 aaaaaaaa"]  # the first one holds a file of somebody else's
    assert [path.name for path in (exported / FIRST).iterdir()] == [own.name]
    assert beside.read_text() == "mine"


def test_two_experiments_share_a_folder(exported, project, xrun):
    project.put(project.Made("eeeeeeee-0000-8000-8000-000000000003", {"depth": 2}, {"error": 1.0}), experiment="tree")
    assert xrun("export", "tensorboard", "tree", "tb").returncode == 0
    assert names(project.root / "tb") == ["coins", "tree"]
    assert len(names(exported)) == 5


def test_names_that_no_folder_can_have_are_made_safe(project, xrun):
    project.put(project.Made("eeeeeeee-0000-8000-8000-000000000004", {"path": "../../etc", "t": "a:b*"}), experiment="odd")
    assert xrun("export", "tensorboard", "odd", "tb").returncode == 0
    assert names(project.root / "tb" / "odd") == ["path=.._.._etc t=a_b_ eeeeeeee"]


def test_a_target_that_cannot_be_written_is_exit_74(project, xrun):
    (project.root / "tb").write_text("a file")
    done = xrun("export", "tensorboard", "coins", "tb")
    assert done.returncode == 74
    assert "Traceback" not in done.stderr
