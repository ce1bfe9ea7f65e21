"""Files that cannot be read, and files that include others."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from soilco2.station_config.errors import StationFileError
from soilco2.station_config.loader import load_station
from tests.station_config.example import YULIN, changed, faults_of, write


def _one(path: Path) -> str:
    (fault,) = faults_of(path)
    text = str(fault)
    assert text.startswith(str(path))
    assert "\n" not in text
    return text


def test_a_missing_file_is_one_sentence(tmp_path: Path) -> None:
    assert _one(tmp_path / "gone.toml").endswith("gone.toml: there is no such file")


def test_a_folder_is_one_sentence(tmp_path: Path) -> None:
    assert "this is a folder" in _one(tmp_path)


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert "not a regular file" in _one(tmp_path / "pipe")


def test_a_file_of_ten_megabytes_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "big.toml"
    path.write_bytes(b"#" * 10_000_000)
    assert "the file has 10.0 MB" in _one(path)


def test_a_file_that_is_not_utf8_names_the_line(tmp_path: Path) -> None:
    path = tmp_path / "gbk.toml"
    path.write_bytes(b'[station]\nname = "' + "榆林".encode("gb18030") + b'"\n')
    assert ":2: the text is not UTF-8" in _one(path)


def test_a_byte_order_mark_does_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "bom.toml"
    path.write_bytes(b"\xef\xbb\xbf" + YULIN.replace("\n", "\r\n").encode())
    assert load_station(path).file.station.id == "yulin"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("[station]\nid = \n", 2),
        ("[station\nid = 1\n", 1),
        ('a = 1\nb = "x\n', 2),
        ("a = 1\n\na = 2\n", 3),
        ('a = """\n\n', 3),
        ("\x00", 1),
    ],
)
def test_broken_toml_names_the_line(tmp_path: Path, text: str, line: int) -> None:
    assert f"broken.toml:{line}: this is not valid TOML" in _one(write(tmp_path, text, "broken.toml"))


def test_a_secret_is_not_repeated_from_broken_toml(tmp_path: Path) -> None:
    assert "s3cr3t" not in _one(write(tmp_path, '[influxdb]\ntoken = "s3cr3t\n', "broken.toml"))


def test_values_nested_too_deeply_are_one_sentence(tmp_path: Path) -> None:
    assert "nested too deeply" in _one(write(tmp_path, "a = " + "[" * 100_000, "deep.toml"))


def test_a_file_without_permission_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path, YULIN)

    def refuse(_: Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "read_bytes", refuse)  # root may read everything: the system cannot be asked
    assert "cannot be read: Permission denied" in _one(path)


COMMON = """\
[mqtt]
host = "broker.local"
tls = true
[[connection]]
id = "air"
kind = "mqtt"
[[quality.limits]]
variable = "co2"
upper = 30000
[journal]
limit_mib = 100
"""


def test_an_included_file_gives_defaults(tmp_path: Path) -> None:
    write(tmp_path, COMMON, "shared/common.toml")
    text = 'include = ["shared/common.toml"]\n' + changed(
        '[[connection]]\nid = "air"\nkind = "mqtt"\n', ""
    ).replace(
        "[influxdb]",
        '[[quality.limits]]\nvariable = "soil_water"\nupper = 0.6\n[journal]\nlimit_mib = 200\n[influxdb]',
    )
    file = load_station(write(tmp_path, text)).file
    assert [row.id for row in file.connection] == ["air", "bus1"]  # arrays append, the included ones first
    assert [row.variable for row in file.quality.limits] == ["co2", "soil_water"]
    assert file.mqtt is not None
    assert (file.mqtt.host, file.mqtt.tls) == ("127.0.0.1", True)  # tables merge, the including file wins
    assert file.journal.limit_mib == 200


def test_a_fault_in_an_included_file_names_that_file_and_its_line(tmp_path: Path) -> None:
    write(tmp_path, COMMON.replace("upper = 30000", "uper = 30000"), "common.toml")
    write(tmp_path, '[[connection]]\nid = "air"\nkind = "mqtt"\ntopic = "t"\n', "more.toml")
    text = 'include = ["common.toml", "more.toml"]\n' + changed('id = "air"', 'id = "other"\ntopic = "o"')
    found = {(Path(one.file).name, one.line, one.key) for one in faults_of(write(tmp_path, text))}
    assert found == {("common.toml", 9, "quality.limits[1].uper"), ("more.toml", 2, "connection[2].id")}


def test_paths_are_relative_to_the_file_they_stand_in(tmp_path: Path) -> None:
    write(tmp_path, '[influxdb]\nurl = "http://h"\ntoken = { file = "token" }\n', "shared/common.toml")
    text = 'include = ["shared/common.toml"]\n' + changed(
        'token = { env = "SOILCO2_INFLUX_TOKEN" }', ""
    ).replace('url = "http://127.0.0.1:8086"\n', "")
    text += '[journal]\npath = "data/journal.sqlite"\n[page]\npassword_file = "~/p"\n'
    file = load_station(write(tmp_path, text)).file
    assert file.influxdb[0].token.file == tmp_path / "shared" / "token"
    assert file.journal.path == tmp_path / "data" / "journal.sqlite"
    assert file.page.password_file == Path.home() / "p"


@pytest.mark.parametrize(
    ("include", "expected"),
    [
        ('"common.toml"', "a list of files is expected"),
        ("[3]", "a list of files is expected"),
        ('["gone.toml"]', "there is no such file"),
        ('["yulin.toml"]', "includes itself"),
        ('["."]', "this is a folder"),
    ],
)
def test_a_wrong_include_is_a_fault_beside_the_others(tmp_path: Path, include: str, expected: str) -> None:
    text = f"\n\ninclude = {include}\n" + changed("latitude = 38.3", 'latitude = "38.3"')
    first, second = faults_of(write(tmp_path, text))
    assert (first.line, first.key) == (3, "include[1]")
    assert expected in first.expected
    assert second.key == "station.latitude"


def test_files_that_include_one_another_are_a_fault_in_the_second(tmp_path: Path) -> None:
    write(tmp_path, 'include = ["yulin.toml"]\n', "b.toml")
    (fault,) = faults_of(write(tmp_path, 'include = ["b.toml"]\n' + YULIN))
    assert (Path(fault.file).name, fault.line) == ("b.toml", 1)


def test_broken_toml_in_an_included_file_names_its_line(tmp_path: Path) -> None:
    write(tmp_path, "a = 1\nb = \n", "b.toml")
    (fault,) = faults_of(write(tmp_path, 'include = ["b.toml"]\n' + YULIN))
    assert (Path(fault.file).name, fault.line) == ("b.toml", 2)


def test_the_error_carries_every_fault_in_its_text(tmp_path: Path) -> None:
    with pytest.raises(StationFileError) as caught:
        load_station(write(tmp_path, changed("latitude = 38.3", "latitude = 99").replace("109.7", "999")))
    assert str(caught.value).count("\n") == 1
