"""Turning what the models say of a table into faults that a person can mend."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from functools import reduce
from typing import Any

from pydantic_core import ErrorDetails

from soilco2.station_config.base import Table
from soilco2.station_config.errors import Fault
from soilco2.station_config.message import Message
from soilco2.station_config.parsing.toml_positions import Spot
from soilco2.station_config.tables.fields import choices, is_secret, keys, model_at

HIDDEN = Message("(hidden)")
NOT_HERE = Message(
    "a secret is never written in the station file; name where it comes from, such as {{ env = "
    '"SOILCO2_TOKEN" }} or {{ file = "/etc/soilco2/token" }}, and change it now if the file was '
    "shared"
)
_SECRET_KEY = re.compile(r"(?i)(?:.*[_-])?(?:token|password|passwd|passphrase|secret|api_?key)")
_NAME = re.compile(r"[\w./-]{1,128}")
_LOGIN_IN_URL = re.compile(r"://[^/\s:@]*:[^/\s@]+@")

Path = tuple[str | int, ...]


MOST_NAMED = 30
"""Names that a sentence lists; of models there are more, and ``soilco2 catalogue`` lists them."""


def nearest(word: str, known: Iterable[str]) -> Message:
    """``did you mean 'x'?`` when one is close, else which are known."""
    options = [word for word in known if _NAME.fullmatch(word)]
    longer = [option for option in options if len(word) > 2 and option.startswith(word)]
    close = longer or _close_matches(word, options, 0.6)
    if close:
        return Message("did you mean '{close}'?", close=close[0])
    if not options:
        return Message("none is defined")
    if len(options) > MOST_NAMED:
        return Message(
            "known are {options} and {count} more",
            options=", ".join(options[:MOST_NAMED]),
            count=len(options) - MOST_NAMED,
        )
    return Message("known are {options}", options=", ".join(options))


def _close_matches(word: str, options: Sequence[str], cutoff: float) -> list[str]:
    import difflib  # a station without faults has no need of it

    return difflib.get_close_matches(word, options, n=1, cutoff=cutoff)


def either(options: Iterable[str]) -> str:
    """``a, b or c``."""
    *others, last = options
    return _or(", ".join(others), last) if others else last


def _or(first: str, last: str) -> Message:
    return Message("{first} or {last}", first=first, last=last)


def show(value: Any) -> str:
    """A value as it is written in the file, shortened; a login in it is hidden."""
    if isinstance(value, str):
        if holds_login(value):
            return HIDDEN
        text = json.dumps(value, ensure_ascii=False)
    elif isinstance(value, bool):
        text = str(value).lower()
    elif isinstance(value, datetime | date):
        text = value.isoformat()
    elif isinstance(value, dict):
        return Message("a table") if value else "{}"
    elif isinstance(value, list | tuple):
        return Message("a list") if value else "[]"
    else:
        text = f"{value:g}" if isinstance(value, float) and float(f"{value:g}") == value else str(value)
    return text if len(text) <= 60 else text[:57] + "…"


def holds_login(value: str) -> bool:
    """Whether a text carries a user and password, as in ``http://user:password@host``."""
    return _LOGIN_IN_URL.search(value) is not None


def key_text(path: Sequence[str | int]) -> str:
    """``instrument[2].calibration[1].gain``: list elements are counted from 1."""
    text = ""
    for part in path:
        text += f"[{part + 1}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def raw_at(data: Any, path: Sequence[str | int], default: Any) -> Any:
    """The value as written at a path; `default` where there is none."""
    for part in path:
        try:
            data = data[part]
        except (KeyError, IndexError, TypeError):
            return default
    return data


def fault_at(root: Spot, path: Path, value: Any, expected: Message) -> Fault:
    """A fault at a path of the file; a missing key is placed at its table."""
    spot, _ = root.find(path)
    return Fault(spot.file, spot.line, key_text(path), "" if value is None else show(value), expected)


def from_models(
    errors: Iterable[ErrorDetails],
    data: dict[str, Any],
    root: Spot,
    model: type[Table],
    skip: Iterable[Path] = (),
) -> list[Fault]:
    """Faults of what pydantic refused; at the paths in `skip` something better is said already."""
    found: dict[Path, Fault] = {}
    done = {tuple(path) for path in skip}
    for error in errors:
        where = error["loc"]
        spot, path = root.find(where)
        missing = error["type"] == "missing"
        if missing:
            path = (*path, where[-1])
        if path in done or path in found:
            continue
        hidden = is_secret(model, where) or _like_secret(str(path[-1]) if path else "")
        value = "" if missing else HIDDEN if hidden else show(raw_at(data, path, error["input"]))
        written = hidden and isinstance(error["input"], str) and where[-1] not in ("env", "file")
        expected = _expected(error, model, where)
        if written:
            expected = (
                Message.joined([expected, NOT_HERE], " ") if error["type"] == "extra_forbidden" else NOT_HERE
            )
        found[path] = Fault(spot.file, spot.line, key_text(path), value, expected)
    return list(found.values())


def _expected(error: ErrorDetails, root: type[Table], where: Sequence[str | int]) -> Message:
    context: dict[str, Any] = error.get("ctx", {})
    kind = error["type"]
    if kind == "extra_forbidden":
        owners, _ = model_at(root, where[:-1])
        known = [key for owner in owners for key in keys(owner)]
        return Message("unknown key; {nearest}", nearest=nearest(str(where[-1]), dict.fromkeys(known)))
    if kind in ("union_tag_not_found", "union_tag_invalid"):
        owners, _ = model_at(root, where)
        kinds = [f'"{name}"' for owner in owners for name in choices(owner)]
        return Message("the key kind says what it is: {kinds}", kinds=reduce(_or, kinds))
    if kind == "tuple_type" and isinstance(error["input"], dict):
        return Message(
            "double brackets are expected: [[{table}]]",
            table=".".join(str(p) for p in where if isinstance(p, str)),
        )
    if kind == "value_error":
        return Message.of(context.get("error", error["msg"]))
    limit = show(context.get("ge", context.get("gt", context.get("le", context.get("lt", "")))))
    sentences = {
        "missing": Message("this key is required"),
        "string_type": Message("text in quotes is expected"),
        "float_type": Message("a number is expected, without quotes"),
        "int_type": Message("a whole number is expected, without quotes"),
        "int_from_float": Message("a whole number is expected"),
        "finite_number": Message("a finite number is expected"),
        "bool_type": Message("true or false is expected, without quotes"),
        "bool_parsing": Message("true or false is expected, without quotes"),
        "tuple_type": Message("a list is expected"),
        "list_type": Message("a list is expected"),
        "dict_type": Message("a table is expected, such as {{ … }}"),
        "model_type": Message("a table is expected, such as {{ … }}"),
        "path_type": Message("a path in quotes is expected"),
        "literal_error": Message("expected {options}", options=_alternatives(context.get("expected", ""))),
        "greater_than_equal": Message("a number of at least {limit} is expected", limit=limit),
        "greater_than": Message("a number above {limit} is expected", limit=limit),
        "less_than_equal": Message("a number of at most {limit} is expected", limit=limit),
        "less_than": Message("a number below {limit} is expected", limit=limit),
        "string_too_short": Message("text that is not empty is expected"),
        "string_too_long": Message(
            "text of at most {limit} characters is expected", limit=context.get("max_length", "")
        ),
        "too_short": Message("a list that is not empty is expected"),
        "too_long": Message("a list of at most {limit} is expected", limit=context.get("max_length", "")),
    }
    if kind == "string_pattern_mismatch":
        return _PATTERNS.get(
            context["pattern"], Message("text of the form {pattern} is expected", pattern=context["pattern"])
        )
    return sentences.get(kind) or Message.of(error["msg"])


def _alternatives(said: str) -> str:
    """What a literal may be, as pydantic says it: ``'a', 'b' or 'c'``."""
    others, _, last = said.rpartition(" or ")
    return _or(others, last) if others else last


_PATTERNS = {
    r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$": (
        Message(
            "a name of letters, digits, dots, dashes and underscores is expected, beginning with a "
            "letter or digit, 64 at most"
        )
    ),
    r"^https?://[^\s/]+": Message("an address is expected, such as http://127.0.0.1:8086"),
    r"^[A-Za-z]?$": Message("one letter is expected"),
    r"^[^/\\]+$": Message("the name of a file beside this one is expected"),
    r"^[^/]+/[^/]*/[^/]+$": Message("a series is expected, such as p1/d10/co2"),
    r"^[A-Za-z_][A-Za-z0-9_]*$": (
        Message(
            "the name of an environment variable is expected, such as SOILCO2_TOKEN, never the secret itself"
        )
    ),
    r"^[^\s/@:]+$|^[0-9A-Fa-f:]+$": Message(
        "a host name or an address is expected, without port, user or password"
    ),
}


def _like_secret(key: str) -> bool:
    """Whether a key is the name of a secret, be it misspelled."""
    words = ("token", "password", "passphrase", "secret", "apikey")
    return bool(_SECRET_KEY.fullmatch(key)) or bool(_close_matches(key.lower(), words, 0.75))


def secrets_in(data: Any, root: Spot, path: Path = ()) -> dict[Path, Fault]:
    """Every secret that stands in the file: a token or password as text, or a login inside a URL."""
    found: dict[Path, Fault] = {}
    if isinstance(data, dict):
        for key, value in data.items():
            found |= secrets_in(value, root, (*path, key))
    elif isinstance(data, list):
        for number, value in enumerate(data):
            found |= secrets_in(value, root, (*path, number))
    elif isinstance(data, str):
        spot, _ = root.find(path)
        named = bool(path) and isinstance(path[-1], str) and _SECRET_KEY.fullmatch(path[-1])
        if named and data:
            found[path] = Fault(spot.file, spot.line, key_text(path), HIDDEN, NOT_HERE)
        elif holds_login(data):
            found[path] = Fault(
                spot.file, spot.line, key_text(path), HIDDEN,
                Message("an address without user and password is expected; {secret}", secret=NOT_HERE),
            )  # fmt: skip
    return found
