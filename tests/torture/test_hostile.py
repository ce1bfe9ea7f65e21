"""Hostile input by seeded dice: no crash, no hang, and in = stored + duplicate + rejected."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from soilco2.ingest.protocols.modbus import (
    Request,
    answer_frame,
    crc16,
    diagnose,
    find_answer,
    find_exception,
    parse_request,
)
from soilco2.ingest.protocols.soilco2_json_decode import Decoder
from soilco2.storage.journal.reader import JournalReader
from soilco2.storage.journal.rows import Parked
from soilco2.storage.journal.writer import Writer
from tests.ingest.running import START_US
from tests.ingest.running import message as numbered
from tests.ingest.station import make_station
from tests.torture.scale import SEED, count

Record = Callable[[str, object], None]

ASK = Request(7, 3, 0, 3)
WORDS = (701, 702, 703)
_ODD = (
    *(None, True, -1, 0, 2**63, -(2**63), 10**400, 1e308, "NaN", "", "x" * 300, "\u0000", "\ud800", [], {}),
    *("1970-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "2026-02-30T00:00:00Z", "2026-11-01T00:00:00+25:00"),
    *(-9999, 65535, 32767, -32768, 3276.7, 85.0, "INF", "NAN", [[[[]]]], {"value": 1}),
)
_BYTES = (b"", b"{", b"null", b"[" * 5000, b"\xff\xfe", b'{"readings": NaN}', b"\x00" * 100, b"1e999999")


def hostile(dice: random.Random, number: int) -> bytes:
    """A message with something wrong in it: a key, a byte, or the whole; now and then a sound one."""
    sound = numbered(number)
    how = dice.randrange(6)
    if how == 0:
        return sound
    if how == 1:
        return dice.choice(_BYTES)
    if how == 2:
        return dice.randbytes(dice.randrange(120))
    if how == 3:
        data = bytearray(sound)
        for _ in range(dice.randrange(1, 5)):
            data[dice.randrange(len(data))] = dice.randrange(256)
        return bytes(data[: dice.randrange(len(data) + 1)] if dice.random() < 0.3 else data)
    whole = json.loads(sound)
    row = whole if dice.random() < 0.3 else whole["readings"][0]
    row[dice.choice([*row, "extra"])] = dice.choice(_ODD)
    if dice.random() < 0.2:
        whole["readings"] = [dice.choice([whole["readings"], [], None, 3]), *dice.sample(_ODD, 3)]
    return json.dumps(whole).encode("utf-8", "surrogatepass")


@pytest.mark.timeout(7200)
def test_fuzzed_messages_are_all_accounted_for(tmp_path: Path, record_property: Record) -> None:
    station = make_station(tmp_path)
    decoder = Decoder(station.deployments, "field", "boot")
    dice = random.Random(SEED)
    total = count(4000, 1_000_000)
    entered = rejected = 0
    with Writer.open(station) as writer:
        for start in range(0, total, 500):
            payloads = [hostile(dice, dice.randrange(total)) for _ in range(min(500, total - start))]
            at = START_US + 10**6 * total
            found = decoder.batch([(payload, at, 77) for payload in payloads], trusted=True)
            refused = sum(row.readings for row in found.refusals)
            assert len(found.samples) + refused >= len(payloads), "no message without a word"
            parked = [Parked("message", "field", *row[:4]) for row in found.refusals[:20]]
            counts = [("field", "in", refused), ("field", "rejected", refused)]
            result = writer.commit(found.samples, parked=parked, counts=counts)
            entered += len(found.samples) + refused
            rejected += refused
            assert result.stored + result.duplicate == len(found.samples)
        with JournalReader(writer.path) as reader:
            counted = reader.accounting.counters()["field"]
    assert counted["in"] == entered >= total
    assert counted["in"] == counted["stored"] + counted["duplicate"] + counted["rejected"]
    assert counted["rejected"] == rejected
    record_property("counts", f"{total} messages, {entered} readings, {rejected} rejected")


@pytest.mark.timeout(7200)
def test_fuzzed_bytes_of_a_line_give_the_sound_answer_or_none(record_property: Record) -> None:
    """An answer is believed only when its address, function, count and checksum stand in the stream."""
    dice = random.Random(SEED)
    right = answer_frame(ASK, WORDS)
    pieces = (right, ASK.frame, right[:-1], right[2:], b"\x07\x03\x06", b"\x07\x83\x02", b"\x00", b"\xff")
    total = count(10_000, 1_000_000)
    answers = 0
    for _ in range(total):
        stream = b"".join(
            dice.choice(pieces) if dice.random() < 0.5 else dice.randbytes(dice.randrange(12))
            for _ in range(dice.randrange(6))
        )
        if stream and dice.random() < 0.5:
            at = dice.randrange(len(stream))
            stream = stream[:at] + bytes([stream[at] ^ 1 << dice.randrange(8)]) + stream[at + 1 :]
        found = find_answer(stream, ASK)
        sound = [
            stream[n : n + 11]
            for n in range(len(stream) - 10)
            if stream[n : n + 3] == b"\x07\x03\x06"
            and crc16(stream[n : n + 9]) == int.from_bytes(stream[n + 9 : n + 11], "little")
        ]
        assert (found is None) == (not sound)
        if found is not None:
            answers += 1
            assert found.words == tuple(int.from_bytes(sound[0][n : n + 2], "big") for n in (3, 5, 7))
        else:
            find_exception(stream, ASK)
            assert str(diagnose(stream, ASK, "bus1", 1.0))
        rest = stream
        while True:
            request, shorter, _ = parse_request(rest)
            assert len(shorter) <= len(rest)
            if request is None:
                break
            assert len(shorter) < len(rest), "a request that is taken makes the stream shorter"
            rest = shorter
    record_property("counts", f"{total} streams, {answers} with an answer")
