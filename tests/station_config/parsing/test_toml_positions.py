"""Lines of keys: the tree must agree with the standard reader, and every value stands on its line."""

from __future__ import annotations

import tomllib
from typing import Any

from hypothesis import given, reject
from hypothesis import strategies as st

from soilco2.station_config.parsing.toml_positions import Spot, spots


def _paths(value: Any, path: tuple[str | int, ...] = ()) -> dict[tuple[str | int, ...], Any]:
    found: dict[tuple[str | int, ...], Any] = {path: value}
    if isinstance(value, dict):
        for key, item in value.items():
            found |= _paths(item, (*path, key))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            found |= _paths(item, (*path, number))
    return found


def _lines(spot: Spot, path: tuple[str | int, ...] = ()) -> dict[tuple[str | int, ...], int]:
    found = {path: spot.line}
    for key, item in spot.at.items():
        found |= _lines(item, (*path, key))
    return found


KEY = st.sampled_from(["a", "b-c", "d_1", '"q.u o"', "'l#t'", '"\\u00e9"', "7"])
NOISE = st.sampled_from(["", " ", "\t", "  # a = [ { \" '''", ""])
BREAK = st.sampled_from(["", "\n", "\n\n", "  # x ] }\n", "\r\n"])


class Numbers:
    """Hands out numbers that stand once in a text."""

    def __init__(self) -> None:
        self.last = 900_000

    def take(self) -> str:
        self.last += 1
        return str(self.last)


@st.composite
def values(draw: st.DrawFn, numbers: Numbers, depth: int = 2) -> str:
    kind = draw(
        st.sampled_from(["number", "text", "long", "raw", "list", "table", "time"][: 7 if depth else 4])
    )
    number = numbers.take()
    if kind == "list":
        items = draw(st.lists(st.deferred(lambda: values(numbers, depth - 1)), max_size=3))
        return "[" + ",".join(draw(BREAK) + item + draw(BREAK) for item in items) + draw(BREAK) + "]"
    if kind == "table":
        keys = draw(st.lists(KEY, max_size=3, unique=True))
        return (
            "{ "
            + ", ".join(f"{key} = {draw(values(numbers, 0)).replace(chr(10), ' ')}" for key in keys)
            + " }"
        )
    texts = {
        "number": number,
        "text": f'"{number} # \\" ] }}"',
        "long": f'"""{number}\n [x] = \\""" # \\\\"""""',
        "raw": f"'{number} \" # ]'",
        "time": f"2026-03-01 00:00:00.{number}Z",
    }
    return texts[kind]


@st.composite
def documents(draw: st.DrawFn) -> str:
    numbers = Numbers()
    out: list[str] = []

    def pairs() -> None:
        for key in draw(st.lists(KEY, max_size=3, unique=True)):
            dotted = draw(st.sampled_from(["", ".x", " . y"]))
            out.append(f"{key}{dotted} = {draw(values(numbers))}{draw(NOISE)}\n{draw(NOISE)}\n")

    pairs()
    for name in draw(st.lists(st.sampled_from(["t", "u", "v"]), max_size=4)):
        out.append(f"[[{name}]]{draw(NOISE)}\n")
        pairs()
        if draw(st.booleans()):
            out.append(f"[{name}.sub]\n")
            pairs()
        if draw(st.booleans()):
            out.append(f"[[ {name} . 'more' ]]\n")
            pairs()
    for name in draw(st.lists(st.sampled_from(["w.z", "w", "k.'l.m'"]), max_size=3, unique=True)):
        out.append(f"[{name}]\n")
        pairs()
    return "".join(out)


@given(documents())
def test_the_tree_has_the_readers_paths_and_each_value_stands_on_its_line(text: str) -> None:
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError:  # the dice may define a key twice
        reject()
    lines = _lines(spots(text, "f"))
    wanted = _paths(data)
    assert set(lines) == set(wanted)
    rows = text.replace("\r\n", "\n").split("\n")
    for path, value in wanted.items():
        if isinstance(value, int) and value > 900_000:
            row = rows[lines[path] - 1]
            assert str(value) in row


def test_every_kind_of_key_is_found_on_its_line() -> None:
    text = "a.b = 1\nlist = [\n  1, # one\n  { x = 2, y = 3 },\n]\n"
    text += (
        '[t]\ninline = { deep = { er = 4 } }\n[[t.rows]]\nk = """\n[no]\n"""\n[[t.rows]]\n"quoted key" = 5\n'
    )
    lines = _lines(spots(text, "f"))
    assert lines["a", "b"] == 1
    assert lines["list", 0] == 3
    assert lines["list", 1, "y"] == 4
    assert lines["t",] == 6
    assert lines["t", "inline", "deep", "er"] == 7
    assert (lines["t", "rows", 0], lines["t", "rows", 0, "k"]) == (8, 9)
    assert (lines["t", "rows", 1], lines["t", "rows", 1, "quoted key"]) == (12, 13)
