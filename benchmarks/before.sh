#!/bin/sh
# The build before, in an environment of its own: the wheel of one commit, for figures measured side by side in one run.
# It is driven by its command, a broker and files, never by imports.
# Use: benchmarks/before.sh              prints the path of its command (made once, then found again)
#   COMMIT=35a5bc9  EXTRAS=analysis,dashboard,demo  FOLDER=~/.cache/soilco2/before-COMMIT
set -eu
cd "$(dirname "$0")/.."
commit=$(git rev-parse --short=7 "${COMMIT:-35a5bc9}^{commit}") || {
    echo "this clone has no commit ${COMMIT:-35a5bc9}; a full clone has it (git fetch --unshallow)" >&2
    exit 2
}
folder=${FOLDER:-${XDG_CACHE_HOME:-$HOME/.cache}/soilco2/before-$commit}
if [ ! -e "$folder/ready" ]; then
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    mkdir "$work/tree"
    git archive "$commit" | tar -x -C "$work/tree"
    "${PYTHON:-python3}" -m venv --clear "$folder" >&2
    pip="$folder/bin/python -m pip --disable-pip-version-check --quiet"
    $pip wheel --no-deps --wheel-dir "$work" "$work/tree" >&2
    $pip install -c "$work/tree/constraints.txt" "$(ls "$work"/soilco2-*.whl)[${EXTRAS:-analysis,dashboard,demo}]" >&2
    touch "$folder/ready"
fi
echo "$folder/bin/soilco2"
