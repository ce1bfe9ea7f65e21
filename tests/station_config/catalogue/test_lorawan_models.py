"""LoRaWAN in the catalogue: the page's own examples, and faults in a file."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from soilco2.station_config.catalogue.load import load_catalogue, read_model
from soilco2.station_config.catalogue.payloads import WIDTH, decode, encode
from soilco2.station_config.connections.lorawan_model import LorawanModel
from soilco2.station_config.errors import StationFileError
from soilco2.station_config.loader import load_station
from tests.paths import ROOT

PAGE = ROOT / "docs" / "howto" / "lorawan.en.md"
TOP = """
[station]
id = "trial"
name = "Trial"
latitude = 38.0
longitude = 109.0
altitude_m = 1150
timezone = "UTC"
[[profile]]
id = "p1"
[[profile.position]]
id = "d10"
depth_m = 0.10
"""


def blocks(page: Path) -> list[str]:
    """The TOML of a page, in its order, without what indents it."""
    found = re.findall(
        r"^( *)```toml\n(.*?)^ *```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    )
    return [re.sub(f"(?m)^{indent}", "", text) for indent, text in found]


@pytest.mark.parametrize("page", [PAGE, PAGE.with_name("lorawan.zh.md")], ids=lambda page: page.name)
def test_the_examples_of_the_page_are_valid(page: Path, tmp_path: Path) -> None:
    chirpstack, tts, model = blocks(page)
    path = tmp_path / "trial.toml"
    path.write_text(TOP + chirpstack, encoding="utf-8")
    station = load_station(path)
    assert [channel.key for channel in station.deployments.channels_of("LSE-0010")] == [
        ("LSE-0010", "soil_water"), ("LSE-0010", "soil_temperature"), ("LSE-0010", "bulk_ec"),
    ]  # fmt: skip
    instrument = chirpstack[chirpstack.index("[[instrument]]") :]
    path.write_text(TOP + tts + instrument, encoding="utf-8")
    assert load_station(path).file.brokers["ttn"].session("trial") == "soilco2-trial-ttn"
    own = tmp_path / "my-node.toml"
    own.write_text(model, encoding="utf-8")
    assert isinstance(read_model(own), LorawanModel)


@pytest.mark.parametrize("page", [PAGE, PAGE.with_name("lorawan.zh.md")], ids=lambda page: page.name)
def test_every_model_stands_in_the_pages_table(page: Path) -> None:
    models = {name for name, model in load_catalogue().items() if isinstance(model, LorawanModel)}
    assert set(re.findall(r"^\| `([a-z0-9-]+)` \|", page.read_text(encoding="utf-8"), re.MULTILINE)) == models


@pytest.mark.parametrize(
    ("old", "new", "key", "expected"),
    [
        ('record = "values", type = "uint16"', 'record = "value", type = "uint16"', "channel[1].at.record",
         "no such record; did you mean 'values'?"),
        ("offset = 4", "offset = 5", "health[1].at.offset", "a place within the 6 bytes of the record"),
        ('at = { record = "values", type = "uint16" }\n', "", "channel[1]", "where its number is"),
        ('layout = "whole"', 'layout = "tagged"', "record[1].tags", "a tag for each record of a tagged payload"),
        ('layout = "whole"', 'layout = "flagged"', "record[1].bit", "a bit for each record of a flagged payload"),
        ("length = 6", "length = 6\ntime = { offset = 3 }", "record[1].time.offset", "within the 6 bytes"),
        ("length = 6", "length = 6\nonly = { offset = 6, mask = 1, value = 0 }", "record[1].only.offset", "within"),
        ("length = 6", 'length = 6\n[[record]]\nid = "values"\nlength = 6', "record[2].id", "this id is used twice"),
        ("ports = [3]", "ports = [256]", "record[1].ports[1]", ""),
        ("[payload]\nlayout", "[payloads]\nlayout", "payloads", "did you mean 'payload'?"),
    ],
)  # fmt: skip
def test_a_fault_in_a_catalogue_file_is_named(
    old: str, new: str, key: str, expected: str, tmp_path: Path
) -> None:
    text = blocks(PAGE)[2]
    assert old in text
    path = tmp_path / "my-node.toml"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(StationFileError) as raised:
        read_model(path)
    (fault, *_) = [one for one in raised.value.faults if one.key == key]
    assert expected in fault.expected


@pytest.mark.parametrize(
    ("address", "fine"),
    [
        ('"a84041fffe000010"', True), ('"A8-40-41-FF-FE-00-00-10"', True), ('"a84041"', False),
        ("17", False), ('"g84041fffe000010"', False),
    ],
)  # fmt: skip
def test_an_instrument_is_found_by_its_eui(address: str, fine: bool, tmp_path: Path) -> None:
    path = tmp_path / "trial.toml"
    path.write_text(TOP + blocks(PAGE)[0].replace('"a84041fffe000010"', address), encoding="utf-8")
    if fine:
        load_station(path)
        return
    with pytest.raises(StationFileError) as raised:
        load_station(path)
    (fault,) = raised.value.faults
    assert fault.key == "instrument[1].address"
    assert "16 hexadecimal digits" in fault.expected


@pytest.mark.parametrize("kind", WIDTH)
@pytest.mark.parametrize("order", ["big", "little"])
def test_numbers_go_into_bytes_and_back(kind: str, order: str) -> None:
    for value in (0.0, 1.0, 100.0, *([-1.0, -100.0] if not kind.startswith("uint") else [])):
        data = encode(value, kind, order)  # type: ignore[arg-type]
        assert len(data) == WIDTH[kind]
        assert decode(data, 0, kind, order) == value  # type: ignore[arg-type]
    with pytest.raises(IndexError):
        decode(b"", 0, kind, order)  # type: ignore[arg-type]
