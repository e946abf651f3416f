#!/usr/bin/env bash
# Runs COMMAND while Azurite, Azure's emulator of its blob storage, listens: LOOP_TEST_AZURITE says where.
#   tools/ci/azurite.sh FOLDER COMMAND...     FOLDER is where it is installed, of tools/azurite
set -euo pipefail
folder=$1
shift
mkdir -p "$folder"
cp "$(dirname "$0")"/../azurite/package*.json "$folder"
npm --prefix "$folder" ci --ignore-scripts --no-audit --no-fund --loglevel=error >&2
touch "$folder/said" # which is read before a busy machine has begun to write it
# Without the last option it refuses the version of the API that the SDK speaks.
node "$folder/node_modules/azurite/dist/src/blob/main.js" --silent --inMemoryPersistence --disableTelemetry \
  --blobHost 127.0.0.1 --blobPort 0 --skipApiVersionCheck >"$folder/said" 2>&1 &
pid=$!
trap 'kill "$pid" 2>/dev/null || true' EXIT
for ((i = 0; i < 300; i++)); do
  origin=$(sed -n 's/.*successfully listens on //p' "$folder/said")
  [[ -z $origin ]] || break
  kill -0 "$pid" 2>/dev/null || break
  sleep 0.1
done
if [[ -z $origin ]]; then
  cat "$folder/said" >&2
  echo "Azurite does not start" >&2
  exit 1
fi
LOOP_TEST_AZURITE=$origin/devstoreaccount1 "$@"
