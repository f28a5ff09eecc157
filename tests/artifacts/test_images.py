"""Images of every kind become files."""

import io
import shutil
import subprocess
import sys
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from runner import images
from runner.files import SourceError

mpl.use("Agg")


@pytest.fixture
def stem(tmp_path):
    return tmp_path / "images/loss/0.5"


def pixels(path):
    with Image.open(path) as image:
        return image.mode, np.asarray(image)


@pytest.mark.parametrize(
    ("array", "mode", "expected"),
    [
        (np.array([[True, False]]), "L", [[255, 0]]),
        (np.array([[0, 128, 255]], dtype=np.uint8), "L", [[0, 128, 255]]),
        (np.array([[0, 7]], dtype=np.int64), "L", [[0, 7]]),
        (np.array([[0, 255]], dtype=">u2"), "L", [[0, 255]]),
        (np.array([[0.0, 0.5, 1.0, -1e-7, 1 + 1e-7, 1.0005]]), "L", [[0, 128, 255, 0, 255, 255]]),
        (np.array([[0.25]], dtype=np.float16), "L", [[64]]),
        (np.array([[[9]]], dtype=np.uint8), "L", [[9]]),
        (np.array([[[1, 2, 3]]], dtype=np.uint8), "RGB", [[[1, 2, 3]]]),
        (np.array([[[1, 2, 3, 4]]], dtype=np.uint8), "RGBA", [[[1, 2, 3, 4]]]),
        (np.arange(24, dtype=np.uint8).reshape(2, 4, 3)[:, ::-2], "RGB", np.arange(24).reshape(2, 4, 3)[:, ::-2]),
    ],
)
def test_an_array_becomes_a_png_of_its_values(stem, array, mode, expected):
    path = images.write(array, stem)
    assert path == stem.with_name("0.5.png")
    found = pixels(path)
    assert found[0] == mode
    assert found[1].tolist() == np.asarray(expected).tolist()


@given(st.data())
def test_every_array_of_bytes_comes_back(tmp_path_factory, data):
    shape = data.draw(st.tuples(st.integers(1, 6), st.integers(1, 6)))
    channels = data.draw(st.sampled_from([(), (3,), (4,)]))
    size = int(np.prod(shape + channels))
    array = np.array(data.draw(st.lists(st.integers(0, 255), min_size=size, max_size=size)), dtype=np.uint8).reshape(shape + channels)
    path = images.write(array, tmp_path_factory.mktemp("i") / "x")
    assert pixels(path)[1].tolist() == array.tolist()


def test_the_same_array_gives_the_same_bytes(stem, tmp_path):
    array = np.random.default_rng(1).random((20, 30, 3))
    assert images.write(array, stem).read_bytes() == images.write(array.copy(), tmp_path / "other").read_bytes()


@pytest.mark.parametrize(
    ("array", "why"),
    [
        (np.array([[0.0, np.nan]]), "NaN"),
        (np.array([[0, 256]]), "0 to 256"),
        (np.array([[-1, 3]]), "-1 to 3"),
        (np.eye(3) * 300, "floats from 0 to 300 cannot be drawn; the pixels of an image are floats from 0 to 1"),
        (np.array([[0.5, 1.01]]), "0.5 to 1.01"),
        (np.array([[0.5, -0.2]]), "-0.2 to 0.5"),
        (np.array([[0.5, np.inf]]), "0.5 to inf"),
        (np.zeros(5), r"\(5,\)"),
        (np.zeros((3, 8, 9)), "moveaxis"),
        (np.zeros((8, 9, 2)), r"\(8, 9, 2\)"),
        (np.zeros((0, 4)), r"\(0, 4\)"),
        (np.zeros((1, 1, 1, 1)), r"\(1, 1, 1, 1\)"),
    ],
)
def test_an_array_that_is_no_picture_is_refused_with_the_reason(stem, array, why):
    with pytest.raises(ValueError, match=why):
        images.write(array, stem)
    assert not stem.parent.exists()


class Tensor:
    """Does what torch's does."""

    def __init__(self, array):
        self._array, self.ndim = array, array.ndim

    def detach(self):
        return self

    def cpu(self):
        return self

    def numpy(self):
        return self._array

    def __array__(self, *_):
        raise TypeError("can't convert cuda:0 device type tensor to numpy")


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_a_tensor_has_its_channels_first(stem, channels):
    array = np.arange(channels * 30, dtype=np.uint8).reshape(channels, 5, 6)
    found = pixels(images.write(Tensor(array), stem))[1]
    assert found.tolist() == (array.transpose(1, 2, 0) if channels > 1 else array[0]).tolist()


@pytest.mark.parametrize("shape", [(5, 6), (5, 6, 3)])
def test_a_tensor_that_looks_like_an_image_is_left_as_it_is(stem, shape):
    array = np.arange(int(np.prod(shape)), dtype=np.uint8).reshape(shape)
    assert pixels(images.write(Tensor(array), stem))[1].tolist() == array.tolist()


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_an_image_of_pil_keeps_its_mode(stem, mode):
    assert pixels(images.write(Image.new(mode, (4, 3)), stem))[0] == mode


@pytest.mark.parametrize(
    ("mode", "becomes"), [("CMYK", "RGB"), ("YCbCr", "RGB"), ("HSV", "RGB"), ("F", "L"), ("I", "I;16"), ("PA", "RGBA"), ("RGBa", "RGBA")]
)
def test_an_image_of_a_mode_that_png_lacks_is_converted(stem, mode, becomes):
    assert pixels(images.write(Image.new(mode, (4, 3)), stem))[0] == becomes


def test_an_image_without_pixels_or_with_half_of_them_is_refused(stem):
    with pytest.raises(ValueError, match="0 x 3"):
        images.write(Image.new("RGB", (0, 3)), stem)
    buffer = io.BytesIO()
    Image.effect_noise((200, 200), 50).save(buffer, format="PNG")
    with Image.open(io.BytesIO(buffer.getvalue()[:5000])) as image, pytest.raises(ValueError, match="cannot be drawn"):
        images.write(image, stem)


def test_a_figure_its_axes_and_pyplot_are_drawn_and_left_open(stem):
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(2, 1), dpi=100)
    axes.plot([1, 2, 3])
    drawn = [images.write(image, stem.with_name(name)).read_bytes() for name, image in (("f", figure), ("a", axes), ("p", plt))]
    assert drawn[0] == drawn[1] == drawn[2]
    assert pixels(stem.with_name("f.png"))[1].shape == (100, 200, 4)
    assert plt.get_fignums() == [figure.number]
    plt.close("all")
    with pytest.raises(ValueError, match="no figure"):
        images.write(plt, stem)


def test_a_figure_that_cannot_be_drawn_leaves_no_file(stem):
    from matplotlib.figure import Figure

    figure = Figure()
    figure.suptitle(r"$\nonsense$")
    with pytest.raises(ValueError, match="nonsense"):
        images.write(figure, stem)
    assert not stem.parent.exists()


@pytest.mark.parametrize("name", ["x.png", "x.JPG", "x.svg", "x.pdf", "x.tif"])
def test_an_image_file_is_copied_as_it_is(stem, tmp_path, name):
    (tmp_path / name).write_bytes(b"any content")
    path = images.write(str(tmp_path / name), stem)
    assert path.name == f"0.5{Path(name).suffix.lower()}"
    assert path.read_bytes() == b"any content"


@pytest.mark.parametrize(("name", "hint"), [("x.pgn", r"`\.png`"), ("x.txt", r"\.jpeg"), ("x", r"\.gif")])
def test_a_file_that_does_not_end_like_an_image_is_refused(stem, tmp_path, name, hint):
    (tmp_path / name).write_bytes(b"")
    with pytest.raises(ValueError, match=hint):
        images.write(tmp_path / name, stem)


def test_an_image_file_that_is_not_there_is_named(stem):
    with pytest.raises(SourceError, match=r"nowhere\.png"):
        images.write("nowhere.png", stem)


@pytest.mark.parametrize("value", [None, 3, b"\x89PNG", [[1, 2]], {"a": 1}, object(), Image.Image, np.float64(1.0), np.array(1)])
def test_everything_else_is_a_type_error_that_says_what_images_are(stem, value):
    with pytest.raises(TypeError, match=r"is not an image.*a matplotlib figure or axes"):
        images.write(value, stem)


@pytest.mark.parametrize("array", [np.array([["x"]]), np.ones((2, 2)) * 1j, np.array([["2020-01-01"]], dtype="M8[D]")])
def test_an_array_of_other_values_is_a_type_error(stem, array):
    with pytest.raises(TypeError, match="booleans, integers or floats"):
        images.write(array, stem)


class Plotly:
    """Does what plotly's figure does where there is no browser."""

    def to_image(self, **_):
        raise RuntimeError("Kaleido requires Google Chrome to be installed.")

    def to_html(self, *, include_plotlyjs, full_html, div_id):
        return f"<html>{include_plotlyjs}{full_html}{div_id}</html>"


def test_an_interactive_figure_is_a_page_where_it_cannot_be_drawn(stem):
    path = images.write(Plotly(), stem)
    assert path.name == "0.5.html"
    assert path.read_text() == "<html>TrueTruefigure</html>"


def test_a_figure_of_plotly_is_an_image_or_a_page_without_network(stem):
    go = pytest.importorskip("plotly.graph_objects")
    path = images.write(go.Figure(data=go.Scatter(y=[1, 3, 2])), stem)
    if path.suffix == ".html":
        text = path.read_text()
        assert '<script src="https://' not in text
        assert "Plotly.newPlot" in text
        assert images.write(go.Figure(data=go.Scatter(y=[1, 3, 2])), stem).read_text() == text
    else:
        assert pixels(path)[1].ndim == 3


def test_nothing_heavy_is_imported_before_there_is_an_image():
    code = "import sys, runner.images, runner.artifacts; print([m for m in ('numpy', 'PIL', 'matplotlib', 'pandas') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"


def test_trouble_with_the_disk_is_an_os_error(tmp_path):
    (tmp_path / "images").write_text("in the way")
    with pytest.raises(OSError, match="images"):
        images.write(np.zeros((2, 2)), tmp_path / "images/x")


@pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace")
def test_an_image_does_not_wait_for_the_disk_since_the_run_settles_all_that_it_keeps(tmp_path):
    code = "import sys, numpy; from pathlib import Path; from runner import images; images.write(numpy.eye(8), Path(sys.argv[1]) / '0')"
    calls = tmp_path / "calls"
    traced = ["strace", "-qq", "-f", "-o", str(calls), "-e", "trace=fsync,fdatasync,rename"]
    subprocess.run([*traced, sys.executable, "-c", code, str(tmp_path)], check=True)
    assert (tmp_path / "0.png").is_file()
    assert "rename(" in calls.read_text()
    assert "sync(" not in calls.read_text()
