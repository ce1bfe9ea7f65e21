#!/bin/sh
# Get the real parts that tests use, as far as this machine allows: broker, browser, fonts, InfluxDB.
# What cannot be had is named; the tests that need it are then skipped (or fail, with SOILCO2_REQUIRE=all).
set -u
cd "$(dirname "$0")/.."
missing=''
command -v mosquitto >/dev/null || [ -x /usr/sbin/mosquitto ] || missing="$missing mosquitto"
command -v chromium >/dev/null || missing="$missing chromium"
[ -n "$(find /usr/share/fonts -name 'NotoSansCJK*' 2>/dev/null | head -n 1)" ] || missing="$missing fonts-noto-cjk"
if [ -n "$missing" ]; then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        echo "getting$missing"
        { apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $missing; } \
            >/dev/null || echo "could not get$missing"
        # the package starts a system service; tests and demo start brokers of their own
        [ -d /run/systemd/system ] && systemctl disable --now mosquitto >/dev/null 2>&1
    else
        echo "not there:$missing (on Debian: apt install$missing)"
    fi
fi
tools/influxd/build.sh >/dev/null || echo "no real InfluxDB: see above"
exit 0
