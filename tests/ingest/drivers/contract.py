"""What every kind of connection is held to, whoever begins: one account, one function that judges it.

A scenario of a kind (`polled.py`, `pushed.py`, `files.py`) lets one situation happen to real parts, beside a
healthy neighbour, and gives the account of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from soilco2.quality.records import Sample

SITUATIONS = ("silent", "garbage", "late", "unplugged", "two at one address", "burst", "restart")


class Known(NamedTuple):
    """A reading as its sender knows it."""

    serial: str
    channel: str
    time_us: int | None
    raw: float | None


def known(samples: Iterable[Sample]) -> list[Known]:
    """Samples as their senders know them."""
    return [Known(row.serial, row.channel, row.time_us, row.raw) for row in samples]


@dataclass
class Account:
    """What came of a situation.

    Parameters
    ----------
    came : int
        Readings that came in, counted where they were sent.
    samples : list of Known
    refused : int
        Readings that were counted as no samples.
    true : set of Known
        What was really measured; nothing else may become a sample.
    neighbour : set of Known
        What the healthy neighbour measured.
    again : int
        Readings that came in a second time and were known.
    parked : int or None
        Entries that were kept with their reason; None where the contract keeps none: a polled instrument is
        asked again.
    waiting : list of int
        How much waited in memory, each time it was looked at.
    bound : int
        How much may.
    failures : list
        What ended a thread or a process, or was raised by another than an error of the contract.
    """

    came: int
    samples: list[Known]
    refused: int
    true: set[Known]
    neighbour: set[Known]
    waiting: list[int]
    bound: int
    again: int = 0
    parked: int | None = None
    failures: list[Any] = field(default_factory=list)


def hold(account: Account) -> None:
    """Everything that holds in every situation of every kind."""
    assert account.failures == []
    stored = set(account.samples)
    assert len(stored) == len(account.samples), "nothing is stored twice"
    assert stored <= account.true | account.neighbour, "no wrong value ever becomes a sample"
    assert account.neighbour, "there is a neighbour"
    assert account.neighbour <= stored, "the healthy neighbour loses nothing"
    assert account.came == len(account.samples) + account.again + account.refused
    assert account.parked in (None, account.refused)
    assert account.waiting, "it was looked at"
    assert max(account.waiting) <= account.bound


@dataclass
class Bench:
    """What a scenario has to work with.

    Parameters
    ----------
    folder : Path
    stack : ExitStack
        Takes away at the end what was started.
    fixture : callable
        A fixture by its name.
    monkeypatch : pytest.MonkeyPatch
    """

    folder: Path
    stack: ExitStack
    fixture: Callable[[str], Any]
    monkeypatch: pytest.MonkeyPatch


Scenario = Callable[[Bench], Account]
Rows = Mapping[str, Scenario]
