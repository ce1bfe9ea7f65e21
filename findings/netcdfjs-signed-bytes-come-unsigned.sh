#!/usr/bin/env bash
# netcdfjs 4.0.0 (npm; pure JavaScript reader of NetCDF classic files), file written by netCDF4 1.7.5.1.post1 (PyPI).
# Needs bash, python3, node with npm.
# Valid input: a NetCDF classic file with a byte variable. The format specification and CF know NC_BYTE in classic
# files as a signed 8-bit integer, -128 to 127.
# Expected: -5, -1, 0, 5, and the fill value -127 as -127 (the attribute says so).
# Seen: negative bytes come as 251, 255, 129 (each in an array of its own). The attribute _FillValue goes through the
# same reader and turns into 129 too, so comparing with it does work; comparing with the -127 of the file's
# description, or with valid_range (196 to 60), does not.
# For a soil station: winter soil temperatures packed in bytes jump from -1 to 255, a status of -1 is 255.
# Way round: Int8Array.from(values.flat()), for data and attributes alike, wherever type is "byte".
set -euo pipefail
d=$(mktemp -d); trap 'rm -rf "$d"' EXIT
python3 -m venv "$d/venv"
"$d/venv/bin/pip" install -q --disable-pip-version-check netCDF4==1.7.5.1.post1 numpy==2.4.6
npm install --silent --no-audit --no-fund --prefer-offline --prefix "$d" netcdfjs@4.0.0 iobuffer@6.0.1 > /dev/null
"$d/venv/bin/python" - "$d/soil.nc" <<'PY'
import sys
import netCDF4
import numpy as np
with netCDF4.Dataset(sys.argv[1], "w", format="NETCDF3_CLASSIC") as nc:
    nc.createDimension("time", 8)
    v = nc.createVariable("soil_temperature", "i1", ("time",), fill_value=-127)
    v.units = "degC"
    v.valid_range = np.array([-60, 60], "i1")
    v.set_auto_mask(False)
    v[:] = np.array([-5, -1, 0, 5, 20, -20, 60, -127], "i1")
    print("netCDF4 reads :", v[:].tolist(), "_FillValue", int(v._FillValue), "valid_range", v.valid_range.tolist())
PY
cat > "$d/t.mjs" <<'JS'
import { readFileSync } from 'node:fs';
import { NetCDFReader } from 'netcdfjs';

const version = JSON.parse(readFileSync(new URL('node_modules/netcdfjs/package.json', import.meta.url))).version;
const reader = new NetCDFReader(readFileSync(new URL('soil.nc', import.meta.url)));
const variable = reader.variables.find((v) => v.name === 'soil_temperature');
const values = reader.getDataVariable('soil_temperature').flat();
const attributes = Object.fromEntries(variable.attributes.map((a) => [a.name, a.value]));
console.log(`netcdfjs ${version}: type ${variable.type}, ${JSON.stringify(values)}, attributes ${JSON.stringify(attributes)}`);
if (values.join() !== '251,255,0,5,20,236,60,129') {
  console.log('CHANGED: bytes of a classic file are no longer read as unsigned.');
  process.exit(1);
}
console.log(`by Int8Array: ${Int8Array.from(values).join(', ')}`);
console.log('STILL SO: -5 degC is 251, -1 is 255.');
JS
node "$d/t.mjs"
