#!/usr/bin/env bash
# netcdf3 0.6.1 (Rust crate; NetCDF-3 reader and writer without the C library), file read back by netCDF4
# 1.7.5.1.post1 (PyPI; on the reference C library). Needs bash, python3, cargo.
# Valid input: one int16 series along the unlimited dimension, written through the crate's own API. The NetCDF classic
# format specification has a special case: with exactly ONE record variable of a byte, char or short type, records
# are not padded to four bytes.
# Expected: 400, 401, 402, 403, 404 in, the same out.
# Seen: the writer pads all the same; a reader that keeps to the specification gets 400, missing, 401, missing, 402:
# every second value is fill, the later half of the series is lost, the length is right. The crate reads its own file
# back without a flaw, so its own round trip proves nothing; with a second record variable all is well.
# For a soil station: a logger program in Rust that stores one packed CO2 series writes files nobody else can read.
# Way round: write i32 or f32, or add a second record variable (time belongs there anyway); check with ncdump.
set -euo pipefail
d=$(mktemp -d); trap 'rm -rf "$d"' EXIT
python3 -m venv "$d/venv"
"$d/venv/bin/pip" install -q --disable-pip-version-check netCDF4==1.7.5.1.post1 numpy==2.4.6
mkdir -p "$d/w/src"
cat > "$d/w/Cargo.toml" <<'TOML'
[package]
name = "w"
version = "0.1.0"
edition = "2021"

[dependencies]
netcdf3 = "=0.6.1"

[profile.dev]
debug = false
TOML
cat > "$d/w/src/main.rs" <<'RUST'
use netcdf3::{DataSet, FileReader, FileWriter, Version};

fn write(path: &str, with_time: bool) {
    let mut set = DataSet::new();
    set.set_unlimited_dim("time", 5).unwrap();
    if with_time {
        set.add_var_f64("time", &["time"]).unwrap();
    }
    set.add_var_i16("co2", &["time"]).unwrap();
    let mut file = FileWriter::open(path).unwrap();
    file.set_def(&set, Version::Classic, 0).unwrap();
    if with_time {
        file.write_var_f64("time", &[0.0, 1.0, 2.0, 3.0, 4.0]).unwrap();
    }
    file.write_var_i16("co2", &[400, 401, 402, 403, 404]).unwrap();
    file.close().unwrap();
    let again = FileReader::open(path).unwrap().read_var("co2").unwrap();
    println!("netcdf3 reads its own {}: {:?}", if with_time { "time and co2" } else { "co2 alone  " }, again);
}

fn main() {
    let folder = std::env::args().nth(1).unwrap();
    write(&format!("{folder}/one.nc"), false);
    write(&format!("{folder}/two.nc"), true);
}
RUST
CARGO_TARGET_DIR="$d/target" cargo run -q --manifest-path "$d/w/Cargo.toml" -- "$d"
grep -A1 -m1 'name = "netcdf3"' "$d/w/Cargo.lock"
cat > "$d/t.py" <<'PY'
import sys
import netCDF4


def co2(name):
    with netCDF4.Dataset(f"{sys.argv[1]}/{name}.nc") as nc:
        return nc["co2"][:].tolist()


one, two = co2("one"), co2("two")
print("netCDF4 reads time and co2:", two)
print("netCDF4 reads co2 alone   :", one)
assert two == [400, 401, 402, 403, 404], "the file with two record variables is no longer right"
if one != [400, None, 401, None, 402]:
    sys.exit("CHANGED: a lone int16 record variable is no longer written with padding between the records.")
print("STILL SO: half of the lone series is fill, the other half of the values is lost.")
PY
"$d/venv/bin/python" "$d/t.py" "$d"
