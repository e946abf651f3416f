#!/bin/sh
# Builds the server as it is shipped: static, and the same bytes from the same sources wherever they lie.
#   tools/build.sh FILE    RELEASE names the build, REVISION its git commit (that of the checkout); GOOS and GOARCH choose the machine.
set -eu
cd "$(dirname "$0")/.."
export CGO_ENABLED=0 GOWORK=off GOFLAGS= GOTOOLCHAIN=local
# GOAMD64 and the like would make other bytes: the defaults run everywhere.
unset GOAMD64 GOARM64 GOEXPERIMENT GODEBUG
revision=${REVISION-$(git rev-parse HEAD 2>/dev/null || true)}
exec go build -trimpath -buildvcs=false -ldflags "-s -w -buildid= -X main.release=${RELEASE:-unreleased} -X main.revision=$revision" -o "$1" ./server
