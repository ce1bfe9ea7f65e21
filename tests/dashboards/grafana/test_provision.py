"""The files that Grafana provisions itself from: complete, without a secret, the same twice, nothing half written."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result
from hypothesis import example, given, settings
from hypothesis import strategies as st

from soilco2.cli.main import cli
from soilco2.dashboards.errors import GrafanaError
from soilco2.dashboards.grafana.alerts import group
from soilco2.dashboards.grafana.dashboards import dashboards
from soilco2.dashboards.grafana.inventory import Inventory
from soilco2.dashboards.grafana.provision import FOLDER, data_source, database, files, literal, yaml_text
from soilco2.station_config.tables.influxdb import InfluxdbTable
from tests.dashboards.grafana.stations import DATABASE, hostile, sjer


def provision(folder: Path, *words: str | Path) -> Result:
    return CliRunner().invoke(cli, ["dashboard", "provision", str(folder), *map(str, words)])


def tree(folder: Path) -> dict[str, bytes]:
    return {
        p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()
    }


def expanded(value: Any, environment: dict[str, str]) -> Any:
    """A value as Grafana reads it from a provisioning file: ``$$`` is the sign, ``$X`` and ``${X}`` a variable."""
    if isinstance(value, dict):
        return {key: expanded(item, environment) for key, item in value.items()}
    if isinstance(value, list):
        return [expanded(item, environment) for item in value]
    if not isinstance(value, str):
        return value
    parts = (
        re.sub(r"\$\{?(\w+)\}?", lambda seen: environment.get(seen[1], ""), part)
        for part in value.split("$$")
    )
    return "$".join(parts)


def test_files_are_what_grafana_looks_for(tmp_path: Path) -> None:
    station = sjer(tmp_path)
    result = provision(tmp_path / "out", station.path or "", "--mounted", "/srv/$1 grafana")
    assert result.exit_code == 0, result.output
    assert "13 of 13 files written" in result.stdout
    assert "SOILCO2_INFLUX_READ_TOKEN" in result.stdout
    found = tree(tmp_path / "out")
    boards = {name for name in found if name.endswith(".json")}
    assert boards == {
        f"dashboards/soilco2/soilco2-{kind}-{language}.json"
        for language in ("en", "zh")
        for kind in ("stations", "sjer-station", "sjer-profile", "sjer-quality", "sjer-flux")
    }
    assert set(found) - boards == {
        "datasources/soilco2.yaml",
        "dashboards/soilco2.yaml",
        "alerting/soilco2.yaml",
    }
    (provider,) = expanded(yaml.safe_load(found["dashboards/soilco2.yaml"]), {})["providers"]
    assert provider["type"] == "file"
    assert provider["options"]["path"] == "/srv/$1 grafana/dashboards/soilco2"
    (source,) = expanded(
        yaml.safe_load(found["datasources/soilco2.yaml"]), {"SOILCO2_INFLUX_READ_TOKEN": "t"}
    )["datasources"]
    assert source["secureJsonData"] == {"httpHeaderValue1": "Token t"}
    assert source["jsonData"]["dbName"] == "soil"
    for name in boards:
        board = json.loads(found[name])
        used = {panel["datasource"]["uid"] for panel in board["panels"] if "datasource" in panel}
        assert used == {source["uid"]}


def test_a_second_time_nothing_is_written_and_what_is_gone_is_removed(tmp_path: Path) -> None:
    one, other = sjer(tmp_path), hostile(tmp_path, "dune")
    out = tmp_path / "out"
    assert provision(out, one.path or "", other.path or "").exit_code == 0
    before = tree(out)
    again = provision(out, one.path or "", other.path or "", "--json")
    assert json.loads(again.stdout)["written"] == []
    assert tree(out) == before
    mine = out / "dashboards" / "soilco2" / "my-own.json"
    mine.write_text("{}", encoding="utf-8")
    fewer = json.loads(provision(out, one.path or "", "--json").stdout)
    assert len(fewer["removed"]) == 8
    assert all("dune" in name for name in fewer["removed"])
    assert fewer["written"] == ["alerting/soilco2.yaml"]
    assert mine.exists()
    assert not list(out.rglob("*.part"))


def test_rules_that_are_gone_are_taken_out_of_grafana_and_may_come_back(tmp_path: Path) -> None:
    """Grafana keeps a provisioned rule until ``deleteRules`` names it."""
    one, other = sjer(tmp_path), hostile(tmp_path, "dune")
    out = tmp_path / "out"

    def rules() -> tuple[set[str], set[str]]:
        found = yaml.safe_load((out / "alerting" / "soilco2.yaml").read_text(encoding="utf-8"))
        named = {rule["uid"] for group in found["groups"] for rule in group["rules"]}
        assert all(row["orgId"] == 1 for row in found.get("deleteRules", []))
        return named, {row["uid"] for row in found.get("deleteRules", [])}

    provision(out, one.path or "", other.path or "")
    both, none = rules()
    assert none == set()
    for _ in range(2):  # however often: Grafana may not have looked in between
        provision(out, one.path or "")
        left, gone = rules()
        assert left | gone == both
        assert {uid.split("-")[1] for uid in gone} == {"dune"}
    provision(out, one.path or "", other.path or "")
    assert rules() == (both, set())
    (out / "alerting" / "soilco2.yaml").write_bytes(b"\xff")
    result = provision(out, one.path or "")
    assert result.exit_code == 2
    assert "soilco2.yaml cannot be read" in result.stderr
    for wrong in ("a: [", "", "- uid: x", "groups: 1", "groups: [{name: x}]", "groups: [{rules: [{}]}]"):
        (out / "alerting" / "soilco2.yaml").write_text(wrong, encoding="utf-8")
        result = provision(out, one.path or "")
        assert result.exit_code == 2
        assert len(result.stderr.splitlines()) == 1
        assert "soilco2.yaml is no file of alert rules that soilco2 wrote" in result.stderr
    as_it_was = 'groups:\n  - rules:\n      - uid: "soilco2-dune-gone"\n        title: "a: b"\n'
    (out / "alerting" / "soilco2.yaml").write_text(as_it_was, encoding="utf-8")
    provision(out, one.path or "")
    assert rules()[1] == {"soilco2-dune-gone"}


def test_no_secret_stands_in_any_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("T", "s3cr3t-of-the-database")
    monkeypatch.setenv("SOILCO2_INFLUX_READ_TOKEN", "s3cr3t-of-grafana")
    provision(tmp_path / "out", sjer(tmp_path).path or "")
    assert not [name for name, body in tree(tmp_path / "out").items() if b"s3cr3t" in body]


def test_one_language_and_another_data_source(tmp_path: Path) -> None:
    out = tmp_path / "out"
    words = ["--lang", "zh", "--datasource", "soil-2", "--influx-url", "http://influxdb:8086/"]
    assert provision(out, sjer(tmp_path).path or "", *words).exit_code == 0
    found = tree(out)
    assert len(found) == 8
    assert {name.split("/")[1] for name in found} == {"soil-2", "soil-2.yaml"}
    (source,) = yaml.safe_load(found["datasources/soil-2.yaml"])["datasources"]
    assert (source["uid"], source["url"]) == ("soil-2", "http://influxdb:8086")


TWO = DATABASE.replace("[influxdb]", "[[influxdb]]") + DATABASE.replace(
    "[influxdb]", '[[influxdb]]\nid = "b"'
)


def test_wrong_use_is_one_sentence(tmp_path: Path) -> None:
    folder = tmp_path / "a"
    folder.mkdir()
    plain, two = sjer(tmp_path, "").path, sjer(folder, TWO).path
    elsewhere = hostile(tmp_path, "dune").path
    assert plain is not None
    assert two is not None
    assert elsewhere is not None
    with_one = tmp_path / "one.toml"
    with_one.write_text(
        plain.read_text(encoding="utf-8") + DATABASE.replace("8086", "9999"), encoding="utf-8"
    )
    blocked = tmp_path / "blocked"
    blocked.write_text("", encoding="utf-8")
    out = tmp_path / "out"
    cases: list[tuple[list[str | Path], str]] = [
        ([out, plain], "station sjer has no table [influxdb]"),
        ([out, two], "has several databases (influxdb, b); choose one with --influxdb ID"),
        ([out, two, "--influxdb", "c"], "has no [[influxdb]] with id 'c'; it has influxdb, b"),
        ([out, with_one, elsewhere], "stations sjer and dune name different databases"),
        ([out, with_one, with_one], "two station files have the id 'sjer'"),
        ([out, with_one, "--datasource", "../../x"], "is no uid of a data source"),
        ([out, with_one, "--influx-url", "http://a:b@c"], "holds a user name or password"),
        ([blocked / "x", with_one], "cannot be written"),
    ]
    for words, said in cases:
        result = provision(Path(words[0]), *words[1:])
        assert result.exit_code == 2, words
        assert said in result.stderr, (words, result.stderr)
        assert len(result.stderr.splitlines()) == 1
    assert not out.exists()
    assert provision(out, two, "--influxdb", "b").exit_code == 0


def test_a_folder_that_may_not_be_written_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", "/etc/grafana")

    monkeypatch.setattr(Path, "mkdir", refuse)
    station = sjer(tmp_path).path
    result = provision(tmp_path / "out", station or "")
    assert result.exit_code == 2
    assert (
        "/etc/grafana cannot be written (Permission denied); name a folder that you may write"
        in result.stderr
    )


def table(**keys: Any) -> InfluxdbTable:
    whole = {"url": "https://db.example.org/", "org": "o", "bucket": "soil", "token": {"env": "T"}} | keys
    return InfluxdbTable.model_validate(whole)


def test_signs_in_names_reach_grafana_as_they_are() -> None:
    source = data_source(table(bucket="a$b ${HOME} \"'\\", url="https://db.example.org/$x"), "s")
    read = expanded(yaml.safe_load(yaml_text({"datasources": [source]}))["datasources"][0], {})
    assert read["jsonData"]["dbName"] == "a$b ${HOME} \"'\\"
    assert read["url"] == "https://db.example.org/$x"
    assert literal("a$") == "a$$"


def test_an_authority_of_ones_own_is_a_file_of_grafanas(tmp_path: Path) -> None:
    source = data_source(table(ca_file=str(tmp_path / "ca.pem")), "s")
    assert source["jsonData"]["tlsAuthWithCACert"] is True
    assert source["secureJsonData"]["tlsCACert"] == f"$__file{{{tmp_path / 'ca.pem'}}}"
    assert "tlsSkipVerify" not in source["jsonData"]


def test_the_one_database_of_two_stations(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    one, other = sjer(tmp_path), hostile(tmp_path / "x")
    assert database([one, other]).bucket == "soil"
    assert len([name for name in files([one, other]) if name.endswith(".json")]) == 18
    with pytest.raises(GrafanaError, match="two station files"):
        files([one, one])


_keys = st.from_regex(r"k[a-z]{0,5}", fullmatch=True)
_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_keys, inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=60)
@example({"k": "\x85", "l": ["a\u2028b\n", "\r\n", "\ufeff", "\t x", "\x00"]})
@given(st.dictionaries(_keys, _values, max_size=4))
def test_yaml_says_what_was_meant(value: dict[str, Any]) -> None:
    """What is written is read back, keys in their order."""
    text = yaml_text(value)
    assert text.startswith("# Written by")
    assert list(yaml.safe_load(text).items()) == list(value.items())


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_files_hold_the_data_they_are_made_of(language: str, tmp_path: Path) -> None:
    """Aliases, folded lines and escapes are things a person reads these files around."""
    station = sjer(tmp_path)
    found = files([station], languages=[language])
    inventory = Inventory(station)
    rules = group(inventory, "soilco2", FOLDER, dashboards(inventory, language, "soilco2"))
    text = found["alerting/soilco2.yaml"]
    assert yaml.safe_load(text) == {"apiVersion": 1, "groups": [rules]}
    assert yaml.safe_load(found["datasources/soilco2.yaml"])["datasources"] == [
        data_source(station.file.influxdb[0], "soilco2")
    ]
    assert "台站 sjer 已 20 分钟没有上报状态" in text
    assert text.index("groups:") < text.index("orgId:") < text.index("rules:") < text.index("- uid:")
    assert not re.search(r"(^|[ \[,])[&*]\w", re.sub(r"query: .*", "", text))
    assert "Token ${SOILCO2_INFLUX_READ_TOKEN}\n" in found["datasources/soilco2.yaml"]


@pytest.mark.parametrize(
    "name", ["1e3", "0o7", "0x1F", "0b1", "1_000", "007", ".5", "-2E-3", "1.", "yes", "~"]
)
def test_a_name_that_looks_like_a_number_stays_a_text(name: str) -> None:
    """Numbers of YAML 1.2, section 10.3.2 (core schema), and of Grafana's reader, which takes 1.1's too."""
    (line,) = yaml_text({"dbName": name}).splitlines()[1:]
    assert line == f"dbName: '{name}'"
    assert yaml_text({"n": [1, -2, 0.5, 1e-05, True, None]}).splitlines()[1:] == [
        "n:", "- 1", "- -2", "- 0.5", "- 1.0e-05", "- true", "- null"
    ]  # fmt: skip


def test_without_pyyaml_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "yaml", None)
    result = provision(tmp_path / "out", sjer(tmp_path).path or "")
    assert result.exit_code == 2
    assert result.stderr.count("\n") == 1
    assert "need the extra 'dashboard': in the folder of soilco2 run pip install" in result.stderr
    assert not (tmp_path / "out").exists()


def test_the_station_file_is_judged_first(tmp_path: Path) -> None:
    path = tmp_path / "wrong.toml"
    path.write_text("[station]\nid = 7\n", encoding="utf-8")
    result = provision(tmp_path / "out", path)
    assert result.exit_code == 2
    assert "wrong.toml" in result.stderr
    assert not (tmp_path / "out").exists()
