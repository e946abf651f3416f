#!/usr/bin/env bash
# Does what somebody outside does with the bundle: compiles it with plain protoc, and imports what comes out.
#   tools/ci/bundle.sh DIR
set -euo pipefail
dir=$1
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

if grep -rnE '^import .*(buf/validate|google/api/(annotations|http|field_behavior)|protoc-gen-openapi|/(access|rules)\.proto)' "$dir"; then
  echo "the bundle imports what only options need" >&2
  exit 1
fi
mapfile -t files < <(cd "$dir" && find . -name '*.proto' -printf '%P\n' | sort)
mkdir "$out/python" "$out/java"
protoc -I "$dir" --python_out="$out/python" --java_out="$out/java" "${files[@]}"

mapfile -t modules < <(printf '%s\n' "${files[@]%.proto}" | grep -v '^google/' | tr / . | sed 's/$/_pb2/')
# The bundle's google/ and protobuf's own share a package name.
(cd "$out/python" && /usr/bin/python3 - "${modules[@]}" <<'PYTHON'
import importlib, os, sys, google
google.__path__.append(os.path.join(os.getcwd(), "google"))
sys.path.insert(0, os.getcwd())
for name in sys.argv[1:]:
    importlib.import_module(name)
PYTHON
)
java=$(find "$out/java" -name '*.java' | wc -l)
((${#modules[@]} && java)) || { echo "the bundle makes nothing" >&2 && exit 1; }
echo "${#files[@]} protos make ${#modules[@]} Python modules, all importable, and $java Java sources"
