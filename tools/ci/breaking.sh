#!/usr/bin/env bash
# Compares the contract with that of the last tag, whose callers must go on working. Before the first tag nobody is
# promised anything: it compares with the last commit, and only reports.   BUF=PATH tools/ci/breaking.sh
set -euo pipefail
image=gen/descriptor/loop.binpb
before=$(mktemp --suffix=.binpb)
trap 'rm -f "$before"' EXIT

tag=$(git describe --tags --abbrev=0 2>/dev/null || true)
base=${tag:-HEAD~1}
if ! git show "$base:$image" >"$before" 2>/dev/null; then
  [[ -z $tag ]] || { echo "$tag holds no $image" >&2 && exit 1; }
  echo "no earlier contract to compare with"
  exit 0
fi
echo "compared with $base"
if "$BUF" breaking proto --exclude-imports --against "$before"; then
  echo "nothing breaks"
elif [[ $tag ]]; then
  echo "this breaks callers of $tag" >&2
  exit 1
else
  echo "reported only: no tag yet"
fi
