#!/bin/sh
# Says what a build of the server is made of:
#   tools/supply.sh SERVER FOLDER
#     FOLDER/sbom.json              CycloneDX, from what the program records of itself
#     FOLDER/THIRD_PARTY_LICENSES   each library with its licence; the repository keeps a copy at its root
#     FOLDER/licenses/              their texts, which travel with the program
# RELEASE names the build. Fails on a licence that is not among the allowed ones, or that nobody recognises.
set -eu
cd "$(dirname "$0")/.."
server=$1 folder=$2
allowed=Apache-2.0,BSD-2-Clause,BSD-3-Clause,ISC,MIT,MPL-2.0,Zlib

export GOWORK=off LC_ALL=C
unset GOOS GOARCH # of the tools, which run here
tool() { go tool -modfile=tools/go.mod -n "$1"; }
cyclonedx=$(tool cyclonedx-gomod)
golicenses=$(tool github.com/google/go-licenses/v2)
mkdir -p "$folder"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
go -C tools build -o "$scratch/licences" ./licences

# quietly runs a tool that has much to say of itself.
quietly() {
  "$@" 2>"$scratch/said" || { cat "$scratch/said" >&2 && exit 1; }
}
# The libraries depend on the machine that the program is for.
export CGO_ENABLED=0 GOOS=linux GOARCH="$(go version -m "$server" | sed -n 's/.*GOARCH=//p')"
module=$(go list -m)
quietly "$golicenses" check --ignore "$module" --allowed_licenses "$allowed" ./server
# It looks up the web address of each licence, which the list leaves out: a proxy that refuses keeps it offline.
http_proxy=http://127.0.0.1:1 https_proxy=http://127.0.0.1:1 \
  quietly "$golicenses" report --ignore "$module" --template tools/supply/licences.tpl ./server >"$folder/THIRD_PARTY_LICENSES"
rm -rf "$folder/licenses" # the tool refuses a folder that is there
quietly "$golicenses" save --ignore "$module" --save_path "$folder/licenses" ./server
mkdir "$folder/licenses/std"
cp "$(go env GOROOT)/LICENSE" "$folder/licenses/std/"

quietly "$cyclonedx" bin -json -noserial -std -version "${RELEASE:-unreleased}" "$server" >"$scratch/sbom.json"
"$scratch/licences" "$folder/THIRD_PARTY_LICENSES" <"$scratch/sbom.json" >"$scratch/licensed.json"
# A release is the same bytes each time: its documents are of the time of its commit.
if [ "${SOURCE_DATE_EPOCH:-}" ]; then
  sed -i "s/\(\"timestamp\": \)\"[^\"]*\"/\1\"$(date -ud "@$SOURCE_DATE_EPOCH" +%FT%TZ)\"/" "$scratch/licensed.json"
fi
cp "$scratch/licensed.json" "$folder/sbom.json"
