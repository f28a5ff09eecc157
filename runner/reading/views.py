"""The views that `xrun query` offers: names, columns, definitions."""

import re
from typing import Final

_KEPT = "JOIN main.attempt a ON a.id = (SELECT max(b.id) FROM main.attempt b WHERE b.id_run = r.id_run AND NOT b.live)"
"""What an attempt has logged that is not over is not its run's yet."""
_NAMED = "SELECT r.id_run, j.key AS name, j.value FROM main.run r{join}, json_each(xrun_flat({text})) j"


def _signed(name: str) -> str:
    """A column in which eight bytes stand for -0.0 (runner/stores/zeros.py)."""
    return f"iif(typeof(s.{name}) = 'blob', -1 * 0.0, s.{name}) AS {name}"


_ENDS: Final = ", ".join(map(_signed, ("last", "first", "min", "max")))

VIEWS: Final[dict[str, tuple[str, str]]] = {
    "runs": (
        """id_run, experiment, status, seconds, started (Unix seconds), attempt, seed, cpu_seconds, max_rss (bytes), troubles,
               parent, name (of a child run), failure, step, place (of a failure), params, kwargs, fields, logged, tags (JSON)""",
        """SELECT id_run, experiment, status, seconds, nullif(started, 0) AS started, attempt, seed, cpu_seconds,
            nullif(max_rss, 0) AS max_rss, troubles, nullif(parent, '') AS parent, nullif(name, '') AS name,
            json_extract(failure, '$.kind') || ': ' || json_extract(failure, '$.message') AS failure,
            json_extract(failure, '$.step') AS step, json_extract(failure, '$.where') AS place,
            xrun_json(params) AS params, xrun_json(coalesce((SELECT content FROM main.kwargs k WHERE k.id = r.kwargs), '{}')) AS kwargs,
            xrun_json(fields) AS fields, xrun_json(logged) AS logged, xrun_json(tags) AS tags FROM main.run r""",
    ),
    "experiments": (
        "experiment, id_run; a run may belong to several",
        "SELECT experiment, id_run FROM main.run UNION SELECT experiment, id_run FROM main.shared",
    ),
    "params": ("id_run, name, value", _NAMED.format(join="", text="r.params")),
    "kwargs": ("id_run, name, value", _NAMED.format(join=" JOIN main.kwargs k ON k.id = r.kwargs", text="k.content")),
    "fields": ("id_run, name (dotted), value (a list as JSON)", _NAMED.format(join="", text="r.fields")),
    "logged": ("id_run, name, value of parameters that steps logged", _NAMED.format(join="", text="r.logged")),
    "tags": ("id_run, name, value", _NAMED.format(join="", text="r.tags")),
    "metrics": (
        "id_run, name, last, first, min, max, mean, count, n_nan, last_step, first_step, min_step, max_step",
        f"""SELECT r.id_run, s.name, {_ENDS}, s.total / nullif(s.count - s.n_nan, 0) AS mean, s.count, s.n_nan,
            s.last_step, s.first_step, iif(s.min IS NULL, NULL, s.min_step) AS min_step, iif(s.max IS NULL, NULL, s.max_step) AS max_step
            FROM main.run r {_KEPT} JOIN main.series s ON s.attempt = a.id""",
    ),
    "points": (
        "id_run, name, step, time (Unix seconds), value",
        f"""SELECT r.id_run, s.name, iif(length(p.steps) = 0, p.start + j.key, xrun_step(p.steps, j.key)) AS step,
            p.begun + j.key * iif(p.count > 1, (p.ended - p.begun) / (p.count - 1), 0) AS time, j.value
            FROM main.run r {_KEPT} JOIN main.series s ON s.attempt = a.id JOIN main.points p ON p.series = s.id,
            json_each(xrun_values(p.vals)) j""",
    ),
    "rows": (
        "id_run, name (of the table), row (1, 2, ...), column, value; of tables that runs logged",
        f"""SELECT r.id_run, t.name, t.before + v.key + 1 AS row, c.key AS "column", v.value
            FROM main.run r {_KEPT}
            JOIN (SELECT *, sum(count) OVER (PARTITION BY attempt, name ORDER BY id) - count AS before FROM main.part) t
            ON t.attempt = a.id,
            json_each(xrun_json(t.columns)) c, json_each(c.value) v""",
    ),
    "artifacts": (
        "id_run, path, size (bytes), sha256, kind, step (of an image), file (where it lies)",
        f"""SELECT r.id_run, f.path, f.size, f.sha256, f.kind, f.step, xrun_folder(r.id_run, r.epoch) || '/' || f.path AS file
            FROM main.run r {_KEPT} JOIN main.artifact f ON f.attempt = a.id""",
    ),
    "logs": (
        "id_run, stream (stdout or stderr), text",
        f"""SELECT r.id_run, o.stream, group_concat(o.text, '') AS text
            FROM main.run r {_KEPT} JOIN (SELECT * FROM main.output ORDER BY id) o ON o.attempt = a.id GROUP BY r.id_run, o.stream""",
    ),
}
"""View -> its columns, for people; its definition. NaN is NULL, as everywhere in SQLite; true and false are 1 and 0."""


COLUMNS: Final = tuple(
    dict.fromkeys(
        word.split()[0]
        for columns, _ in VIEWS.values()
        for word in re.sub(r"\([^)]*\)", "", columns).partition(";")[0].split(",")
        if word.strip()
    )
)
"""The columns of all views."""


def described() -> str:
    """The views and their columns, for people."""
    width = max(map(len, VIEWS))
    return "\n".join(f"  {name.ljust(width)}  {columns}" for name, (columns, _) in VIEWS.items())
