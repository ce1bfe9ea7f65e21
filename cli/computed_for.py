"""For which pressure, temperature, humidity and oxygen probes compute their CO₂ reading: newest word, in one line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from soilco2.station_config.loader import Station
    from soilco2.station_config.tables.instrument import Instrument
    from soilco2.storage.journal.reader import JournalReader

_WORDS = {
    "en": {
        "head": "computed by the probe for: {text}", "comma": ", ", "nothing": "the probe was not asked yet",
        "pressure": "pressure", "temperature": "temperature", "humidity": "humidity", "oxygen": "oxygen",
        "off": "off", "setpoint": "setpoint", "measured": "measured", "unknown": "unknown mode", "not told": "not told",
    },
    "zh": {
        "head": "探头按以下条件计算：{text}", "comma": "，", "nothing": "尚未询问探头",
        "pressure": "气压", "temperature": "温度", "humidity": "相对湿度", "oxygen": "氧气",
        "off": "关闭", "setpoint": "设定值", "measured": "实测", "unknown": "方式不明", "not told": "未告知",
    },
}  # fmt: skip
_SYMBOLS = {"hPa": "hPa", "degC": "°C", "%": "%"}


def computed_for(
    station: Station, row: Instrument, reader: JournalReader | None
) -> dict[str, dict[str, Any]]:
    """For programs, by quantity; empty for a model that does not tell."""
    from soilco2.station_config.catalogue.compensation import computed_for as by_model

    rows = station.models[row.model_key].compensation
    if not rows:
        return {}
    told = (
        []
        if reader is None
        else [one for one in reader.accounting.settings_told() if one.serial == row.serial]
    )
    return by_model(rows, told[-1].values if told else {})


def of_station(station: Station) -> dict[str, dict[str, dict[str, Any]]]:
    """The same of every instrument that tells, by its id; of a journal that is there or was not begun yet."""
    from soilco2.storage.errors import StorageError
    from soilco2.storage.journal.reader import JournalReader

    try:
        reader = JournalReader(station.journal_path) if station.journal_path.is_file() else None
    except StorageError:  # `status` and `verify` tell what is wrong with it
        reader = None
    try:
        found = {row.id: computed_for(station, row, reader) for row in station.file.instrument}
    finally:
        if reader is not None:
            reader.close()
    return {name: row for name, row in found.items() if row}


def in_words(found: dict[str, dict[str, Any]], lang: str) -> str:
    """One line for people."""
    words = _WORDS[lang]
    if all(row["by"] == "not told" for row in found.values()):
        return words["head"].format(text=words["nothing"])
    parts = []
    for of, row in found.items():
        value = "" if row["value"] is None else f" {row['value']:.6g} {_SYMBOLS[row['unit']]}"
        parts.append(f"{words[of]}{value} ({words[row['by']]})")
    return words["head"].format(text=words["comma"].join(parts))
