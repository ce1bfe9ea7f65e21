"""Reading TOML files: text, includes, relative paths; the place of every key is kept."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

from soilco2.station_config.base import Table
from soilco2.station_config.errors import Fault, StationFileError
from soilco2.station_config.message import Message, system
from soilco2.station_config.parsing.faults import show
from soilco2.station_config.parsing.toml_positions import Spot, merge, spots
from soilco2.station_config.tables.fields import paths

LIMIT = 1_000_000
"""Bytes a file may have: a station of hundreds of probes needs a tenth of it."""

DEPTH = 8
"""Includes within includes that are followed."""


def _refuse(
    path: Path | str, line: int | None, expected: Message, key: str = "", value: str = ""
) -> StationFileError:
    return StationFileError([Fault(str(path), line, key, value, expected)])


def read_text(path: Path) -> str:
    """The text of a file.

    Raises
    ------
    StationFileError
        When there is no such file, it cannot be read, is too large or is not UTF-8; one sentence.
    """
    try:
        if path.is_dir():
            raise _refuse(path, None, Message("this is a folder; the path of a file is expected"))
        if path.exists() and not path.is_file():
            raise _refuse(path, None, Message("this is not a regular file; a TOML file is expected"))
        size = path.stat().st_size
        if size > LIMIT:
            raise _refuse(
                path,
                None,
                Message(
                    "the file has {size:.1f} MB; a station file has at most {limit:g} MB",
                    size=size / 1e6,
                    limit=LIMIT / 1e6,
                ),
            )
        raw = path.read_bytes()
    except StationFileError:
        raise
    except FileNotFoundError:
        raise _refuse(path, None, Message("there is no such file")) from None
    except (OSError, ValueError) as error:  # ValueError: a null byte in the name
        why = system(error) if isinstance(error, OSError) else error
        raise _refuse(path, None, Message("the file cannot be read: {why}", why=why)) from error
    try:
        return raw.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise _refuse(path, line, Message("the text is not UTF-8; save the file as UTF-8")) from None


def read_toml(path: Path) -> tuple[dict[str, Any], Spot]:
    """The tables of one TOML file and where they stand.

    Raises
    ------
    StationFileError
        When the file cannot be read or is not TOML; one sentence with the line.
    """
    text = read_text(path)
    try:
        data = tomllib.loads(text)
        return data, spots(text, str(path))
    except tomllib.TOMLDecodeError as error:
        why = str(error)
        match = re.search(r"\s*\(at (?:line (\d+), column (\d+)|end of document)\)$", why)
        if match:
            why = why[: match.start()]
        why = why[:1].lower() + why[1:]
        if match and match[1]:
            line = int(match[1])
            expected = Message("this is not valid TOML at column {column}: {why}", column=match[2], why=why)
        else:
            line = text.count("\n") + 1
            expected = Message("this is not valid TOML: {why}", why=why)
        raise _refuse(path, line, expected) from None
    except RecursionError:
        raise _refuse(
            path, None, Message("the values are nested too deeply; a station file needs no such depth")
        ) from None


def read_merged(path: Path, model: type[Table]) -> tuple[dict[str, Any], Spot, list[Fault]]:
    """A file with everything it includes.

    Included files come first, in the order they are named; what the including file says is laid over them:
    arrays of tables append, tables merge key by key, anything else is replaced. Relative paths are relative
    to the file they are written in.

    Raises
    ------
    StationFileError
        When the file itself cannot be read; faults of included files are returned.
    """
    return _read(path, model, (path.absolute(),))


def files_read(path: Path) -> list[Path]:
    """A file and all that it includes, directly or by another, absolute; of a file that `read_merged` reads."""
    found = [path.absolute()]
    for one in found:
        for name in read_toml(one)[0].get("include", []):
            inner = (one.parent / Path(name).expanduser()).absolute()
            if inner not in found:
                found.append(inner)
    return found


def _read(
    path: Path, model: type[Table], chain: tuple[Path, ...]
) -> tuple[dict[str, Any], Spot, list[Fault]]:
    data, root = read_toml(path)
    folder = path.parent.absolute()
    for table, key in paths(model, data):
        table[key] = _resolved(table[key], folder)
    include = data.pop("include", [])
    spot = root.at.pop("include", root)
    faults: list[Fault] = []
    names = include if isinstance(include, list) else [include]
    merged: dict[str, Any] = {}
    merged_root = Spot(str(path), 1)
    for number, name in enumerate(names):
        at = spot.at.get(number, spot)
        expected = None
        if not isinstance(name, str) or not name or not isinstance(include, list):
            expected = Message('a list of files is expected, such as include = ["common.toml"]')
        else:
            inner = (path.parent / Path(name).expanduser()).absolute()
            if inner.resolve() in {one.resolve() for one in chain}:
                expected = Message("this file includes itself, directly or by another; take one include out")
            elif len(chain) > DEPTH:
                expected = Message(
                    "more than {most} files include one another; put them on fewer levels", most=DEPTH
                )
        if expected is not None:
            faults.append(Fault(at.file, at.line, f"include[{number + 1}]", show(name), expected))
            continue
        try:
            more, more_root, inner_faults = _read(_short(inner, path), model, (*chain, inner))
        except StationFileError as error:
            first = error.faults[0]
            if first.file == str(_short(inner, path)) and first.line is None:  # the file as a whole
                first = Fault(at.file, at.line, f"include[{number + 1}]", show(name), first.expected)
            faults.append(first)
            continue
        faults += inner_faults
        merge(merged, merged_root, more, more_root)
    merge(merged, merged_root, data, root)
    return merged, merged_root, faults


def _short(inner: Path, outer: Path) -> Path:
    """The included path as the user would write it: beside the path of the including file."""
    return (
        inner.relative_to(Path.cwd())
        if not outer.is_absolute() and inner.is_relative_to(Path.cwd())
        else inner
    )


def _resolved(value: Any, folder: Path) -> Any:
    """A path, or each of a list, made absolute; anything else as it is."""
    if isinstance(value, list):
        return [_resolved(item, folder) for item in value]
    return _absolute(value, folder) if isinstance(value, str) else value


def _absolute(value: str, folder: Path) -> str:
    """An absolute path; an address in the network is none, and stays as it is."""
    return value if not value or value.startswith("~") or "://" in value else str(folder / value)
