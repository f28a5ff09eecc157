"""The tables of the SQLite store, and how an older store becomes a present one."""

from typing import Final

APPLICATION_ID: Final = 0x7872756E  # "xrun"
VERSION: Final = 2

_RECORDS = """
CREATE TABLE epoch (
    id INTEGER PRIMARY KEY,
    experiment TEXT NOT NULL,
    started REAL NOT NULL,
    provenance TEXT
);
CREATE TABLE run (
    seq INTEGER PRIMARY KEY,
    id_run TEXT NOT NULL UNIQUE,
    experiment TEXT NOT NULL,
    status TEXT NOT NULL,
    params TEXT NOT NULL,
    fields TEXT NOT NULL,
    tags TEXT NOT NULL,
    failure TEXT,
    seed INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    started REAL NOT NULL,
    seconds REAL NOT NULL,
    epoch INTEGER NOT NULL
);
CREATE INDEX run_experiment ON run (experiment, status);
CREATE TABLE shared (experiment TEXT NOT NULL, id_run TEXT NOT NULL, PRIMARY KEY (experiment, id_run)) WITHOUT ROWID;
"""
_HANDS = """
CREATE TRIGGER run_changes_hands AFTER UPDATE OF experiment ON run WHEN old.experiment <> new.experiment
BEGIN INSERT OR IGNORE INTO shared VALUES (old.experiment, new.id_run); END
"""
"""A run that another experiment executes again stays its first one's as well."""

_TRACKING = """
ALTER TABLE epoch ADD COLUMN process TEXT;
ALTER TABLE run ADD COLUMN kwargs INTEGER;
ALTER TABLE run ADD COLUMN logged TEXT NOT NULL DEFAULT '{}';
ALTER TABLE run ADD COLUMN parent TEXT NOT NULL DEFAULT '';
ALTER TABLE run ADD COLUMN name TEXT NOT NULL DEFAULT '';
ALTER TABLE run ADD COLUMN cpu_seconds REAL NOT NULL DEFAULT 0;
ALTER TABLE run ADD COLUMN max_rss INTEGER NOT NULL DEFAULT 0;
ALTER TABLE run ADD COLUMN troubles INTEGER NOT NULL DEFAULT 0;
ALTER TABLE run ADD COLUMN crc INTEGER NOT NULL DEFAULT -1;
ALTER TABLE epoch ADD COLUMN crc INTEGER NOT NULL DEFAULT -1;
ALTER TABLE epoch ADD COLUMN provenance_crc INTEGER;
CREATE INDEX run_parent ON run (parent) WHERE parent <> '';
CREATE TABLE seal (name TEXT PRIMARY KEY, crc INTEGER NOT NULL);
CREATE TABLE kwargs (id INTEGER PRIMARY KEY, content TEXT NOT NULL UNIQUE);
CREATE TABLE attempt (
    id INTEGER PRIMARY KEY,
    id_run TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    experiment TEXT NOT NULL,
    live INTEGER NOT NULL,
    started REAL NOT NULL,
    params TEXT NOT NULL,
    parent TEXT NOT NULL,
    name TEXT NOT NULL,
    known_crc INTEGER NOT NULL,
    UNIQUE (id_run, epoch, attempt)
);
CREATE INDEX attempt_live ON attempt (experiment) WHERE live;
CREATE TABLE series (
    id INTEGER PRIMARY KEY,
    attempt INTEGER NOT NULL REFERENCES attempt (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    count INTEGER NOT NULL,
    n_nan INTEGER NOT NULL,
    first REAL,
    first_step INTEGER NOT NULL,
    last REAL,
    last_step INTEGER NOT NULL,
    min REAL,
    min_step INTEGER NOT NULL,
    max REAL,
    max_step INTEGER NOT NULL,
    total REAL,
    crc INTEGER NOT NULL,
    UNIQUE (attempt, name)
);
CREATE TABLE points (
    id INTEGER PRIMARY KEY,
    series INTEGER NOT NULL REFERENCES series (id) ON DELETE CASCADE,
    count INTEGER NOT NULL,
    start INTEGER NOT NULL,
    steps BLOB NOT NULL,
    vals BLOB NOT NULL,
    begun REAL NOT NULL,
    ended REAL NOT NULL,
    crc INTEGER NOT NULL
);
CREATE INDEX points_series ON points (series);
CREATE TABLE part (
    id INTEGER PRIMARY KEY,
    attempt INTEGER NOT NULL REFERENCES attempt (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    count INTEGER NOT NULL,
    columns TEXT NOT NULL,
    crc INTEGER NOT NULL
);
CREATE INDEX part_attempt ON part (attempt);
CREATE TABLE artifact (
    attempt INTEGER NOT NULL REFERENCES attempt (id) ON DELETE CASCADE,
    path TEXT NOT NULL,
    size INTEGER NOT NULL,
    sha256 TEXT NOT NULL,
    kind TEXT NOT NULL,
    step INTEGER,
    crc INTEGER NOT NULL,
    PRIMARY KEY (attempt, path)
) WITHOUT ROWID;
CREATE TABLE output (
    id INTEGER PRIMARY KEY,
    attempt INTEGER NOT NULL REFERENCES attempt (id) ON DELETE CASCADE,
    stream TEXT NOT NULL,
    text TEXT NOT NULL,
    crc INTEGER NOT NULL
);
CREATE INDEX output_attempt ON output (attempt);
CREATE TABLE prefix (
    link TEXT PRIMARY KEY,
    attempt INTEGER NOT NULL REFERENCES attempt (id) ON DELETE CASCADE,
    steps INTEGER NOT NULL,
    fields TEXT NOT NULL,
    tags TEXT NOT NULL,
    tracker TEXT NOT NULL,
    artifacts TEXT NOT NULL,
    points INTEGER NOT NULL,
    parts INTEGER NOT NULL,
    crc INTEGER NOT NULL
);
CREATE INDEX prefix_attempt ON prefix (attempt);
ALTER TABLE epoch ADD COLUMN evidence TEXT;
CREATE TABLE source (digest TEXT PRIMARY KEY, content BLOB NOT NULL);
CREATE TABLE loaded (epoch INTEGER NOT NULL, path TEXT NOT NULL, digest TEXT NOT NULL, PRIMARY KEY (epoch, path, digest)) WITHOUT ROWID;
CREATE TABLE held (epoch INTEGER PRIMARY KEY, until REAL NOT NULL);
CREATE TABLE void (epoch INTEGER PRIMARY KEY, until REAL NOT NULL);
CREATE TABLE turn (
    experiment TEXT PRIMARY KEY,
    epoch INTEGER NOT NULL,
    beat INTEGER NOT NULL,
    seconds REAL NOT NULL,
    holder TEXT NOT NULL
) WITHOUT ROWID;
"""
"""What runs log hangs on `attempt`, of which there is a row when an attempt has logged anything; `live` while it executes.
What listings tell of a run that has no record yet stands there as well; `epoch.process` tells whether there is still anybody to end it.

`seal` holds the checksums of the definitions of all these: a flipped byte in one would give rows another meaning.

`source` holds the steps' sources by their SHA-256. `loaded`: sources that an invocation's steps loaded and no code digest counts.
`held`: until when an invocation's data was seen to be what its identities say, where that is not to its end. `void`: results of an
invocation that ended later than this do not stand.

`turn`: the invocation that executes an experiment; an earlier one writes no more. Where other machines may use the store, it counts `beat`
on while it lives: who sees that stand still for `seconds` may take over. 0: it has ended, or its lock tells. `holder` says in JSON who it
is.

NaN is NULL in SQLite: `first` and `last` are NULL for a NaN, since a series has at least one point; `min` and `max` are where no value is
finite.
"""
_SUMS = """
UPDATE run SET crc = xrun_record_sum(id_run, experiment, status, params, fields, tags, logged, parent, name, failure, NULL,
    seed, attempt, started, seconds, epoch, cpu_seconds, max_rss, troubles);
UPDATE epoch SET crc = xrun_sum(id, experiment, started), provenance_crc = iif(provenance IS NULL, NULL, xrun_sum(provenance))
"""
"""`crc` is what `runner.stores.sums` makes of a row; SQLite calls it by functions that the migration brings along."""

_REPLACED = """
CREATE TRIGGER run_is_replaced AFTER UPDATE OF epoch, attempt ON run WHEN old.epoch <> new.epoch OR old.attempt <> new.attempt
BEGIN
    DELETE FROM attempt WHERE id_run = new.id_run AND (NOT live OR epoch = new.epoch) AND (epoch <> new.epoch OR attempt <> new.attempt);
    DELETE FROM run WHERE parent = new.id_run AND parent <> '' AND (epoch <> new.epoch OR attempt <> new.attempt);
END
"""
_HANDS_AGAIN = """
CREATE TRIGGER run_changes_hands AFTER UPDATE OF experiment ON run WHEN old.experiment <> new.experiment
BEGIN
    INSERT INTO shared SELECT old.experiment, new.id_run
    WHERE NOT EXISTS (SELECT 1 FROM shared WHERE experiment = old.experiment AND id_run = new.id_run);
END
"""
"""In place of that of format 1: in a trigger of an upsert SQLite does not heed OR IGNORE, so that the second time was an error."""
_REMOVED = """
CREATE TRIGGER run_is_removed AFTER DELETE ON run
BEGIN DELETE FROM attempt WHERE id_run = old.id_run AND (NOT live OR epoch = old.epoch); END
"""
"""What another invocation logs that executes the same run in this moment, for another experiment, stays."""

MIGRATIONS: Final[tuple[tuple[str, ...], ...]] = (
    (*_RECORDS.split(";"), _HANDS),
    (*_TRACKING.split(";"), *_SUMS.split(";"), "DROP TRIGGER run_changes_hands", _HANDS_AGAIN, _REPLACED, _REMOVED),
)
"""Statements that lead from version n to n + 1; an empty file is version 0."""
