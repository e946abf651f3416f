#!/usr/bin/env bash
# Compares the contract with that of the last release, gen/descriptor/released.binpb: its callers must go on working.
#   BUF=PATH tools/ci/breaking.sh
set -euo pipefail
released=gen/descriptor/released.binpb
"$BUF" build proto -o - | go -C tools run ./contract complete | "$BUF" breaking - --exclude-imports --against "$released" || {
  echo "this breaks callers of the last release, whose contract is $released" >&2
  exit 1
}
echo "nothing breaks"
