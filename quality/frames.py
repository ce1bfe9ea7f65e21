"""The channels of one answer together: what one of them says nothing in, and what is nothing but zeros.

A probe that lost its sensor fills the registers of an answer with its own "nothing", which one channel knows as a
sentinel and another takes for a number: 0xFFFF is -0.1 degC where a sign is kept. A node that lost its probe answers
zeros, as dry sand does that is just freezing: there only the temperature before can tell.
"""

from __future__ import annotations

from soilco2.quality import checks
from soilco2.quality.checks import MINUTE_US, Extra
from soilco2.quality.companions import Line
from soilco2.quality.records import Flag

NAME = "frame"
"""First part of the name of the test; the channel that said nothing comes behind a colon."""

FASTEST = 0.2
"""Change of temperature that a probe in soil can show [K/min]: three times a bare, dry sand at noon (4 K/h)."""

SLACK = 1.0
"""What two true readings can differ by, however close they are [K]."""

_NOTHING: tuple[int, Extra] = (0, ())


class Frame:
    """Channels whose numbers come in one answer of an instrument.

    Parameters
    ----------
    size : int
        How many there are.
    reach_us : int
        How long one answer speaks for the next [µs].

    Attributes
    ----------
    odd : bool
        Whether there is a zero or a nothing in the newest answer; else it `says` nothing.
    judged : bool
        Whether a channel of the newest answer was judged by it already.
    now_us : int or None
        Time of the newest answer [µs UTC].
    lines : list of Line
        The series that its channels give.
    """

    __slots__ = (
        "_degc",
        "_fits",
        "_reach_us",
        "_reference",
        "_silent",
        "_size",
        "_told",
        "_zeros",
        "judged",
        "lines",
        "now_us",
        "odd",
    )

    def __init__(self, size: int, reach_us: int) -> None:
        self._size = size
        self._reach_us = reach_us
        self.now_us: int | None = None
        self._silent: list[str] = []
        self._zeros = 0
        self._degc: float | None = None
        self.odd = self.judged = False
        self.lines: list[Line] = []
        self._told = _NOTHING
        self._reference: tuple[int, float] | None = None  # the last temperature in an answer not all zeros
        self._fits: bool | None = None  # of the answers all zeros since: whether the first one fitted it

    def hear(self, time_us: int, name: str, raw: float | None, degc: float | None) -> bool:
        """Take in what a channel said; False when it comes after others of its time were judged, and matters.

        Parameters
        ----------
        raw : float or None
            None: nothing.
        degc : float or None
            The reading, when it is a temperature [°C].
        """
        if time_us != self.now_us:
            if self.now_us is not None:
                if time_us < self.now_us:
                    return False
                self._close(self.now_us)
            self.now_us, self._degc, self.judged = time_us, None, False
            if self.odd:
                self.odd, self._zeros, self._silent, self._told = False, 0, [], _NOTHING
        if degc is not None:
            self._degc = degc
        if raw:
            return True
        self.odd = True
        if raw is None:
            self._silent.append(name)
        else:
            self._zeros += 1
        return not self.judged or self._told == self.says()

    def take_over(self, other: Frame) -> None:
        """Go on where another frame of the same channels stands."""
        for name in self.__slots__:
            if name != "lines":
                setattr(self, name, getattr(other, name))

    def _close(self, time_us: int) -> None:
        if self._degc is None or self._silent:
            return
        if self._zeros == self._size:
            self._fits = self._run_fits(time_us, self._degc)
        else:
            self._reference, self._fits = (time_us, self._degc), None

    def _run_fits(self, time_us: int, degc: float) -> bool | None:
        """Whether the zeros up to now began at a temperature that fits; None when that is too long ago."""
        before = self._reference
        if before is None or time_us - before[0] > self._reach_us:
            return None
        if self._fits is not None:
            return self._fits
        return abs(degc - before[1]) <= SLACK + FASTEST * (time_us - before[0]) / MINUTE_US

    def says(self) -> tuple[int, Extra]:
        """Bits and names of the tests that every number of the newest answer fails."""
        self._told = self._judge()
        return self._told

    def _judge(self) -> tuple[int, Extra]:
        if self._silent:
            return 0, tuple((Flag.SUSPECT, f"{NAME}:{name}") for name in sorted(self._silent))
        if self._zeros != self._size or self._degc is None or self.now_us is None:
            return _NOTHING
        fits = self._run_fits(self.now_us, self._degc)
        if fits is None:
            return checks.NO_REFERENCE, ()
        return (0 if fits else checks.ZERO_FRAME), ()
