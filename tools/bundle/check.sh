#!/bin/sh
# Prove a bundle: install it in a network namespace without a route, and go through a first lesson there.
# Use: tools/bundle/check.sh FOLDER
set -eu
bundle=$(cd "${1:?a bundle is expected}" && pwd)
box=$(mktemp -d)
trap 'rm -rf "$box"' EXIT
unshare -rn sh -eu -c '
    ip link set lo up 2>/dev/null || true
    if python3 -c "import socket; socket.create_connection((\"192.0.2.1\", 80), 2)" 2>/dev/null; then echo "there is a network" >&2; exit 1; fi
    HOME='"$box"' sh '"$bundle"'/install.sh '"$box"'/soilco2
    cd '"$box"'
    export HOME='"$box"' SOILCO2_STATE='"$box"'/state
    time soilco2/bin/soilco2 teach start soil-profile --lang zh --level 1 --name test --no-open
    soilco2/bin/soilco2 teach check soil-profile-zh-1 >/dev/null && exit 1
    soilco2/bin/soilco2 teach progress soil-profile-zh-1
    soilco2/bin/python - <<EOF
import nbclient, nbformat
book = nbformat.read("soil-profile-zh-1/01_read.ipynb", as_version=4)
nbclient.NotebookClient(book, timeout=300, allow_errors=True, resources={"metadata": {"path": "soil-profile-zh-1"}}).execute()
bad = {o.ename for c in book.cells if c.cell_type == "code" for o in c.outputs if o.output_type == "error"}
assert bad == {"UnansweredError"}, bad
print("the first notebook runs without a network")
EOF
'
