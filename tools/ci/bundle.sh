#!/usr/bin/env bash
# Does what somebody outside does with the bundle: runs the commands of docs/stubs.md in a folder that holds the bundle,
# and this repository's buf.yaml as in a clone, and looks at what comes out.
#   tools/ci/bundle.sh
set -euo pipefail
cd "$(dirname "$0")/../.."
out=$(mktemp -d)
trap 'chmod -R u+w "$out"; rm -rf "$out"' EXIT
mkdir "$out/gen" "$out/bin"
cp -r gen/bundle "$out/gen/"
cp buf.yaml "$out/"
export GOBIN=$out/bin PATH=$out/bin:$PATH

if grep -rnE '^import .*(buf/validate|google/api/|protoc-gen-openapi|/(access|rules)\.proto)' gen/bundle; then
  echo "the bundle imports what only options need" >&2
  exit 1
fi
unnamed=$(grep -rL --include='*.proto' '^option go_package = ' gen/bundle) || true
[[ -z $unnamed ]] || { echo "without go_package: $unnamed" >&2 && exit 1; }

# The blocks that are meant to run, each a command or two.
awk -v at="$out/block" '/^```sh$/ {n++; on = 1; next} /^```/ {on = 0} on {print > (at n)}' docs/stubs.md
blocks=("$out"/block*)
((${#blocks[@]} >= 6)) || { echo "docs/stubs.md holds no commands" >&2 && exit 1; }
for n in "${!blocks[@]}"; do
  began=$SECONDS
  sed 's/^/  $ /' "$out/block$((n + 1))" | cut -c1-160
  (cd "$out" && bash -euo pipefail "block$((n + 1))" >said 2>&1) || { cat "$out/said" && exit 1; }
  echo "  $((SECONDS - began)) s"
done

cd "$out/stubs"
services=$(grep -rlE '^service ' ../gen/bundle/cegid | wc -l)
# holds LANGUAGE PATTERN LEAST: at least so many files of that name.
holds() {
  local found
  found=$(find "$1" -name "$2" | wc -l)
  ((found >= $3)) || { echo "$1 holds $found $2, not $3" >&2 && exit 1; }
}
messages=$(find ../gen/bundle/cegid -name '*.proto' | wc -l)
holds python '*_pb2.py' "$messages"
holds python '*_pb2.pyi' "$messages"
holds python '*_pb2_grpc.py' "$services"
holds typescript '*_pb.ts' "$((messages + 3))" # with those of google/rpc
holds java '*ServiceGrpc.java' "$services"
holds kotlin '*Kt.kt' "$messages"
holds go '*.pb.go' "$((messages + services))"
holds csharp '*.cs' "$messages"
holds cpp '*.grpc.pb.cc' "$services"
holds ruby '*_services_pb.rb' "$services"
holds php '*ServiceClient.php' "$services"

(
  cd python && ../../.venv/bin/python - <<'PYTHON'
import importlib, pathlib, sys
sys.path.insert(0, ".")
modules = [".".join(p.with_suffix("").parts) for p in pathlib.Path("cegid").rglob("*_pb2*.py")]
for name in modules + ["google.rpc.error_details_pb2", "google.rpc.status_pb2", "google.rpc.code_pb2"]:
    importlib.import_module(name)
print(len(modules), "Python modules can be imported")
PYTHON
)
../node_modules/.bin/tsc --noEmit --strict --skipLibCheck --target es2022 --module nodenext --moduleResolution nodenext \
  $(find typescript -name '*.ts')
# With the versions that this repository pins: they are there already.
sed 's,^module .*,module example.com/stubs,; /^tool /d' "$OLDPWD/go.mod" >go/go.mod
cp "$OLDPWD/go.sum" go/
go -C go build -mod=mod ./...
echo "$messages protos make stubs of 9 languages"
