"""Sentences for people: made in English with their values beside them, so that each can be said in Chinese too.

A `Message` is its English text, and remembers the template and the values it was made of. A translation is a template
of its own, filled with the same values: a serial number or a name of a series is never taken for a word.
The catalogues are ``station_config/locale/<language>/LC_MESSAGES/<room>.po``; ``make messages`` brings them up to date.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from gettext import NullTranslations

LOCALE = Path(__file__).with_name("locale")
"""The folder of the catalogues."""

_KEPT = (str, int, float)  # as they are; anything else is what `str` says of it


class Message(str):
    """One sentence for people.

    It is its English text; `str` of it, and of an error that carries it, is the message itself.

    Parameters
    ----------
    template : str
        English, with ``{name}`` where a value goes in; ``{{`` and ``}}`` stand for brackets. Written as a literal,
        for the catalogues are made of what the code says.
    **values
        Text, numbers, other messages, or errors that carry one; of anything else what `str` says.

    Attributes
    ----------
    template : str
    values : mapping of str to (str, int or float)
    """

    __slots__ = ("template", "values")
    template: str
    values: Mapping[str, str | int | float]

    def __new__(cls, template: str, /, **values: object) -> Self:
        kept = {name: value if isinstance(value, _KEPT) else str(value) for name, value in values.items()}
        self = super().__new__(cls, template.format_map(kept))
        self.template = template
        self.values = kept
        return self

    def __str__(self) -> str:
        return self

    def __getnewargs_ex__(self) -> tuple[tuple[str], dict[str, object]]:
        return (self.template,), dict(self.values)

    @classmethod
    def of(cls, text: object) -> Message:
        """The message that an error carries; else what a person, a device or another program said, as it is."""
        said = str(text)
        return said if isinstance(said, Message) else cls("{text}", text=said)

    @classmethod
    def ready(cls, en: str, zh: str) -> Message:
        """What data or another distribution bring in both languages, as it is."""
        return cls("{en}", en=en, zh=zh)

    @classmethod
    def joined(cls, parts: Iterable[object], separator: str = "; ") -> Message:
        """Several as one, a separator between each two."""
        values = {f"part{number}": part for number, part in enumerate(parts)}
        return cls(separator.join(f"{{{name}}}" for name in values), **values)


def translate(text: str, lang: str) -> str:
    """A message in a language; text that is none, or has no translation, stays as it is.

    Parameters
    ----------
    text : str
    lang : {"en", "zh"}
    """
    if not isinstance(text, Message) or lang == "en":
        return text
    values = {name: translate(v, lang) if isinstance(v, str) else v for name, v in text.values.items()}
    if text.template == "{en}":  # `Message.ready` brings its translation
        return str(values.get(lang, text))
    said = _catalogue(lang).gettext(text.template) if text.template else ""
    return said.format_map(values)


def word(text: str, lang: str) -> str:
    """A state, kind or cause, one of the words that programs know too, in a language."""
    return text if lang == "en" or not text else _catalogue(lang).pgettext("word", text)


@cache
def _catalogue(lang: str) -> NullTranslations:
    """Those of all rooms as one."""
    import gettext

    found = gettext.NullTranslations()
    for path in sorted((LOCALE / lang / "LC_MESSAGES").glob("*.mo")):
        with path.open("rb") as file:
            one = gettext.GNUTranslations(file)
        one.add_fallback(found)
        found = one
    return found


def marked(template: str) -> str:
    """A template that a table holds, to be made a `Message` of later; the catalogues take it from here."""
    return template


_SYSTEM = frozenset(
    {
        marked("No such file or directory"), marked("Not a directory"), marked("Is a directory"),
        marked("File exists"), marked("Permission denied"), marked("Read-only file system"),
        marked("No space left on device"), marked("Address already in use"), marked("Connection refused"),
        marked("Network is unreachable"), marked("Input/output error"),
    }
)  # fmt: skip


def system(error: OSError) -> Message:
    """Why the system refused, in its own words; the most frequent ones have a translation."""
    why = error.strerror or str(error)
    return Message(why) if why in _SYSTEM else Message.of(why)


def pack(value: Any) -> Any:
    """A value for JSON in which messages keep what they are made of; `unpack` gives it back."""
    if isinstance(value, Message):
        return {"message": value.template, "values": {name: pack(one) for name, one in value.values.items()}}
    if isinstance(value, dict):
        return {name: pack(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [pack(one) for one in value]
    return value


def unpack(value: Any) -> Any:
    """What `pack` was given."""
    if isinstance(value, dict):
        if value.keys() == {"message", "values"} and isinstance(value["message"], str):
            template = value["message"]
            return Message(template, **{name: unpack(one) for name, one in value["values"].items()})
        return {name: unpack(one) for name, one in value.items()}
    if isinstance(value, list):
        return [unpack(one) for one in value]
    return value


def to_text(message: str) -> str:
    """What a message is made of, for a column of a table; empty where the text alone says it."""
    if not isinstance(message, Message) or message.template == "{text}":
        return ""
    return json.dumps(pack(message))  # in ASCII: half a character that a device sent can be kept no other way


def from_text(kept: str, text: str) -> str:
    """The message that `to_text` kept; the text itself where nothing was kept or it cannot be read."""
    if not kept:
        return text
    try:
        found = unpack(json.loads(kept))
    except (ValueError, KeyError, IndexError, AttributeError, TypeError):
        return text
    return found if isinstance(found, Message) and found == text else text
