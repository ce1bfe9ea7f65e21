#!/bin/sh
# Install soilco2 with its notebooks from this folder; no network is used.
# 从本文件夹安装 soilco2 和教学笔记本，不使用网络。
# Use / 用法: sh install.sh [FOLDER]        (soilco2 in your home folder if left out / 默认装到家目录下的 soilco2)
set -eu
here=$(cd "$(dirname "$0")" && pwd)
target=${1:-$HOME/soilco2}
python=${PYTHON:-python3}
command -v "$python" >/dev/null || { echo "Python is not here / 这里没有 Python；$(cat "$here/made-for.txt")" >&2; exit 2; }
wanted=$(cut -d, -f 1 "$here/made-for.txt")
found=$("$python" -c 'import sys; print(f"Python {sys.version_info[0]}.{sys.version_info[1]}")')
[ "$wanted" = "$found" ] || {
    echo "this folder was made for $wanted, here is $found; set PYTHON to one that fits" >&2
    echo "本文件夹适用于 $wanted，这里是 $found；用 PYTHON 指定合适的版本" >&2
    exit 2
}
(cd "$here" && sha256sum --quiet -c SHA256SUMS) || { echo "the copy is damaged; copy the folder again / 复制不完整，请重新复制" >&2; exit 2; }
"$python" -m venv "$target"
PIP_CONFIG_FILE=/dev/null "$target/bin/python" -m pip install --quiet --disable-pip-version-check --no-index \
    --find-links "$here/packages" 'soilco2[hub,dashboard,documents,demo]'
"$target/bin/soilco2" --version
echo "ready / 完成: $target/bin/soilco2 teach start soil-profile --lang zh"
