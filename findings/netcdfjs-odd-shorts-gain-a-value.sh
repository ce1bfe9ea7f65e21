#!/usr/bin/env bash
# netcdfjs 4.0.0 (npm; pure JavaScript reader of NetCDF classic files), file written by netCDF4 1.7.5.1.post1 (PyPI).
# Needs bash, python3, node with npm.
# Valid input: a NetCDF classic file with short (int16) variables. By the format specification the data of a
# variable are padded to four bytes; the padding belongs to no element.
# Expected: as many values as the dimension says: depths 5, 10, 20.
# Seen: an odd number of shorts comes back with one more: the padding is handed out as data (a fourth depth -32767);
# short variables along the record dimension come as pairs [value, padding] instead of values.
# For a soil station: three sensors get a fourth depth, and packed CO2 (int16 with scale_factor) has twice the
# values; with an even count, or float data, all looks right in a test.
# Way round: cut every array to the length of its dimensions, or write float/int32 in files meant for a browser.
set -euo pipefail
d=$(mktemp -d); trap 'rm -rf "$d"' EXIT
python3 -m venv "$d/venv"
"$d/venv/bin/pip" install -q --disable-pip-version-check netCDF4==1.7.5.1.post1 numpy==2.4.6
npm install --silent --no-audit --no-fund --prefer-offline --prefix "$d" netcdfjs@4.0.0 iobuffer@6.0.1 > /dev/null
"$d/venv/bin/python" - "$d/soil.nc" <<'PY'
import sys
import netCDF4
with netCDF4.Dataset(sys.argv[1], "w", format="NETCDF3_CLASSIC") as nc:
    nc.createDimension("time", None)
    nc.createDimension("depth", 3)
    nc.createDimension("tube", 2)
    nc.createVariable("depth", "i2", ("depth",))[:] = [5, 10, 20]
    nc.createVariable("tube", "i2", ("tube",))[:] = [1, 2]
    nc.createVariable("hour", "f8", ("time",))[:] = [0, 1, 2]
    nc.createVariable("co2", "i2", ("time",))[:] = [4125, 4150, 4200]
with netCDF4.Dataset(sys.argv[1]) as nc:
    print("netCDF4 reads :", {k: v[:].tolist() for k, v in nc.variables.items()})
    assert nc["depth"][:].tolist() == [5, 10, 20] and nc["co2"][:].tolist() == [4125, 4150, 4200]
PY
cat > "$d/t.mjs" <<'JS'
import { readFileSync } from 'node:fs';
import { NetCDFReader } from 'netcdfjs';

const version = JSON.parse(readFileSync(new URL('node_modules/netcdfjs/package.json', import.meta.url))).version;
const reader = new NetCDFReader(readFileSync(new URL('soil.nc', import.meta.url)));
const seen = Object.fromEntries(reader.variables.map((v) => [v.name, reader.getDataVariable(v.name)]));
console.log(`netcdfjs ${version}: ${JSON.stringify(seen)}`);
const depths = reader.dimensions.find((x) => x.name === 'depth').size;
console.log(`dimension depth has size ${depths}, the variable depth ${seen.depth.length} values`);
if (JSON.stringify(seen.tube) !== '[1,2]' || JSON.stringify(seen.hour) !== '[0,1,2]') {
  console.log('CHANGED: even shorts or doubles are no longer read as expected.');
  process.exit(1);
}
const pairs = seen.co2.length === 3 && seen.co2.every((x, i) => Array.isArray(x) && x.length === 2 && x[0] === [4125, 4150, 4200][i]);
if (seen.depth.length !== 4 || seen.depth.slice(0, 3).join() !== '5,10,20' || !pairs) {
  console.log('CHANGED: the padding of short variables is no longer given out as data.');
  process.exit(1);
}
console.log('STILL SO: padding bytes come out as a fourth depth and as a second CO2 value in every record.');
JS
node "$d/t.mjs"
