#!/usr/bin/env bash
# Installs the pinned tools into FOLDER: node_modules and venv.
#   tools/clients/install.sh FOLDER
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cp "$here"/package*.json "$1"
npm --prefix "$1" ci --ignore-scripts --no-audit --no-fund --loglevel=error
/usr/bin/python3 -m venv "$1/venv"
"$1/venv/bin/pip" install --quiet --disable-pip-version-check --require-hashes -r "$here/requirements.txt"
