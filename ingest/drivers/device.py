"""How one instrument on a line has been doing: when it is due, when it rests, what it said last."""

from __future__ import annotations

from collections import Counter

from soilco2.ingest.drivers.driver import Plan
from soilco2.ingest.errors import BusError, NoAnswer
from soilco2.station_config.catalogue.probe import ProbeModel
from soilco2.station_config.message import Message
from soilco2.station_config.tables.instrument import Instrument

_LONGEST_PAUSE_US = 300_000_000


class Device:
    """One instrument on the line and how it has been doing."""

    def __init__(self, instrument: Instrument, model: ProbeModel, plan: Plan) -> None:
        self.instrument = instrument
        self.plan = plan
        self.serial = instrument.serial
        self.timeout = instrument.timeout if instrument.timeout is not None else model.timeout
        self.interval_us = round(instrument.interval * 1e6)
        warm_up = instrument.warm_up if instrument.warm_up is not None else model.warm_up
        self.warm_up_us = round(warm_up * 1e6)
        self.next_slot_us = 0
        self.paused_until_us = 0
        self.warm_until_us = 0
        self.silent = False
        self.passed_over = False
        self.settings_day = -1
        self.settings_told = ("", False)
        self.failures = 0
        self.answered = 0
        self.errors: Counter[str] = Counter()
        self.last_answer_us: int | None = None
        self.last_error = Message.of("")

    def align(self, now_us: int) -> None:
        """The next slot is the first one at or after `now_us`."""
        self.next_slot_us = -(-now_us // self.interval_us) * self.interval_us

    def resting(self, slot_us: int) -> bool:
        """Whether the device is left out of this round; a clock set back ends every rest."""
        longest = max(_LONGEST_PAUSE_US, self.interval_us)
        return slot_us < self.paused_until_us <= slot_us + longest

    def failed(self, error: BusError, slot_us: int) -> None:
        """One more round without an answer."""
        self.failures += 1
        self.silent = self.silent or isinstance(error, NoAnswer)
        self.last_error = Message.of(error)
        pause = self.interval_us << min(self.failures - 1, 30)
        self.paused_until_us = slot_us + min(pause, max(_LONGEST_PAUSE_US, self.interval_us))

    @property
    def state(self) -> str:
        """In a word."""
        if self.failures:
            return "failing"
        return "ok" if self.answered else "not read yet"
