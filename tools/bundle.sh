#!/bin/sh
# A folder for a USB stick from which soilco2 with its notebooks installs without a network.
# Use: tools/bundle.sh FOLDER      (needs the network, once; for machines like this one)
#   PYTHON=python3.12              another Python to get the packages for
set -eu
cd "$(dirname "$0")/.."
out=${1:?'a folder is expected, such as: tools/bundle.sh dist/soilco2-usb'}
python=${PYTHON:-python3}
[ ! -e "$out" ] || { echo "$out is there already; name another folder or remove it" >&2; exit 2; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$python" -m venv "$work/venv" || { echo "Python's venv module does not work here (on Debian: apt install python3-venv)" >&2; exit 2; }
pip="$work/venv/bin/python -m pip --disable-pip-version-check"
$pip install --quiet --upgrade 'pip>=25.1'
$pip wheel --quiet --no-deps --wheel-dir "$work/own" .
wheel=$(ls "$work"/own/soilco2-*.whl)
mkdir -p "$out.new/packages"
$pip wheel --quiet --wheel-dir "$out.new/packages" -c constraints.txt "$wheel[hub,dashboard,documents,demo]" pip
cp tools/bundle/install.sh tools/bundle/README.txt "$out.new/"
mkdir "$out.new/class" "$out.new/docs"
cp tools/class/jupyterhub_config.py tools/class/measure.py "$out.new/class/"
cp docs/howto/teach.md docs/howto/teach.zh.md docs/howto/class.md docs/howto/class.zh.md "$out.new/docs/"
"$python" -c 'import sys, platform; print(f"Python {sys.version_info[0]}.{sys.version_info[1]}, {platform.system()} {platform.machine()}")' \
    > "$out.new/made-for.txt"
(cd "$out.new" && find . -type f ! -name SHA256SUMS -print0 | sort -z | xargs -0 sha256sum > "$work/sums" && mv "$work/sums" SHA256SUMS)
mv "$out.new" "$out"
du -sh "$out" | cut -f 1 | xargs -I{} echo "$out: {}, for $(cat "$out/made-for.txt")"
