"""Places in a JSON value: the part of JSONPath (RFC 9535) that names one of them, and ``*`` for every element."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

from soilco2.station_config.message import Message

MOST_STEPS = 16
"""Steps of a path at most."""
LONGEST = 200
"""Characters of a path at most."""

_STEP = re.compile(
    r"""(?P<dot>\.?)(?:(?P<name>[^.\[\]"'*]+)|(?P<all>\*))|\[(?:(?P<index>-?\d{1,6})|(?P<every>\*)|"""
    r""""(?P<double>[^"]+)"|'(?P<single>[^']+)')\]"""
)


class _Every:
    """The step to every element."""


EVERY = _Every()
Step = str | int | _Every


class Path(NamedTuple):
    """A path taken apart.

    Parameters
    ----------
    text : str
        As written.
    from_root : bool
        Whether it begins with ``$``, the whole message; otherwise at the element that is looked at.
    steps : tuple
    """

    text: str
    from_root: bool
    steps: tuple[Step, ...]

    @property
    def many(self) -> bool:
        """Whether it can name several places."""
        return EVERY in self.steps


@cache
def path_of(text: str) -> Path:
    """Take a path apart.

    Raises
    ------
    ValueError
        When it is none.
    """
    rest = text[1:] if text[:1] in ("$", "@") else text
    steps: list[Step] = []
    at = 0
    while at < len(rest):
        found = _STEP.match(rest, at)
        bare = at == 0 and rest is text  # only the first name of a path without $ or @ stands without a dot
        if found is None or (found["dot"] is not None and bool(found["dot"]) == bare):
            break
        steps.append(_step(found))
        at = found.end()
    if at < len(rest) or not text or len(text) > LONGEST or len(steps) > MOST_STEPS:
        raise ValueError(
            Message(
                'a path such as "DS18B20.Temperature", "data[0].value" or "$.device.id" is expected, of at most {most} '
                'steps; a name with dots, brackets or quotes in it is written ["like.this"]',
                most=MOST_STEPS,
            )
        )
    return Path(text, text[0] == "$", tuple(steps))


def _step(found: re.Match[str]) -> Step:
    if found["all"] or found["every"]:
        return EVERY
    if found["index"] is not None:
        return int(found["index"])
    return str(found["name"] or found["double"] or found["single"])


def places(path: Path, value: Any) -> Iterator[Any]:
    """What stands at the places that a path names; nothing where there is none."""
    found = [value]
    for step in path.steps:
        following: list[Any] = []
        for one in found:
            if isinstance(step, _Every):
                following += one if type(one) is list else one.values() if type(one) is dict else ()
            elif _there(one, step):
                following.append(one[step])
        found = following
    yield from found


def _there(value: Any, step: str | int) -> bool:
    """Whether a step leads anywhere: a name into an object, a number into a list."""
    if type(step) is str:
        return type(value) is dict and step in value
    return type(value) is list and -len(value) <= int(step) < len(value)


def put(path: Path, value: Any, into: Any) -> Any:
    """A JSON value with something at a place of it, for messages that are made up; the value itself, changed."""
    if not path.steps:
        return value
    step, rest = path.steps[0], path._replace(steps=path.steps[1:])
    if isinstance(step, str):
        into = {} if into is None else into
        into[step] = put(rest, value, into.get(step))
        return into
    into = [] if into is None else into
    at = len(into) if isinstance(step, _Every) else step if step >= 0 else max(0, len(into) + step)
    into.extend([None] * (at + 1 - len(into)))
    into[at] = put(rest, value, into[at])
    return into
