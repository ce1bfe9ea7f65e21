"""The extras of the distribution (``pyproject.toml``), and how one is added to what is installed."""

from __future__ import annotations

from soilco2.station_config.message import Message


def how_to_add(extra: str) -> Message:
    """What to do when a part of an extra is missing, for who has the folder of the project or a copy of it.

    Parameters
    ----------
    extra : str
        Its name in ``pyproject.toml``, such as ``analysis``.

    Returns
    -------
    Message
        A clause that ends a sentence.
    """
    return Message("in the folder of soilco2 run pip install -c constraints.txt '.[{extra}]'", extra=extra)
