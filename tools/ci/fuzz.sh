#!/usr/bin/env bash
# Fuzzes each target with COUNT inputs, the first MOST targets: enough to find what a change broke outright. A count, because
# Go fails a target at the end of a time now and then, without an input that fails (golang/go#75804). Inputs that reach new
# code are hardly shortened, as that alone could take a minute for each.
#   tools/ci/fuzz.sh COUNT MOST
set -euo pipefail
found=0
while IFS=: read -r file declaration; do
  if ((++found > $2)); then
    echo "left out: ${declaration#func } in $file"
    continue
  fi
  package=./$(dirname "$file")
  echo "${declaration#func } in $package"
  go test -run '^$' -fuzz "^${declaration#func }\$" -fuzztime "${1}x" -fuzzminimizetime 100x "$package"
done < <(git grep -oE '^func Fuzz[A-Za-z0-9_]*' -- '*_test.go' ':!tools')
echo "$found targets"
