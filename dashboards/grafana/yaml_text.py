"""Plain values as YAML: blocks, every text in double quotes. Grafana's provisioning files need no more."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

_UNSEEN = re.compile(r"[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
_POWER = re.compile(r"^(-?\d+)(e.*)$")


def yaml_text(value: Mapping[str, Any], heading: str = "") -> str:
    """A YAML document.

    Parameters
    ----------
    value : mapping
        Texts, numbers, truth values, lists and mappings; keys are plain words.
    heading : str
        Comment on top.
    """
    lines = [f"# {line}" for line in heading.splitlines()]
    lines.extend(_lines(value, 0))
    return "\n".join(lines) + "\n"


def _lines(value: Any, depth: int) -> Iterator[str]:
    pad = "  " * depth
    if isinstance(value, Mapping):
        for key, item in value.items():
            if isinstance(item, Mapping | list | tuple) and item:
                yield f"{pad}{key}:"
                yield from _lines(item, depth + 1)
            else:
                yield f"{pad}{key}: {_scalar(item)}"
        return
    for item in value:
        if isinstance(item, Mapping | list | tuple) and item:
            first, *rest = _lines(item, depth + 1)
            yield f"{pad}- {first.lstrip()}"
            yield from rest
        else:
            yield f"{pad}- {_scalar(item)}"


def _scalar(value: Any) -> str:
    # JSON's texts and numbers are YAML's, but for characters that YAML takes for line breaks or refuses
    text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    if isinstance(value, float):
        return _POWER.sub(r"\1.0\2", text)  # 1e-05 is a word to readers of YAML 1.1
    return _UNSEEN.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
