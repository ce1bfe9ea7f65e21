"""deploy/compose.yaml: what can be known of it without an image: structure, versions, secrets, places, variables."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from soilco2.dashboards.grafana.provision import MOUNTED, TOKEN_VARIABLE
from tests.paths import ROOT

DEPLOY = ROOT / "deploy"
IMAGES = {
    "mosquitto": "eclipse-mosquitto",
    "influxdb": "influxdb",
    "grafana": "grafana/grafana",
    "soilco2": "soilco2",
}
SECRET = re.compile(r"PASSWORD|TOKEN|SECRET")


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
    return found


def test_services_and_pinned_versions(compose: dict[str, Any]) -> None:
    assert set(compose["services"]) == set(IMAGES)
    for name, service in compose["services"].items():
        image, _, tag = service["image"].partition(":")
        assert image == IMAGES[name]
        assert re.fullmatch(r"\d+\.\d+\.\d+", tag), service["image"]
        assert service["restart"] == "unless-stopped"
        assert "no-new-privileges:true" in service["security_opt"]
    assert compose["services"]["influxdb"]["image"].startswith("influxdb:2.7.")
    base = re.findall(r"^FROM (\S+)$", (DEPLOY / "Dockerfile").read_text(encoding="utf-8"), re.MULTILINE)
    assert [re.fullmatch(r"python:3\.\d+\.\d+-slim-\w+", one) is not None for one in base] == [True]


def test_the_version_is_the_projects(compose: dict[str, Any]) -> None:
    from soilco2 import __version__

    assert compose["services"]["soilco2"]["image"] == f"soilco2:{__version__}"


def test_only_the_broker_is_reached_from_outside_and_it_speaks_tls(compose: dict[str, Any]) -> None:
    open_to_all = {
        port for service in compose["services"].values() for port in service.get("ports", [])
        if not port.startswith("127.0.0.1:")
    }  # fmt: skip
    assert open_to_all == {"8883:8883"}
    conf = dict(
        line.split(" ", 1)
        for line in (DEPLOY / "mosquitto.conf").read_text(encoding="utf-8").splitlines()
        if line and not line.startswith("#") and not line.startswith("log_type")
    )
    assert conf["listener"] == "8883"
    assert conf["allow_anonymous"] == "false"
    assert {"certfile", "keyfile", "password_file", "acl_file"} <= set(conf)


def _texts(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for item in value.values() for text in _texts(item)]
    if isinstance(value, list):
        return [text for item in value for text in _texts(item)]
    return [str(value)]


def test_every_secret_comes_from_outside_and_must_be_given(compose: dict[str, Any]) -> None:
    for service in compose["services"].values():
        for key, value in service.get("environment", {}).items():
            if SECRET.search(key):
                assert re.fullmatch(r"\$\{\w+:\?[^}]+\}", value), key
    known = set(re.findall(r"^(\w+)=", (DEPLOY / "env.example").read_text(encoding="utf-8"), re.MULTILINE))
    wanted = {name for text in _texts(compose) for name in re.findall(r"\$\{(\w+):\?", text)}
    assert wanted == known
    for line in (DEPLOY / "env.example").read_text(encoding="utf-8").splitlines():
        if SECRET.search(line.split("=")[0]) and not line.startswith("#"):
            assert line.endswith("="), line


def test_every_variable_without_a_message_has_one_elsewhere_or_a_value(compose: dict[str, Any]) -> None:
    texts = _texts(compose)
    told = {name for text in texts for name in re.findall(r"\$\{(\w+):[?-]", text)}
    used = {name for text in texts for name in re.findall(r"\$\{(\w+)", text)}
    assert used == told


def test_what_is_mounted_is_in_the_project_or_made_by_a_command(compose: dict[str, Any]) -> None:
    made = {
        "broker/config", "broker/data", "broker/secrets/soilco2-${SOILCO2_STATION}",  # soilco2 broker
        "tls/server.crt", "tls/server.key", "tls/ca.crt",  # deploy/certificates.sh
        "grafana",  # soilco2 dashboard provision
        "station.toml", "state",  # written and made by hand, docs/howto/compose.md
    }  # fmt: skip
    page = (ROOT / "docs" / "howto" / "compose.md").read_text(encoding="utf-8")
    for name, service in compose["services"].items():
        for mount in service["volumes"]:
            source, place, *_ = re.sub(r":\?[^}]*", "", mount).split(":")
            assert place.startswith("/")
            if source.startswith("./"):
                assert (DEPLOY / source).exists(), mount
            elif source.startswith("${SOILCO2_HOME}/"):
                inside = source.removeprefix("${SOILCO2_HOME}/")
                assert inside in made, (name, mount)
                assert inside.split("/")[0] in page, mount
            else:
                assert source in compose["volumes"], mount


def test_the_parts_agree_on_places_and_names(compose: dict[str, Any]) -> None:
    services = compose["services"]
    assert f"${{SOILCO2_HOME}}/grafana:{MOUNTED}:ro" in services["grafana"]["volumes"]
    assert TOKEN_VARIABLE in services["grafana"]["environment"]
    inside = {
        mount.rsplit(":", 2)[-2 if mount.endswith(":ro") else -1]
        for mount in services["mosquitto"]["volumes"]
    }
    for path in re.findall(r" (/mosquitto/\S+)", (DEPLOY / "mosquitto.conf").read_text(encoding="utf-8")):
        assert any(path.rstrip("/") == place or path.startswith(place + "/") for place in inside), path
    station = next(m for m in services["soilco2"]["volumes"] if m.endswith("/etc/soilco2/station.toml:ro"))
    assert station
    assert services["soilco2"]["command"] == ["collect", "/etc/soilco2/station.toml"]
    for service in services.values():
        for name in service.get("depends_on", {}):
            condition = service["depends_on"][name]["condition"]
            assert condition == "service_started" or "healthcheck" in services[name]


def test_the_station_file_of_the_guide_is_valid(tmp_path: Path) -> None:
    """The tables that docs/howto/compose.md says to write, put into the demonstration's station file."""
    from soilco2.station_config.loader import load_station
    from soilco2.teaching.demo import TEMPLATE

    page = (ROOT / "docs" / "howto" / "compose.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    text = re.sub(r"\[mqtt\]\n.*?\n\n", "", TEMPLATE.read_text(encoding="utf-8"), count=1, flags=re.DOTALL)
    path = tmp_path / "station.toml"
    path.write_text(text + "\n" + block, encoding="utf-8")
    file = load_station(path).file
    assert file.mqtt is not None
    assert (file.mqtt.host, file.mqtt.port, file.mqtt.tls) == ("mosquitto", 8883, True)
    assert file.mqtt.username == "soilco2-sjer"
    assert file.influxdb[0].url == "http://influxdb:8086"
