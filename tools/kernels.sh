#!/bin/sh
# Tests of the analysis with OpenBLAS kernels for old processors and without numpy's wide instructions: what is
# answered or refused must not hang on rounding. Both kernels ask for less than any x86-64 that numpy runs on has.
set -u
cd "$(dirname "$0")/.."
case "$(uname -m)" in
x86_64 | amd64) ;;
*)
    echo "kernels: nothing to try on $(uname -m), the kernels are those of x86-64"
    exit 0
    ;;
esac
python=.venv/bin/python
# by the names of the installed numpy, which warns of any other; empty where the machine has no more than the baseline
wide=$($python -c 'import numpy; print(*numpy.show_config("dicts")["SIMD Extensions"].get("found", []))') || exit 1
failed=0

try() {
    $python - <<'END' || failed=1
import os, pathlib
import numpy, scipy.linalg, threadpoolctl

# OpenBLAS reports Prescott by the name of an older kernel that is the same one, Katmai
used = [f"{pathlib.Path(one['filepath']).parent.name} {one['architecture']}" for one in threadpoolctl.threadpool_info()]
off = os.environ.get("NPY_DISABLE_CPU_FEATURES")
print(f"OPENBLAS_CORETYPE={os.environ['OPENBLAS_CORETYPE']}:", *sorted(used), f"numpy without {off}" if off else "")
END
    $python -m pytest tests/analysis ${PYTEST_ARGS:-} || failed=1
}

export OPENBLAS_CORETYPE=Nehalem
try
export OPENBLAS_CORETYPE=Prescott NPY_DISABLE_CPU_FEATURES="$wide"
try
exit $failed
