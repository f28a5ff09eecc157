"""Files, images and tables of a run."""

import json
from pathlib import Path
from typing import Any

from runner import images
from runner.compat.around import keep
from runner.compat.mlflow.runs import current


def log_artifact(local_path: str | Path, artifact_path: str | None = None) -> None:
    """Keep a file or a folder, in the folder `artifact_path`."""
    current().run.log_artifact(local_path, f"{artifact_path.rstrip('/')}/" if artifact_path else None)


def log_artifacts(local_dir: str | Path, artifact_path: str | None = None) -> None:
    """Keep what is in a folder, in the folder `artifact_path`."""
    if artifact_path:
        current().run.log_artifact(local_dir, artifact_path.rstrip("/"))
        return
    for entry in sorted(Path(local_dir).iterdir()):
        current().run.log_artifact(entry)


def log_text(text: str, artifact_file: str) -> None:
    """Keep a text as a file."""
    keep(current().run, artifact_file, lambda file: file.write_text(text, encoding="utf-8"))


def log_dict(dictionary: Any, artifact_file: str) -> None:
    """Keep data as YAML where the file's name says so, else as JSON."""
    if artifact_file.endswith((".yaml", ".yml")):
        import yaml

        log_text(yaml.safe_dump(dictionary, sort_keys=False), artifact_file)
    else:
        log_text(json.dumps(dictionary, indent=2, default=str), artifact_file)


def log_figure(figure: Any, artifact_file: str, **_: Any) -> None:
    """Keep a figure of matplotlib or plotly, in the format that the file's name says."""
    if hasattr(figure, "savefig"):
        keep(current().run, artifact_file, figure.savefig)
    else:
        keep(current().run, artifact_file, figure.write_html if artifact_file.endswith(".html") else figure.write_image)


def log_image(image: Any, artifact_file: str | None = None, key: str | None = None, step: int | None = None, **_: Any) -> None:
    """Keep an image as a file, or as one of the series `key`."""
    if artifact_file is None:
        current().run.log_image(key or "image", image, step)
    else:
        keep(current().run, artifact_file, lambda file: _draw(image, file))


def _draw(image: Any, file: Path) -> None:
    drawn = images.write(image, file.with_name("drawn"))
    if drawn.suffix == file.suffix.lower():
        drawn.rename(file)
        return
    from PIL import Image

    with Image.open(drawn) as pixels:
        pixels.convert("RGB").save(file)


def log_table(data: Any, artifact_file: str, **_: Any) -> None:
    """Add rows to a table of the run, called as the file without its suffix."""
    current().run.log_table(artifact_file.removesuffix(".json"), data)


def get_artifact_uri(artifact_path: str | None = None) -> str:
    """Where the run keeps its files."""
    folder = current().run.dir
    return str(folder / artifact_path if artifact_path else folder)
