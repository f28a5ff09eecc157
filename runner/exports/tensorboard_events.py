"""The events of TensorBoard that a run becomes, as protocol buffers of tensorboardX. The door to tensorboardX."""

import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from runner.errors import UsageError
from runner.exports.base import number, shown
from runner.record import Status

INSTALL = "exporting to TensorBoard needs the package tensorboardX: pip install 'xrun[tensorboard]'"
_CHANNELS = {0: 1, 2: 3, 3: 3, 4: 2, 6: 4}
"""PNG's colour type -> TensorBoard's colour space."""


def require() -> None:
    """Raise UsageError, with what to install, where tensorboardX is not installed."""
    try:
        import tensorboardX.proto.event_pb2  # noqa: F401
    except ImportError as error:
        raise UsageError(f"{INSTALL}\n  {error}") from None


def write(path: Path, events: Iterator[Any]) -> None:
    """Write an events file; equal events give equal bytes. Raises OSError."""
    from tensorboardX.record_writer import RecordWriter

    writer = RecordWriter(str(path))
    try:
        for event in events:
            writer.write(event.SerializeToString(deterministic=True))
        writer.flush()
    finally:
        writer.close()


def head(time: float) -> Any:
    """The event that begins every file."""
    from tensorboardX.proto.event_pb2 import Event

    return Event(wall_time=time, file_version="brain.Event:2")


def scalar(name: str, value: float, step: int, time: float) -> Any:
    """A point of a metric. TensorBoard keeps 32 bits of the value."""
    from tensorboardX.proto.event_pb2 import Event
    from tensorboardX.proto.summary_pb2 import Summary

    return Event(wall_time=time, step=step, summary=Summary(value=[Summary.Value(tag=name, simple_value=value)]))


def image(name: str, file: Path, step: int, time: float) -> Any | None:
    """A picture; None where the file is no PNG. Raises OSError."""
    from tensorboardX.proto.event_pb2 import Event
    from tensorboardX.proto.summary_pb2 import Summary

    data = file.read_bytes()
    if len(data) < 26 or not data.startswith(b"\x89PNG\r\n\x1a\n"):
        return None
    width, height, _, kind = struct.unpack(">IIBB", data[16:26])
    made = Summary.Image(height=height, width=width, colorspace=_CHANNELS.get(kind, 3), encoded_image_string=data)
    return Event(wall_time=time, step=step, summary=Summary(value=[Summary.Value(tag=name, image=made)]))


def session_start(params: Mapping[str, Any], time: float) -> Any:
    """The hyperparameters of a run."""
    from tensorboardX.proto.plugin_hparams_pb2 import HParamsPluginData, SessionStartInfo

    started = SessionStartInfo(start_time_secs=time)
    for name, value in params.items():
        if isinstance(value, bool):
            started.hparams[name].bool_value = value
        elif (amount := number(value)) is not None:
            started.hparams[name].number_value = amount
        else:
            started.hparams[name].string_value = shown(value)
    return _hparams("_hparams_/session_start_info", HParamsPluginData(session_start_info=started), time)


def session_end(status: Status, time: float) -> Any:
    """How a run ended."""
    from tensorboardX.proto.api_pb2 import STATUS_FAILURE, STATUS_SUCCESS
    from tensorboardX.proto.plugin_hparams_pb2 import HParamsPluginData, SessionEndInfo

    over = SessionEndInfo(status=STATUS_SUCCESS if status.ok else STATUS_FAILURE, end_time_secs=time)
    return _hparams("_hparams_/session_end_info", HParamsPluginData(session_end_info=over), time)


def _hparams(tag: str, content: Any, time: float) -> Any:
    from tensorboardX.proto.event_pb2 import Event
    from tensorboardX.proto.summary_pb2 import Summary, SummaryMetadata

    plugin = SummaryMetadata.PluginData(plugin_name="hparams", content=content.SerializeToString(deterministic=True))
    value = Summary.Value(tag=tag, metadata=SummaryMetadata(plugin_data=plugin))
    return Event(wall_time=time, summary=Summary(value=[value]))
