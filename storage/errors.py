"""Errors of the store.

StorageError                anything wrong with what is kept or with where it is kept
├── JournalBusyError        another process writes the journal
├── JournalDamagedError     what is in the journal's file is not what was written
├── JournalGoneError        the journal's file was removed or replaced while it was open
├── DiskFullError           no room left; nothing that was kept is lost
│   └── JournalFullError    the journal has reached its limit and nothing may be pruned
├── ArchiveError            an archive that cannot be written, or is not what was sealed
├── BackupError             a backup that cannot be written, or is none that can be restored here
├── ControlError            the running collector did not do what it was asked
├── ResultsError            results of an analysis that cannot be written or read
├── SourceError             what was named as a source of data is none, or lacks what was asked for
├── TidyFileError           a tidy table that cannot be used at all, with file, line and column
├── ExportError             an export that cannot be written
└── SinkError               a database did not take what was sent, or did not answer what was asked
    ├── SinkUnavailable     try again: no answer, too busy, a server's fault, something else answered
    ├── SinkDenied          a person is needed: token, organisation, bucket, certificate, address
    ├── SinkTooLarge        send less at a time
    └── SinkRefused         at least one point is not acceptable, with the server's words
        └── LineError       a point that cannot be written in line protocol; it was not sent
UnfitError                  a cell of a table that cannot be used; it becomes its row's fault
"""

# ruff: noqa: N818 - the names say what the database did

from __future__ import annotations

from soilco2.station_config.message import Message


class StorageError(Exception):
    """Something is wrong with what is kept or with where it is kept; the message is one clear sentence."""

    def __init__(self, message: Message) -> None:
        super().__init__(Message.of(message))  # a driver of another distribution may say it in plain text


class ArchiveError(StorageError):
    """An archive cannot be written, or is not what was sealed."""


class BackupError(StorageError):
    """A backup cannot be written, or is none that can be restored here."""


class ResultsError(StorageError):
    """Results of an analysis cannot be written or read."""


class SourceError(StorageError):
    """What was named as a source of data is none, or does not hold what was asked for."""


class ExportError(StorageError):
    """An export cannot be written."""


class TidyFileError(StorageError):
    """A tidy table that cannot be used.

    Parameters
    ----------
    file : str
        As the user named it.
    expected : Message
        What is wrong, what was expected and what to do.
    line : int or None
        Line in the file, counted from 1.
    column : str
        Name of the column, empty where it is about the whole line or file.
    """

    def __init__(self, file: str, expected: Message, line: int | None = None, column: str = "") -> None:
        self.file = file
        self.line = line
        self.column = column
        self.expected = expected
        place = file if line is None else f"{file}:{line}"
        super().__init__(
            Message("{place}: column {column}: {expected}", place=place, column=column, expected=expected)
            if column
            else Message("{place}: {expected}", place=place, expected=expected)
        )


class SinkError(StorageError):
    """A database did not take what was sent, or did not answer what was asked."""


class SinkUnavailable(SinkError):
    """Not now; the same again later may well succeed.

    Parameters
    ----------
    message : Message
    retry_after : float or None
        The wait that the server asked for [s].
    """

    def __init__(self, message: Message, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class SinkDenied(SinkError):
    """The same again will not succeed until a person mends token, bucket, certificate or address."""


class SinkTooLarge(SinkError):
    """The request was too large; half of it may not be."""


class SinkRefused(SinkError):
    """At least one of the points sent is not acceptable.

    Parameters
    ----------
    message : Message
        The server's words.
    status : int
        Its HTTP status: 400 stored nothing of the batch, 422 stored what was acceptable.
    """

    def __init__(self, message: Message, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


class LineError(SinkRefused):
    """A point that cannot be written in line protocol: not finite, out of range, an unusable name."""


class JournalBusyError(StorageError):
    """Another process writes this journal.

    Parameters
    ----------
    message : Message
        One sentence.
    holder : str
        Its process id.
    """

    def __init__(self, message: Message, holder: str = "") -> None:
        super().__init__(message)
        self.holder = holder


class JournalDamagedError(StorageError):
    """What is in the journal's file is not what was written.

    Parameters
    ----------
    message : Message
    damage : Message, optional
        The message without what to do; left out: the message.
    """

    def __init__(self, message: Message, damage: Message | None = None) -> None:
        super().__init__(message)
        self.damage = damage or Message.of(message)


class JournalGoneError(StorageError):
    """The journal's file is not where it was opened: whatever is written now would be lost."""


class DiskFullError(StorageError):
    """There is no room left; what was kept is untouched, and the same commit may be tried again."""


class JournalFullError(DiskFullError):
    """The journal has reached its limit and nothing may be pruned."""


class UnitChangedError(StorageError):
    """A station file gives a variable another unit than its kept values have."""


class ControlError(StorageError):
    """The running collector refused or could not be asked."""


class UnfitError(ValueError):
    """A cell that cannot be used; the message is the reason."""
