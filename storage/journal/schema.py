"""The journal's tables, in one place, with their version."""

from __future__ import annotations

from enum import StrEnum

SCHEMA_VERSION = 3


class EventKind(StrEnum):
    """What can happen to a station: the closed list of events."""

    START = "start"
    STOP = "stop"
    CONFIG = "config"
    CONFIG_FAULT = "config_fault"
    DEVICE_SILENT = "device_silent"
    DEVICE_BACK = "device_back"
    DEVICE_FAULT = "device_fault"
    PORT_GONE = "port_gone"
    PORT_BACK = "port_back"
    BROKER_GONE = "broker_gone"
    BROKER_BACK = "broker_back"
    SINK_DENIED = "sink_denied"
    SINK_GONE = "sink_gone"
    SINK_BACK = "sink_back"
    CLOCK_UNTRUSTED = "clock_untrusted"
    CLOCK_SET = "clock_set"
    CLOCK_STEP = "clock_step"
    PART_FAILED = "part_failed"
    QUALITY_FAILED = "quality_failed"
    REPROCESSED = "reprocessed"
    REPLAYED = "replayed"
    FLAG = "flag"
    FLAG_REVOKED = "flag_revoked"
    NOTE = "note"
    PARKED_RETRIED = "parked_retried"
    PARKED_DROPPED = "parked_dropped"
    ARCHIVED = "archived"
    PRUNED = "pruned"
    LIMIT = "limit"
    DAMAGE = "damage"
    IMPORTED = "imported"
    IMPORT_UNDONE = "import_undone"
    IMPORT_REDONE = "import_redone"
    DECIDED = "decided"
    DECISION_REVOKED = "decision_revoked"
    OTHER = "other"


TABLES: dict[str, str] = {
    "meta": "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
    "channel": "CREATE TABLE channel (id INTEGER PRIMARY KEY, serial TEXT NOT NULL, channel TEXT NOT NULL,"
    " UNIQUE (serial, channel))",
    "word": "CREATE TABLE word (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE)",
    "series": "CREATE TABLE series (id INTEGER PRIMARY KEY, station TEXT NOT NULL, profile TEXT NOT NULL,"
    " position TEXT NOT NULL, variable TEXT NOT NULL, UNIQUE (station, profile, position, variable))",
    "sample": "CREATE TABLE sample (seq INTEGER PRIMARY KEY, channel INTEGER NOT NULL, time_us INTEGER,"
    " raw REAL, status INTEGER NOT NULL, device_us INTEGER, arrival_us INTEGER NOT NULL,"
    " mono_us INTEGER NOT NULL, boot INTEGER NOT NULL, source INTEGER NOT NULL, said BLOB,"
    " nth INTEGER NOT NULL DEFAULT 0)",
    "import": "CREATE TABLE import (id INTEGER PRIMARY KEY, file TEXT NOT NULL, sha256 TEXT NOT NULL,"
    " source TEXT NOT NULL, time_us INTEGER NOT NULL, state TEXT NOT NULL, counts TEXT NOT NULL DEFAULT '{}')",
    "delivery": "CREATE TABLE delivery (import INTEGER NOT NULL, first_seq INTEGER NOT NULL, last_seq INTEGER NOT NULL,"
    " again INTEGER NOT NULL, PRIMARY KEY (import, first_seq)) WITHOUT ROWID",
    "heard": "CREATE TABLE heard (id INTEGER PRIMARY KEY, message TEXT NOT NULL UNIQUE)",
    "observation": "CREATE TABLE observation (series INTEGER NOT NULL, time_us INTEGER NOT NULL, value REAL,"
    " raw REAL, flag INTEGER NOT NULL, tests INTEGER NOT NULL, corrections INTEGER NOT NULL,"
    " config INTEGER NOT NULL, rev INTEGER NOT NULL, PRIMARY KEY (series, time_us)) WITHOUT ROWID",
    "derived": "CREATE TABLE derived (series INTEGER NOT NULL, method INTEGER NOT NULL, time_us INTEGER NOT NULL,"
    " value REAL, lower REAL, upper REAL, rev INTEGER NOT NULL, reason INTEGER NOT NULL DEFAULT 0,"
    " PRIMARY KEY (series, method, time_us)) WITHOUT ROWID",
    "event": "CREATE TABLE event (id INTEGER PRIMARY KEY, time_us INTEGER NOT NULL, kind TEXT NOT NULL,"
    " subject TEXT NOT NULL, text TEXT NOT NULL, data TEXT NOT NULL, message TEXT NOT NULL DEFAULT '')",
    "config": "CREATE TABLE config (id INTEGER PRIMARY KEY, hash TEXT NOT NULL UNIQUE, text TEXT NOT NULL,"
    " since_us INTEGER NOT NULL)",
    "counter": "CREATE TABLE counter (source TEXT NOT NULL, name TEXT NOT NULL, value INTEGER NOT NULL,"
    " PRIMARY KEY (source, name)) WITHOUT ROWID",
    "cursor": "CREATE TABLE cursor (sink TEXT PRIMARY KEY, rev INTEGER NOT NULL, moved_us INTEGER NOT NULL,"
    " error TEXT NOT NULL, message TEXT NOT NULL DEFAULT '') WITHOUT ROWID",
    "parked": "CREATE TABLE parked (id INTEGER PRIMARY KEY, kind TEXT NOT NULL, source TEXT NOT NULL,"
    " reason TEXT NOT NULL, payload BLOB NOT NULL, time_us INTEGER, arrival_us INTEGER NOT NULL,"
    " state TEXT NOT NULL DEFAULT 'waiting', why TEXT NOT NULL DEFAULT '', import INTEGER,"
    " message TEXT NOT NULL DEFAULT '')",
    "batch": "CREATE TABLE batch (id INTEGER PRIMARY KEY, first_seq INTEGER NOT NULL, last_seq INTEGER NOT NULL,"
    " crc INTEGER NOT NULL, committed_us INTEGER NOT NULL)",
    "waiting": "CREATE TABLE waiting (channel INTEGER NOT NULL, from_us INTEGER NOT NULL, until_us INTEGER NOT NULL,"
    " PRIMARY KEY (channel, from_us)) WITHOUT ROWID",
    "rollup": "CREATE TABLE rollup (series INTEGER NOT NULL,"
    " period_s INTEGER NOT NULL CHECK (period_s IN (600, 3600, 21600, 86400)), kind INTEGER NOT NULL,"
    " start_us INTEGER NOT NULL, n INTEGER NOT NULL, low REAL, low_us INTEGER, low_flag INTEGER, high REAL,"
    " high_us INTEGER, high_flag INTEGER, mean REAL, worst INTEGER NOT NULL,"
    " PRIMARY KEY (series, period_s, kind, start_us)) WITHOUT ROWID",
}
"""Every table with the statement that makes it."""

INDEXES: dict[str, str] = {
    "sample_time": "CREATE UNIQUE INDEX sample_time ON sample (channel, time_us, nth)",
    "sample_held": "CREATE INDEX sample_held ON sample (boot) WHERE time_us IS NULL",
    "observation_rev": "CREATE INDEX observation_rev ON observation (rev)",
    "derived_rev": "CREATE INDEX derived_rev ON derived (rev)",
    "event_time": "CREATE INDEX event_time ON event (time_us)",
    "parked_conflict": "CREATE INDEX parked_conflict ON parked (time_us) WHERE kind = 'conflict'",
    "parked_state": "CREATE INDEX parked_state ON parked (state)",
}
"""Every index with the statement that makes it: no query goes without one."""

MEANING: dict[str, str] = {
    "meta": "Schema version, the journal's own id, the configuration in force, how far quality has come.",
    "channel": "One quantity of one physical instrument.",
    "word": "Texts that repeat: status, names of tests and corrections, sources, boots, methods, reasons.",
    "series": "Station, profile, position, variable.",
    "sample": "What the hardware said. Never changed, but for a time given to one that was held back. `said`: the"
    " registers of a polled probe as on the wire, or what an imported row says of its value besides. `nth`: 0, and"
    " 1, 2 … for what else came of its channel and time.",
    "import": "Every import: file, its SHA-256, when, `running`, `done` or `undone`, and what became of its rows.",
    "delivery": "Samples that an import delivered, `first_seq` to `last_seq`; with `again`, what was there already.",
    "heard": "Messages with readings that have no time of their own, by node and sequence: the newest 10 000.",
    "observation": "What we make of a sample today; `rev` grows with every new or changed one.",
    "derived": "Results in time with their interval, by method; one that was withheld has its reason.",
    "event": "What happened, by a closed list of kinds; manual flags are events too. `message`: what `text` is made of,"
    " so that it can be said in another language.",
    "config": "Every configuration ever used, by hash.",
    "counter": "In = stored + duplicate + rejected, by source.",
    "cursor": "How far each database has confirmed. `message`: what `error` is made of.",
    "parked": "What could not be used or sent, with the reason, and what a person must decide. `message`: what `reason`"
    " is made of.",
    "batch": "First and last sample of each commit with a CRC-32, so that damage can be named.",
    "waiting": "Late readings that wait for judgement: times of a channel, `until_us` exclusive.",
    "rollup": "Counts, extremes and means by ten minutes, hour, six hours and day, of good (kind 0), flagged (1) and"
    " absent (2) values; follows `rev`, can be built again.",
}
"""What each table is for."""
