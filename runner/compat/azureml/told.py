"""What Azure's Run is told: values, rows, tables, images, labels and files."""

import json
import numbers
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from runner import files
from runner.attached import AttachedRun
from runner.compat import around
from runner.compat.azureml.values import Values
from runner.run import Run as XrunRun


class Told:
    """Hands on to xrun's run, and remembers values for `get_metrics`."""

    def __init__(self, run: XrunRun) -> None:
        self.run = run
        """xrun's."""
        self._values, self._images = Values(), dict[str, None]()

    def log(self, name: str, value: Any, description: str = "", step: int | None = None) -> None:  # noqa: ARG002 - Azure's
        """A number becomes a point of the metric, a text a field of the run; of several texts with one name the field is a list."""
        if value is None or isinstance(value, str):
            self._log_texts(name, [value])
            return
        self.run.log_metric(name, value, step)
        self._values.add(name, [value])

    def log_list(self, name: str, value: Iterable[Any], description: str = "") -> None:  # noqa: ARG002
        """Several values, behind those that there are."""
        values = list(value)
        if all(isinstance(item, numbers.Real) or hasattr(item, "item") for item in values):
            self.run.log_list(name, values)
            self._values.add(name, values)
        else:
            self._log_texts(name, values)

    def _log_texts(self, name: str, values: list[Any]) -> None:
        known = self._values.add(name, values)
        self.run.fields[name] = known[0] if len(known) == 1 else list(known)

    def log_row(self, name: str, description: str | None = None, **columns: Any) -> None:  # noqa: ARG002
        """One row of a table."""
        self.run.log_row(name, **columns)
        self._values.add_rows(name, {column: [value] for column, value in columns.items()})

    def log_table(self, name: str, value: Mapping[str, Sequence[Any]], description: str = "") -> None:  # noqa: ARG002
        """Rows of a table, as lists of equal length."""
        self.run.log_table(name, value)
        self._values.add_rows(name, {column: list(values) for column, values in value.items()})

    def log_image(self, name: str, path: str | Path | None = None, plot: Any = None, description: str = "") -> None:  # noqa: ARG002
        """An image file, or a plot of matplotlib. Raises ValueError unless it is one of both."""
        if (path is None) == (plot is None):
            raise ValueError(f"the image {name!r} is either a `path` or a `plot`")
        self.run.log_image(name, plot if path is None else path)
        self._images[name] = None

    def log_confusion_matrix(self, name: str, value: Any, description: str = "") -> None:  # noqa: ARG002
        """What Azure ML draws, kept as the file `<name>.json`: data, or JSON as text or in a file."""
        text = value if isinstance(value, str) else json.dumps(value, indent=1, default=str)
        if isinstance(value, str) and Path(value).is_file():
            text = Path(value).read_text(encoding="utf-8")
        around.keep(self.run, f"{name}.json", lambda file: file.write_text(text, encoding="utf-8"))

    log_accuracy_table = log_residuals = log_predictions = log_confusion_matrix

    def tag(self, key: str, value: str | None = None) -> None:
        """A label."""
        self.run.tags[key] = None if value is None else str(value)

    def set_tags(self, tags: Mapping[str, Any]) -> None:
        """Several labels."""
        for key, value in tags.items():
            self.tag(key, value)

    def add_properties(self, properties: Mapping[str, Any]) -> None:
        """Labels, too: xrun has no other kind."""
        self.set_tags(properties)

    def get_properties(self) -> dict[str, str | None]:
        """The labels."""
        return self.get_tags()

    def get_tags(self) -> dict[str, str | None]:
        """The labels."""
        return dict(self.run.tags)

    @property
    def tags(self) -> dict[str, str | None]:
        """The labels."""
        return self.get_tags()

    def upload_file(self, name: str, path_or_stream: Any, **_: Any) -> None:
        """Keep a file, or what a stream holds, under a name."""
        if hasattr(path_or_stream, "read"):
            content = path_or_stream.read()
            around.keep(self.run, name, lambda file: file.write_bytes(content.encode() if isinstance(content, str) else content))
        else:
            self.run.log_artifact(path_or_stream, name)

    def upload_folder(self, name: str, path: str | Path, **_: Any) -> None:
        """Keep what is in a folder below the folder `name`."""
        self.run.log_artifact(path, name)

    def download_file(self, name: str, output_file_path: str | Path | None = None, **_: Any) -> None:
        """Copy a file that the run keeps."""
        shutil.copyfile(self.run.dir / name, output_file_path or Path(name).name)

    def get_file_names(self) -> list[str]:
        """Paths of the files that the run keeps."""
        folder = self.run.dir if isinstance(self.run, AttachedRun) else self.run._dir
        found = (file for file in folder.rglob("*") if file.is_file() and not files.is_draft(file.name)) if folder else ()
        return sorted(file.relative_to(folder).as_posix() for file in found if folder)

    def _told(self, name: str | None, *, lists: bool) -> dict[str, Any]:
        """As `get_metrics`, of this run alone."""
        told = self._values.told(name, lists=lists)
        for image in self._images:
            if name in (None, image):
                told[image] = [file for file in self.get_file_names() if file.startswith(f"images/{image}/")]
        return told
