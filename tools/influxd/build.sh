#!/bin/sh
# Build a real InfluxDB 2.7.12 from its Go module into a cache folder, once.
# Needs Go, cargo/rustc and a C compiler. Prints the path of the binary on its last line.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
cache=${SOILCO2_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/soilco2}
version=2.7.12
out=$cache/influxd-$version
if [ -x "$out" ]; then echo "$out"; exit 0; fi
for need in go cargo rustc cc; do
    command -v "$need" >/dev/null || { echo "influxd: cannot be built here, '$need' is missing" >&2; exit 3; }
done
work=$cache/build-influxd
mkdir -p "$work/bin"
# flux asks rustup for an old toolchain and denies warnings that newer compilers give: use the installed
# toolchain, and cap the lints from a wrapper (RUSTFLAGS would not reach the build-time half).
if command -v rustup >/dev/null; then
    RUSTUP_TOOLCHAIN=$(cd / && rustup show active-toolchain | cut -d' ' -f1)
    export RUSTUP_TOOLCHAIN
fi
printf '#!/bin/sh\nexec "$@" --cap-lints=warn\n' >"$work/bin/rustc-lenient"
chmod +x "$work/bin/rustc-lenient"
export RUSTC_WRAPPER="$work/bin/rustc-lenient"
cd "$here"
export GOFLAGS=-mod=readonly
go build -o "$work/bin/pkg-config" github.com/influxdata/pkg-config >&2
system=$(command -v pkg-config || true)
case ":$PATH:" in *":$work/bin:"*) ;; *) PATH="$work/bin:$PATH" ;; esac
export PATH PKG_CONFIG="$work/bin/pkg-config"
[ -n "$system" ] || echo "influxd: no pkg-config on this machine; trying without" >&2
go build -trimpath -ldflags "-s -w -X main.version=$version" -o "$out.part" \
    github.com/influxdata/influxdb/v2/cmd/influxd >&2
mv "$out.part" "$out"
echo "$out"
