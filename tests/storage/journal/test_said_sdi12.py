"""What an SDI-12 probe answered is kept, so that a mended index, sentinel or curve mends what was read before."""

from __future__ import annotations

from pathlib import Path

import pytest

from soilco2.quality.records import Sample
from soilco2.station_config.catalogue.load import BUILT_IN
from soilco2.station_config.loader import Station, load_station
from soilco2.storage.journal.archive import open_journal
from soilco2.storage.journal.writer import Writer

HOUR = 3_600_000_000
T0 = 1_704_067_200_000_000
"""2024-01-01T00:00Z"""
STATION = """
catalogue = ["own"]
[station]
id = "st"
name = "Test"
latitude = 38.3
longitude = 109.7
altitude_m = 0
timezone = "UTC"
[journal]
path = "journal.sqlite"
[[connection]]
id = "sdi"
kind = "sdi12"
port = "/dev/ttyS9"
adapter = "dr-liu"
[[profile]]
id = "p1"
[[profile.position]]
id = "d10"
depth_m = 0.1
[[instrument]]
id = "soil"
model = "{model}"
serial = "S1"
connection = "sdi"
address = "1"
interval = "1h"
channels = ["{channel}"]
[[instrument.installation]]
position = "p1/d10"
from = 2020-01-01
"""


def make(folder: Path, model: str, channel: str, old: str = "", new: str = "") -> Station:
    """A station with a catalogue file of its own that says something else."""
    text = (BUILT_IN / f"{model}.toml").read_text(encoding="utf-8")
    assert old in text
    (folder / "own").mkdir(exist_ok=True)
    (folder / "own" / f"{model}.toml").write_text(text.replace(old, new) if old else text, encoding="utf-8")
    path = folder / "st.toml"
    path.write_text(STATION.format(model=model, channel=channel), encoding="utf-8")
    return load_station(path)


@pytest.mark.parametrize(
    ("model", "channel", "wrong", "right", "said", "value"),
    [
        (  # the third value was taken for the temperature
            "meter-teros-12", "soil_temperature",
            "index = 3 }\nsentinels = [-9999, -9992, -9991]\nlower = -40",
            "index = 2 }\nsentinels = [-9999, -9992, -9991]\nlower = -40",
            b"1+1807.82+21.0+1", 21.0,
        ),
        (  # the permittivity was taken for the water content; Topp et al. 1980 at 10
            "meter-5te", "soil_water", "index = 1, polynomial = [0, 1] }",
            "index = 1, polynomial = [-0.053, 0.0292, -5.5e-4, 4.3e-6] }", b"1+10.0+0.12+14.8", 0.1883,
        ),
        (  # a sentinel was not known
            "campbell-cs65x", "soil_water", "index = 1 }\nsentinels = [7]",
            "index = 1 }\nsentinels = [9999999, -9999999]", b"1+9999999+0.1+20.1", None,
        ),
    ],
)  # fmt: skip
def test_a_mended_catalogue_mends_what_was_read(
    tmp_path: Path, model: str, channel: str, wrong: str, right: str, said: bytes, value: float | None
) -> None:
    station = make(tmp_path, model, channel, right, wrong)
    spec = station.models[model].spec(channel)
    assert spec is not None
    decode = station.models[model].decoder(spec)
    assert decode is not None
    kept = Sample("S1", channel, T0, decode(said), "", None, T0, T0, "boot", "sdi", said)
    with Writer.open(station) as writer:
        writer.commit([kept])
    mended = make(tmp_path, model, channel)
    with Writer.open(mended) as writer:
        assert writer.reprocess(T0, T0 + HOUR) == 1, "only what differs"
        assert writer.reprocess(T0, T0 + HOUR) == 0
    with open_journal(mended) as reader:
        (found,) = (o for o in reader.observations(0, 2**62) if o.series.variable == channel)
        assert list(reader.samples(0, 2**62)) == [kept], "a sample is never changed"
    assert found.value == (None if value is None else pytest.approx(value, abs=5e-5))
