"""Where in a TOML text each key stands: the standard reader keeps no lines."""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_right
from collections.abc import Sequence

_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_KEY = re.compile(r"[A-Za-z0-9_-]+|\"(?:\\.|[^\"\\\n])*\"|'[^'\n]*'")
_STRING = re.compile(
    r'"""(?:\\.|[^\\])*?"{3,5}' r"|'''.*?'{3,5}" r'|"(?:\\.|[^"\\\n])*"' r"|'[^'\n]*'",
    re.DOTALL,
)
_SCALAR = re.compile(r"[^,\]}\n#]+")


class Spot:
    """A key, table or list element in a file, and what it holds.

    Parameters
    ----------
    file : str
    line : int
        Counted from 1.
    """

    __slots__ = ("at", "file", "line", "many")

    def __init__(self, file: str, line: int) -> None:
        self.file = file
        self.line = line
        self.at: dict[str | int, Spot] = {}
        self.many = False  # an array of tables, written [[...]]

    def find(self, path: Sequence[str | int]) -> tuple[Spot, tuple[str | int, ...]]:
        """The deepest spot on a path, and the part of the path that exists.

        Elements that are not in the file are passed over, so that the path of a checked value, which
        names choices as well, leads to its place.
        """
        spot, found = self, []
        for part in path:
            if part in spot.at:
                spot = spot.at[part]
                found.append(part)
        return spot, tuple(found)


class _Scanner:
    def __init__(self, text: str, file: str) -> None:
        self.text = text
        self.file = file
        self.i = 0
        self.ends = [match.start() for match in re.finditer("\n", text)]

    def spot(self, position: int) -> Spot:
        return Spot(self.file, bisect_right(self.ends, position - 1) + 1)

    def blank(self) -> None:
        match = _BLANK.match(self.text, self.i)
        assert match is not None
        self.i = match.end()

    def eat(self, sign: str) -> bool:
        self.blank()
        if self.text.startswith(sign, self.i):
            self.i += len(sign)
            return True
        return False

    def key(self) -> list[str]:
        parts = []
        while True:
            self.blank()
            match = _KEY.match(self.text, self.i)
            assert match is not None
            word = match[0]
            parts.append(tomllib.loads(f"k = {word}")["k"] if word[0] in "\"'" else word)
            self.i = match.end()
            if not self.eat("."):
                return parts

    def into(self, table: Spot, key: str, position: int) -> Spot:
        child = table.at.get(key)
        if child is None:
            child = table.at[key] = self.spot(position)
        return child.at[len(child.at) - 1] if child.many else child

    def header(self, root: Spot) -> Spot:
        start = self.i
        many = self.eat("[[")
        if not many:
            self.eat("[")
        *outer, last = self.key()
        self.eat("]]" if many else "]")
        table = root
        for key in outer:
            table = self.into(table, key, start)
        if not many:
            known = last in table.at
            table = self.into(table, last, start)
            if known:  # made by a header further down the tree, or by dotted keys
                table.line = self.spot(start).line
            return table
        array = table.at.get(last)
        if array is None:
            array = table.at[last] = self.spot(start)
            array.many = True
        array.at[len(array.at)] = self.spot(start)
        return array.at[len(array.at) - 1]

    def pair(self, table: Spot) -> None:
        self.blank()
        start = self.i
        *outer, last = self.key()
        for key in outer:
            table = self.into(table, key, start)
        self.eat("=")
        spot = table.at[last] = self.spot(start)
        self.value(spot)

    def value(self, spot: Spot) -> None:
        self.blank()
        if self.eat("["):
            while not self.eat("]"):
                self.blank()
                item = spot.at[len(spot.at)] = self.spot(self.i)
                self.value(item)
                self.eat(",")
        elif self.eat("{"):
            while not self.eat("}"):
                self.pair(spot)
                self.eat(",")
        else:
            match = _STRING.match(self.text, self.i) or _SCALAR.match(self.text, self.i)
            assert match is not None
            self.i = match.end()

    def scan(self) -> Spot:
        root = table = Spot(self.file, 1)
        while True:
            self.blank()
            if self.i >= len(self.text):
                return root
            if self.text[self.i] == "[":
                table = self.header(root)
            else:
                self.pair(table)


def spots(text: str, file: str) -> Spot:
    """The tree of lines of a TOML text that is known to be valid.

    Parameters
    ----------
    text : str
        What ``tomllib`` has read without complaint.
    file : str
        Name to remember.
    """
    return _Scanner(text.replace("\r\n", "\n"), file).scan()


def merge(base: dict[str, object], base_spot: Spot, over: dict[str, object], over_spot: Spot) -> None:
    """Lay `over` on `base`, in place, with their lines.

    Arrays of tables append, tables merge key by key, anything else in `over` replaces what `base` has.
    """
    for key, value in over.items():
        old = base.get(key)
        spot = over_spot.at[key]
        if isinstance(old, dict) and isinstance(value, dict):
            merge(old, base_spot.at[key], value, spot)
        elif _tables(old) and _tables(value):
            assert isinstance(old, list)
            assert isinstance(value, list)
            for number in range(len(value)):
                base_spot.at[key].at[len(old) + number] = spot.at[number]
            old.extend(value)
        else:
            base[key] = value
            base_spot.at[key] = spot


def _tables(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, dict) for item in value)
