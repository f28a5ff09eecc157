"""`xrun artifacts EXPERIMENT|ID`: the files that runs keep."""

from runner import reading, stores
from runner.commands import options as shared
from runner.commands import shown
from runner.commands.show import here, size
from runner.errors import IncompleteError


def main(arguments: list[str]) -> int:
    """Print the files; returns 0."""
    parser = shared.Parser(
        prog="xrun artifacts",
        description="The files that an experiment's runs keep, or one run: where they lie, size, kind (file, image, output), SHA-256.",
        epilog="example: xrun artifacts coins --where 'error < 0.1' --json",
    )
    parser.add_argument("target", metavar="EXPERIMENT|ID", help="an experiment, or a beginning of an id_run")
    parser.add_argument("--where", metavar="CONDITION", help='only these runs of an experiment: "params.lr < 1e-2 and loss.min > 0"')
    shown.add_formats(parser)
    shared.add_place(parser)
    chosen = parser.parse_args(arguments)
    workspace = shared.workspace(chosen)
    reader = stores.read(workspace.store)
    try:
        rows, whose = reading.targets(reader, chosen.target, chosen.where)
        kept = reading.artifact_rows(reader, rows, workspace.artifacts.absolute())
    finally:
        reader.close()
    if not kept:
        raise IncompleteError(f"{whose} have no artifacts")
    if chosen.json or chosen.csv:
        shown.show(reading.ARTIFACT_COLUMNS, ([line[name] for name in reading.ARTIFACT_COLUMNS] for line in kept), chosen)
    else:
        folder = workspace.artifacts.absolute()
        lines = (
            (line["id_run"], line["path"], size(line["size"]), line["kind"], here(folder / line["id_run"] / line["path"])) for line in kept
        )
        shown.show(("id_run", "path", "size", "kind", "file"), lines, chosen)
    return 0
