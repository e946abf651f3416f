#!/usr/bin/env bash
# Regenerates the folders below gen/ from proto/, with nothing but the Go module proxy.
#   gen/go          messages, services, gateway        gen/openapi/openapi.json   one OpenAPI 3.1 document
#   gen/descriptor  the contract as a descriptor set,   gen/bundle                protos that need no other import, and
#                   and its comments                                              the gRPC service config
set -euo pipefail
export LC_ALL=C
cd "$(dirname "$0")/.."
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
new=$scratch/gen

# `go tool` costs a quarter of a second each time; -n builds the program if need be and says where it is.
buf=$(go tool -modfile=tools/buf/go.mod -n buf)
merge=$(go tool -modfile=tools/go.mod -n openapiv3-merge)
go -C tools build -o "$scratch/" ./contract ./protoc-gen-go-encode

go run ./proto/thirdparty >"$scratch/thirdparty.binpb"
"$scratch/contract" print third_party <"$scratch/thirdparty.binpb"

# image BUF-OPTION... prints the contract as descriptors, with the options that lists leave to their service.
image() { "$buf" build -o - "$@" | "$scratch/contract" complete; }

image proto >"$scratch/contract.binpb"
PATH=$scratch:$PATH "$buf" generate "$scratch/contract.binpb" -o "$scratch"

mkdir -p "$new/descriptor"
# Without source positions the image changes only with the contract.
image proto --exclude-source-info >"$new/descriptor/loop.binpb"
image --path proto/cegid --path third_party/google/rpc >"$scratch/commented.binpb"
"$scratch/contract" comments cegid/ <"$scratch/commented.binpb" >"$new/descriptor/comments.json"
"$scratch/contract" bundle "$new/bundle" cegid/,google/rpc/ "$(go list -m)/gen/go" <"$scratch/commented.binpb"
# A module of its own, or buf would look for it in the one above it.
printf '%s\n' '# Written by tools/generate.sh. Do not edit.' 'version: v2' >"$new/bundle/buf.yaml"
"$scratch/contract" serviceconfig <"$new/descriptor/loop.binpb" >"$new/bundle/service_config.json"

# The first document gives the merged one its title and servers.
mapfile -t documents < <(find "$new/openapi" -name '*.openapi.json' ! -name 'reference_data_service.*' | sort)
"$merge" "$new/openapi/cegid/loop/v1/reference_data_service.openapi.json" "${documents[@]}" >"$scratch/merged.json"
reference=server/internal/reference # go run ./$reference writes reasons.json
"$scratch/contract" openapi "$(cat VERSION)" "$new/descriptor/loop.binpb" proto/openapi-extra.json "$new/descriptor/comments.json" \
  $reference/reasons.json $reference/examples.json <"$scratch/merged.json" >"$scratch/openapi.json"
rm -r "$new/openapi"
install -D -m 644 "$scratch/openapi.json" "$new/openapi/openapi.json"

# Only now, so that a faulty contract leaves gen/ as it was; gen/embed.go is written by hand.
mkdir -p gen
cp gen/descriptor/released.binpb "$new/descriptor/" # the contract of the last release, which tools/release.sh compares
for part in go openapi descriptor bundle; do
  rm -rf "gen/$part"
  cp -r "$new/$part" gen/
done
