#!/bin/sh
# Make or renew the project's own environment in .venv: with uv where it is there, else with venv and pip.
# Use: tools/environment.sh demo|dev
set -eu
cd "$(dirname "$0")/.."
what=${1:-dev}
python=${PYTHON:-python3}
command -v "$python" >/dev/null || { echo "soilco2 needs Python 3.11 or newer; '$python' is not there." >&2; exit 2; }
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
    echo "soilco2 needs Python 3.11 or newer; '$python' is $("$python" -V 2>&1). Set PYTHON=/path/to/python3.11 and try again." >&2
    exit 2
}
case $what in
    demo) extras='demo' groups='' ;;
    dev) extras='analysis,dashboard,demo,cluster,notebooks,documents,files,sftp' groups='--group dev' ;;
    *) echo "tools/environment.sh: 'demo' or 'dev' is expected, not '$what'" >&2; exit 2 ;;
esac
editable=-e
[ -L src/soilco2/ingest ] || editable=''  # a clone or an archive without links installs a copy instead
if command -v uv >/dev/null; then
    [ -x .venv/bin/python ] || uv venv --quiet --python "$python" .venv
    # shellcheck disable=SC2086
    uv pip install --quiet --python .venv/bin/python -c constraints.txt $editable ".[$extras]" $groups
else
    [ -x .venv/bin/python ] || "$python" -m venv .venv || {
        echo "Python's venv module does not work here (on Debian: apt install python3-venv)." >&2
        exit 2
    }
    [ -z "$groups" ] || .venv/bin/python -m pip install --quiet --upgrade 'pip>=25.1'
    # shellcheck disable=SC2086
    .venv/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt $editable ".[$extras]" $groups
fi
touch ".venv/.$what"
