"""What a trainee's answer means: numbers with units, signs, choices, days; in Chinese or English, any sensible form."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import NamedTuple

_UNITS: dict[str, dict[str, float]] = {
    "m": {"m": 1, "cm": 0.01, "mm": 0.001, "米": 1, "厘米": 0.01, "公分": 0.01, "毫米": 0.001},
    "ppm": {"ppm": 1, "umol/mol": 1, "umolmol-1": 1, "%": 1e4, "mol/mol": 1e6, "ppmv": 1},
    "%": {"%": 1, "": 1, "percent": 1, "pct": 1, "百分比": 1, "ppm": 1e-4, "umol/mol": 1e-4, "umolmol-1": 1e-4, "mol/mol": 100},
    "1": {"": 1, "1": 1, "%": 0.01, "倍": 1, "times": 1, "x": 1},
    "h": {"h": 1, "hr": 1, "hour": 1, "hours": 1, "小时": 1, "时": 1, "点": 1, "min": 1 / 60, "分钟": 1 / 60},
    "degC": {"degc": 1, "°c": 1, "c": 1, "摄氏度": 1, "度": 1, "k": 1},
    "m3/m3": {"m3/m3": 1, "m3m-3": 1, "cm3/cm3": 1, "": 1, "%": 0.01},
    "umol m-2 s-1": {"umolm-2s-1": 1, "umol/m2/s": 1, "umol/m2s": 1, "molm-2s-1": 1e6, "mol/m2/s": 1e6,
                     "微摩尔/平方米/秒": 1},
    "g m-2 d-1": {"gm-2d-1": 1, "g/m2/d": 1, "g/m2d": 1, "gco2m-2d-1": 1, "gco2/m2/d": 1, "gco2/m2d": 1,
                  "kgm-2d-1": 1e3, "克/平方米/天": 1, "g": 1, "gco2": 1, "克": 1, "克co2": 1},
    "t": {"t": 1, "kg": 1e-3, "g": 1e-6, "吨": 1, "千克": 1e-3, "公斤": 1e-3, "克": 1e-6, "tco2": 1, "kgco2": 1e-3,
          "tonne": 1, "tonnes": 1, "吨co2": 1, "tco2e": 1},
    "umol mol-1 m-1": {"umolmol-1m-1": 1, "ppm/m": 1, "ppmm-1": 1, "umol/mol/m": 1, "ppm/cm": 100},
    "m2 s-1": {"m2s-1": 1, "m2/s": 1, "cm2/s": 1e-4, "cm2s-1": 1e-4, "mm2/s": 1e-6, "mm2s-1": 1e-6},
}  # fmt: skip
_NUMBER = re.compile(
    r"[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:(?:e|x10\^?|\*10\*?\*?\^?)\(?([-+]?\d+)\)?)?", re.IGNORECASE
)


class Number(NamedTuple):
    """A number as it was written.

    Parameters
    ----------
    value : float
    unit : str
        As written, folded; empty when there is none.
    step : float
        Value of one in the last digit written; 0 for a computed number.
    """

    value: float
    unit: str
    step: float


def fold(text: str) -> str:
    """Full-width, superscript and typographic forms as plain ones, lower case."""
    text = re.sub(r"[⁻⁺]?[⁰¹²³⁴⁵⁶⁷⁸⁹]+", lambda m: "^" + unicodedata.normalize("NFKC", m[0]), text)
    text = unicodedata.normalize("NFKC", text).replace("−", "-").replace("–", "-").replace("μ", "u")
    return text.replace("×", "x").replace("·", " ").replace("，", ",").lower().strip()


def read_number(answer: object) -> Number | None:
    """The number of an answer: a number, or text such as ``"约 12 厘米"``, ``"1.2×10⁻³"``; None when there is none."""
    if isinstance(answer, bool) or answer is None:
        return None
    if not isinstance(answer, str):
        try:
            value = float(answer)  # type: ignore[arg-type]
        except (TypeError, ValueError, OverflowError):
            return None
        return Number(value, "", 0.0) if math.isfinite(value) else None
    text = re.sub(r"(?<=\d),(?=\d{3}(?!\d))", "", fold(answer)).replace(" x 10", "x10").replace("e ", "e")
    text = re.sub(r"([-+])\s+(?=\d)", r"\1", text)
    text = re.sub(r"百分之\s*([\d.]+)", r"\1%", text)
    text = re.sub(r"^(?:[^\d\s+\-.]{1,12}[=:≈约])", "", text).strip()
    match = _NUMBER.search(text)
    if match is None:
        return None
    plain = re.match(r"[-+]?\d*\.?\d*", match[0])
    digits = plain[0] if plain else match[0]
    decimals = len(digits.partition(".")[2])
    try:
        power = int(match[1]) if match[1] else 0
        value = float(digits) * 10.0**power
    except (ValueError, OverflowError):
        return None
    if not math.isfinite(value):
        return None
    return Number(value, _unit(text[match.end() :]), 10.0 ** (power - decimals))


def _unit(text: str) -> str:
    text = re.split(r"[,;。；(（]?(?:±|\bto\b|到|左右|about)", text)[0]
    return re.sub(r"[\s^()（）*.。;]", "", text).removeprefix("of").strip()


def in_unit(number: Number, unit: str, bare: Iterable[str] = ()) -> list[float]:
    """The readings of a number in `unit`; empty when its unit does not fit.

    Parameters
    ----------
    bare : iterable of str
        Further units in which a number without a unit may be meant.
    """
    known = _UNITS.get(unit, {"": 1.0})
    if number.unit in known and number.unit:
        return [number.value * known[number.unit]]
    if not number.unit:
        return [number.value, *(number.value * known[name] for name in bare)]
    for name in sorted(known, key=len, reverse=True):  # words after the unit do no harm
        if name and number.unit.startswith(name):
            rest = number.unit[len(name) :]
            if not re.match(r"[/\-\d^a-z]", rest):
                return [number.value * known[name]]
    return []


def close(value: float, truth: float, relative: float, absolute: float = 0.0, step: float = 0.0) -> bool:
    """Whether a value is right: within a tolerance, or the truth rounded to the digits written (two at least)."""
    if abs(value - truth) <= max(relative * abs(truth), absolute) + 1e-12 * abs(truth):
        return True
    two_digits = step > 0 and abs(truth) >= 9.5 * step
    return two_digits and abs(value - truth) <= 0.5000001 * step


_PLUS = ("+", "正", "升", "增", "上", "高", "positive", "plus", "up", "rise", "increase", "together", "同")
_MINUS = (
    "-",
    "负",
    "降",
    "减",
    "下",
    "低",
    "反",
    "negative",
    "minus",
    "down",
    "fall",
    "decrease",
    "opposite",
)


def read_sign(answer: object) -> int | None:
    """1 or -1 of ``"+"``, ``"负"``, ``"negative"``, ``-0.9`` …; None when it says neither or both."""
    if isinstance(answer, str):
        text = fold(answer)
        number = read_number(text)
        if number is not None and number.value:
            return 1 if number.value > 0 else -1
        plus, minus = any(w in text for w in _PLUS), any(w in text for w in _MINUS)
        return None if plus == minus else (1 if plus else -1)
    number = read_number(answer)
    return None if number is None or not number.value else (1 if number.value > 0 else -1)


def read_letters(answer: object) -> set[str]:
    """Letters of a choice: ``"B"``, ``"选b。"``, ``"A、C"``, ``["a", "C"]``; none when a part of it names no letter."""
    parts = answer if isinstance(answer, list | tuple | set | frozenset) else [answer]
    found: set[str] = set()
    for part in parts:
        text = re.sub(r"\b(?:and|option|options|answer|or)\b", " ", fold(str(part)))
        if re.fullmatch(r"[a-h\s,、;/和与及+.。()（）选是答案:]+", text):
            found |= {letter.upper() for letter in re.findall(r"[a-h]", text)}
        elif match := re.match(r"[\s(（]*([a-h])[.。:)）\s、]", text):
            found.add(match[1].upper())
        else:
            return set()
    return found


def read_word(answer: object, words: Mapping[str, tuple[str, ...]]) -> str | None:
    """The key whose words an answer holds; the longest word wins, None when none is there."""
    text = fold(str(answer))
    hits = [
        (len(word), key) for key, several in words.items() for word in (key, *several) if fold(word) in text
    ]
    return max(hits)[1] if hits else None


_MONTHS = {name: n for n, name in enumerate(
    ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"), 1)}  # fmt: skip


def read_day(answer: object) -> tuple[int, int] | None:
    """(month, day) of a date in ISO, ``6月12日``, ``12 June``, ``June 12``, ``06-12``; None when there is none."""
    text = fold(str(answer))
    if match := re.search(r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})", text):
        return int(match[2]), int(match[3])
    if match := re.search(r"(\d{1,2})\s*月\s*(\d{1,2})", text):
        return int(match[1]), int(match[2])
    names = "|".join(_MONTHS)
    if match := re.search(rf"\b({names})[a-z]*\.?\s*(\d{{1,2}})(?!\d)", text):
        return _MONTHS[match[1]], int(match[2])
    if match := re.search(rf"(?<!\d)(\d{{1,2}})\.?\s*({names})", text):
        return _MONTHS[match[2]], int(match[1])
    if match := re.search(r"(?<![\d.])(\d{1,2})[-/](\d{1,2})(?![\d.])", text):
        return int(match[1]), int(match[2])
    return None


def is_empty(answer: object) -> bool:
    """Whether nothing was answered: ``...``, None, an empty text or list."""
    if answer is None or answer is Ellipsis:
        return True
    if isinstance(answer, str):
        return answer.strip() in ("", "...", "…", "……", "?", "？")
    if isinstance(answer, list | tuple | set | dict):
        return len(answer) == 0 or all(is_empty(part) for part in answer)
    return isinstance(answer, float) and math.isnan(answer)
