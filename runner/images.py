"""An image of any common kind as a file: PNG where it has to be drawn, unchanged where it is a file already.

Kinds are told by what a value can do. No library is imported for it: whoever has a figure has imported its library.
"""

import os
import sys
from collections.abc import Callable
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from typing import Any, Final

from runner import files
from runner.suggest import did_you_mean

KINDS: Final = (
    "the path of an image file, a PIL image, a numpy array, a torch tensor, "
    "a matplotlib figure or axes, matplotlib.pyplot, and a plotly figure"
)
_SUFFIXES: Final = (".png", ".jpg", ".jpeg", ".gif", ".svg", ".webp", ".bmp", ".tiff", ".tif", ".pdf")
ROUNDING: Final = 1e-3
"""How far floats may lie outside of 0 to 1: half floats, and what comes of interpolating, do."""
_CHANNELS: Final = (1, 3, 4)
_PNG_MODES: Final = ("1", "L", "LA", "P", "RGB", "RGBA", "I;16")
"""Modes of PIL that PNG has; others are converted, to RGB if nothing else is said here."""
_CONVERTED: Final = {"F": "L", "I": "I;16", "RGBa": "RGBA", "La": "LA", "PA": "RGBA"}


def write(image: Any, stem: Path) -> Path:
    """Write an image to `stem` and the suffix of its kind, whole or not at all; the path of the file. Folders are made.

    An image is one of `KINDS`. Arrays are (height, width) or (height, width, 1, 3 or 4), tensors also (1, 3 or 4, height, width), with
    booleans, integers of 0 to 255, or floats of 0 to 1, give or take a rounding error. The same array gives the same bytes. A plotly figure
    is a PNG where kaleido works, and else an HTML file that needs no network (5 MB). Figures are not closed.

    Raises TypeError for what is no image, ValueError for one that cannot be drawn (its shape, its values, the suffix of a file),
    files.SourceError for a file that is not there, and OSError for trouble with the disk.
    """
    if isinstance(image, str | os.PathLike):
        return _copied(Path(image), stem)
    data, suffix = _drawn(image)
    target = stem.with_name(stem.name + suffix)  # a stem may hold a dot: `images/loss/0.5`
    files.put(data, target, durable=False)  # as `files.copy`: the run settles all that it keeps
    return target


def _copied(source: Path, stem: Path) -> Path:
    suffix = source.suffix.lower()
    if suffix not in _SUFFIXES:
        hint = did_you_mean(suffix, _SUFFIXES, "image files end in")
        raise ValueError(f"{str(source)!r} does not end like an image file; {hint}; log_artifact keeps any file")
    target = stem.with_name(stem.name + suffix)
    files.copy(source, target)
    return target


def _drawn(image: Any) -> tuple[bytes, str]:
    """The content of the file, and its suffix."""
    if _is_pil(image):
        return _png(image), ".png"
    if _can(image, "savefig"):
        return _saved(image), ".png"
    if _can(image, "to_image", "to_html"):
        return _plotly(image)
    if _can(image, "detach", "cpu"):
        return _from_array(_channels_last(image.detach().cpu().numpy())), ".png"
    if _can(image, "get_figure") and _can(figure := image.get_figure(), "savefig"):
        return _saved(figure), ".png"
    if _can(image, "__array__") and getattr(image, "ndim", None):
        return _from_array(image), ".png"
    raise TypeError(f"a value of type {type(image).__name__} is not an image; images are {KINDS}")


def _can(value: Any, *names: str) -> bool:
    return not isinstance(value, type) and all(callable(getattr(value, name, None)) for name in names)


def _is_pil(image: Any) -> bool:
    pil = sys.modules.get("PIL.Image")
    return pil is not None and isinstance(image, pil.Image)


def _png(image: Any) -> bytes:
    if 0 in image.size:
        raise ValueError(f"an image of {image.width} x {image.height} pixels cannot be drawn")
    try:
        image.load()  # opened files are read when they are needed
    except OSError as error:
        raise ValueError(f"the image cannot be drawn: {error}") from error
    if image.mode not in _PNG_MODES:
        image = image.convert(_CONVERTED.get(image.mode, "RGB"))
    return _into_bytes(lambda buffer: image.save(buffer, format="PNG"))


def _into_bytes(save: Callable[[BytesIO], object]) -> bytes:
    """What `save` writes. By way of memory, so that an error of drawing is told apart from trouble with the disk."""
    buffer = BytesIO()
    save(buffer)
    return buffer.getvalue()


def _saved(figure: Any) -> bytes:
    if _can(figure, "get_fignums") and not figure.get_fignums():
        raise ValueError("matplotlib.pyplot has no figure to draw; log it before plt.close() or plt.show()")
    return _into_bytes(lambda buffer: figure.savefig(buffer, format="png"))


def _plotly(figure: Any) -> tuple[bytes, str]:
    if find_spec("kaleido"):
        try:
            return bytes(figure.to_image(format="png")), ".png"
        except Exception:  # noqa: BLE001 - kaleido needs a browser, and has no common class of errors for what may be wrong with it
            pass
    html: str = figure.to_html(include_plotlyjs=True, full_html=True, div_id="figure")
    return html.encode(), ".html"


def _channels_last(tensor: Any) -> Any:
    """A tensor has its channels first, an image has them last."""
    return tensor.transpose(1, 2, 0) if tensor.ndim == 3 and tensor.shape[0] in _CHANNELS else tensor


def _from_array(array: Any) -> bytes:
    import numpy as np
    from PIL import Image

    pixels = np.asarray(array)
    if not ((pixels.ndim == 2 or (pixels.ndim == 3 and pixels.shape[2] in _CHANNELS)) and pixels.size):
        hint = "; np.moveaxis(image, 0, -1) puts the channels last" if pixels.ndim == 3 and pixels.shape[0] in _CHANNELS else ""
        wanted = "(height, width) or (height, width, 1, 3 or 4)"
        raise ValueError(f"an array of the shape {pixels.shape} cannot be drawn; an image is {wanted}{hint}")
    bytes_ = _as_bytes(pixels)
    return _png(Image.fromarray(np.ascontiguousarray(bytes_[..., 0] if bytes_.shape[2:] == (1,) else bytes_)))


def _as_bytes(pixels: Any) -> Any:
    """Values as numpy's uint8."""
    import numpy as np

    if pixels.dtype.kind == "b":
        return pixels.astype(np.uint8) * np.uint8(255)
    if pixels.dtype.kind in "iu":
        low, high = int(pixels.min()), int(pixels.max())
        if low < 0 or high > 255:
            raise ValueError(f"integers from {low} to {high} cannot be drawn; the pixels of an image are 0 to 255, or floats from 0 to 1")
        return pixels.astype(np.uint8)
    if pixels.dtype.kind == "f":
        if np.isnan(pixels).any():
            raise ValueError("an array with NaN cannot be drawn; np.nan_to_num(image) makes them 0")
        _check_floats(float(pixels.min()), float(pixels.max()))
        return np.rint(np.clip(pixels, 0, 1).astype(np.float64) * 255).astype(np.uint8)
    raise TypeError(f"an array of {pixels.dtype} is not an image; its values must be booleans, integers or floats")


def _check_floats(low: float, high: float) -> None:
    if low < -ROUNDING or high > 1 + ROUNDING:
        hint = "image.astype('uint8') draws 0 to 255, np.clip(image, 0, 1) cuts off"
        raise ValueError(f"floats from {low:g} to {high:g} cannot be drawn; the pixels of an image are floats from 0 to 1; {hint}")
