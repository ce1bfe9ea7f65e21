#!/bin/sh
# Run the collector's side of the suite with the lowest versions that pyproject.toml allows, in .venv-lowest.
# Test tools have the versions of constraints.txt.
set -eu
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}
new=.venv-lowest/bin/python
extras='analysis dashboard demo documents files'
[ -x $new ] || "$python" -m venv .venv-lowest
$new -m pip install --quiet --upgrade 'pip>=25.1'
# shellcheck disable=SC2086
$new tools/lowest.py $extras > .venv-lowest/constraints.txt
$new -m pip install --quiet --disable-pip-version-check -c .venv-lowest/constraints.txt \
    -e ".[$(echo $extras | tr ' ' ',')]" --group test-base
$new -m pytest tests/station_config tests/quality tests/storage tests/ingest tests/cli tests/documents "$@"
