"""What a scan of a line looks for, and what it finds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from soilco2.station_config.catalogue.probe import Line as LineSettings
from soilco2.station_config.catalogue.probe import ProbeModel
from soilco2.station_config.message import Message


class Guess(NamedTuple):
    """A model that an instrument may be.

    Parameters
    ----------
    model : str
        Id of the model.
    says : str
        What its answer would mean, such as ``"co2 465.66 ppm"``.
    """

    model: str
    says: str


class Answer(NamedTuple):
    """Somebody at an address of a line.

    Parameters
    ----------
    kind : str
        Kind of connection.
    line : str
        Line settings it was heard at, such as ``"9600 8N1"``; empty where there are none.
    address : int, str or None
        None where it has none.
    models : tuple of Guess
        Models it may be, the likeliest first; one without `doubts` is certain.
    heard : bytes
        What it said first, as it came.
    doubts : tuple of Message
        What cannot be told apart, and what is wrong with the answer.
    """

    kind: str
    line: str
    address: int | str | None
    models: tuple[Guess, ...] = ()
    heard: bytes = b""
    doubts: tuple[Message, ...] = ()


class Step(NamedTuple):
    """How far a scan is.

    Parameters
    ----------
    done : float
        Share of the work, 0 to 1.
    left_s : float
        Time that the rest will take when nobody answers [s].
    text : Message
        What is tried now.
    """

    done: float
    left_s: float
    text: Message


class Search(NamedTuple):
    """What a scan looks for.

    Parameters
    ----------
    models : sequence of ProbeModel
        Those that may be there; a driver takes the ones it speaks to.
    lines : sequence of LineSettings
        Only these line settings; empty: those the models leave the factory with.
    addresses : sequence of int or str
        Only these addresses; empty: the driver's usual ones.
    everything : bool
        Every address at every line setting that a model can have.
    known : sequence of int or str
        Addresses that are in use, to be asked beside the usual ones.
    """

    models: Sequence[ProbeModel]
    lines: Sequence[LineSettings] = ()
    addresses: Sequence[int | str] = ()
    everything: bool = False
    known: Sequence[int | str] = ()


Scan = Iterator[Step | Answer | Message]
"""What a scan finds, as it finds it: steps, answers, and remarks on the line as a whole. It may be ended at any step,
and lets go of the line when it ends."""
