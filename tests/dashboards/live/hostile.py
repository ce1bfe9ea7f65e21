"""Random and hostile questions to the page by its own description: ``python -m tests.dashboards.live.hostile 10000``.

No answer may be a fault of the server's, every one must be what the description says, and the journal must hold
afterwards what it held before.
"""

from __future__ import annotations

import hashlib
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import jsonschema
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.testclient import TestClient

from soilco2.dashboards.live.openapi import PATHS
from soilco2.storage.journal.reader import JournalReader

PIECES = (
    "p004/d21/co2", "'; DROP TABLE observation; --", "<img src=x onerror=alert(1)>", "../../etc/passwd", "%2e%2e%2f",
    "\x00",
    '"', "\\", "{{7*7}}", "$where", "\u202e", "co2\r\nset-cookie: a=b", "-1e400", "nan", "9" * 400, "١٢٣", "²", "",
)  # fmt: skip
"""What breaks others: SQL, markup, paths, headers, numbers that are none."""
NAMES = (
    "station",
    "series",
    "from",
    "to",
    "points",
    "profile",
    "variable",
    "columns",
    "limit",
    "screen",
    "since",
)
_QUIET = settings(phases=[Phase.generate], database=None, suppress_health_check=list(HealthCheck))


def contents(journal: Path) -> str:
    """A hash of what a journal holds."""
    digest = hashlib.sha256()
    with JournalReader(journal) as reader:
        for table in ("series", "sample", "observation", "event", "config", "meta"):
            for row in reader._db.execute(f"SELECT * FROM {table}"):
                digest.update(repr(row).encode())
        assert reader.integrity.structure() == []
    return digest.hexdigest()


def check(path: str, answer: Any) -> int:
    """One answer held to the promises; its status."""
    assert answer.status_code in (200, 304, 400, 404), (path, answer.status_code, answer.text[:500])
    kind = answer.headers.get("content-type", "")
    assert "html" not in kind
    assert "set-cookie" not in answer.headers
    assert answer.headers["x-content-type-options"] == "nosniff"
    if answer.status_code in (400, 404):
        error = answer.json()["error"]
        assert "\n" not in error
        assert len(error) < 2000
    elif "json" in kind and (name := path.rsplit("/", 1)[1]) in PATHS:
        jsonschema.validate(answer.json(), PATHS[name][2])
    return int(answer.status_code)


def _ask_operation(client: TestClient, operation: Any, each: int, found: Counter[int]) -> None:
    stream = operation.path == "/api/v1/stream"  # it never ends: only its head is asked for

    @given(case=operation.as_strategy())
    @settings(_QUIET, max_examples=each)
    def ask(case: schemathesis.Case) -> None:
        answer = (client.head if stream else client.get)(case.path, params=dict(case.query or {}))
        if stream:
            assert answer.status_code in (200, 404)
            found[answer.status_code] += 1
        else:
            found[check(case.path, answer)] += 1

    ask()


def ask_by_description(app: Starlette, client: TestClient, each: int) -> Counter[int]:
    """Questions drawn from the OpenAPI description, so many of each request; how often which status."""
    schema = schemathesis.openapi.from_dict(client.get("/api/v1/openapi").json())
    schema.app = app
    found: Counter[int] = Counter()
    for result in schema.get_all_operations():
        _ask_operation(client, result.ok(), each, found)
    return found


def ask_hostile(client: TestClient, number: int) -> Counter[int]:
    """Questions put together of what breaks others; how often which status."""
    found: Counter[int] = Counter()
    text = st.lists(st.sampled_from(PIECES) | st.text(max_size=20), max_size=4).map("".join)
    query = st.lists(st.tuples(st.sampled_from(NAMES) | text, text | st.just("0")), max_size=6)

    @given(path=st.sampled_from([*PATHS, "table", "picture", "openapi"]) | text, query=query)
    @settings(_QUIET, max_examples=number)
    def ask(path: str, query: list[tuple[str, str]]) -> None:
        pairs = [(name.encode("utf-8", "replace"), value.encode("utf-8", "replace")) for name, value in query]
        url = f"/api/v1/{path if path.isascii() and path.isalnum() else 'series'}?{urlencode(pairs)}"
        found[check(url.split("?")[0], client.get(url))] += 1

    ask()
    return found


def main() -> None:
    """Ask as many as told, half by the description, half hostile."""
    from soilco2.dashboards.live.app import create_app
    from soilco2.dashboards.live.stations import pages_of
    from tests.dashboards.live.measured import measured

    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    with tempfile.TemporaryDirectory() as name:
        page = measured(Path(name))
        app = create_app(pages_of([page.station], clock_file=Path(name) / "clock"), version="0", per_s=1e9)
        before = contents(page.station.journal_path)
        with TestClient(app) as client:
            described = ask_by_description(app, client, -(-count // 2 // (len(PATHS) + 2)))
            hostile = ask_hostile(client, count // 2)
        assert contents(page.station.journal_path) == before
    print(f"by the description {dict(described)}, hostile {dict(hostile)}; the journal holds what it held")


if __name__ == "__main__":
    main()
