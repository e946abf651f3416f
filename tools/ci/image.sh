#!/usr/bin/env bash
# Builds the image for real and uses it, without a container engine: with buildah, as root, in throw-away storage. The
# golang image cannot be had everywhere, so the machine's own toolchain replaces it under the same name.
#   tools/ci/image.sh [BINARY]    also compares /server with BINARY, byte by byte; RELEASE names the build
# Chroot isolation shares the machine's network and ignores read_only, capabilities and limits: those stay untested.
set -euo pipefail
release=${RELEASE:-unreleased} revision=$(git rev-parse HEAD)
port=$((20000 + RANDOM % 10000)) # below those that the kernel gives out
root=$(mktemp -d)
export CONTAINERS_STORAGE_CONF=$root/storage.conf BUILDAH_ISOLATION=chroot TMPDIR=$root/tmp
export CONTAINERS_REGISTRIES_CONF=$root/registries.conf
builder=$(sed -n 's/^ARG BUILDER=//p' Dockerfile)
: "${builder:?the Dockerfile has no golang stage}"
running=
set -m # what runs in the image gets a process group of its own
cleanup() {
  [[ -z $running ]] || kill -TERM -- "-$running" 2>/dev/null || true
  buildah rm --all >/dev/null 2>&1 || true
  rm -rf "$root"
}
trap cleanup EXIT
fail() {
  echo "$*" >&2
  exit 1
}

mkdir -p "$root"/{mini/{bin,tmp,root,etc/ssl/certs},tmp/buildah-cache/go}
printf '[storage]\ndriver="vfs"\nrunroot="%s/run"\ngraphroot="%s/graph"\n' "$root" "$root" >"$root/storage.conf"
printf 'unqualified-search-registries=[]\nshort-name-mode="disabled"\n' >"$root/registries.conf"
# The Dockerfile's cache of compiled packages begins as the machine's: its keys are content.
ln -s "$(go env GOCACHE)" "$root/tmp/buildah-cache/go/build"
# All .info files too, which a build alone does not fetch.
go mod download
go -C tools mod download

cp /bin/busybox "$root/mini/bin/"
/bin/busybox --list | grep -vx busybox | (cd "$root/mini/bin" && xargs -n 1 ln -s busybox)
echo 'root:x:0:0::/root:/bin/sh' >"$root/mini/etc/passwd"
cp /etc/ssl/certs/ca-certificates.crt "$root/mini/etc/ssl/certs/"
chmod 1777 "$root/mini/tmp"
stage=$(buildah from scratch)
buildah add -q "$stage" "$root/mini" / >/dev/null
buildah add -q "$stage" "$(go env GOROOT)" /usr/local/go >/dev/null
buildah config --env PATH=/usr/local/go/bin:/bin --env GOPATH=/go --env GOTOOLCHAIN=local --env GOPROXY=file:///goproxy \
  --env GOSUMDB=off --workingdir /go "$stage"
buildah commit -q --rm "$stage" "$builder" >/dev/null
echo "stand-in for $builder after $SECONDS s"

# HEALTHCHECK exists in Docker's format alone.
buildah bud -q --pull-never --layers=false --network=none --format docker \
  --platform "linux/$(go env GOARCH)" --build-arg RELEASE="$release" --build-arg REVISION="$revision" \
  --volume "$(go env GOMODCACHE)/cache/download:/goproxy:ro" -t gateway:ci . >/dev/null
echo "image after $SECONDS s"

config() { buildah inspect --type image --format "{{$1}}" gateway:ci; }
expect() { [[ $2 == "$3" ]] || fail "the image's $1 is $2; want $3"; }
expect user "$(config .Docker.Config.User)" 65532:65532
expect entrypoint "$(config .Docker.Config.Entrypoint)" '[/server]'
expect command "$(config .Docker.Config.Cmd)" '[serve --config /etc/loop/gateway.yaml]'
expect 'health check' "$(config .Docker.Config.Healthcheck.Test)" '[CMD /server healthcheck --config /etc/loop/gateway.yaml]'
expect volumes "$(config .Docker.Config.Volumes)" 'map[/data:{}]'
expect ports "$(config .Docker.Config.ExposedPorts)" 'map[8080/tcp:{} 9090/tcp:{}]'
# Memory is fitted to the container's limit at the start.
[[ $(config .Docker.Config.Env) != *GOGC* && $(config .Docker.Config.Env) != *GOMEMLIMIT* ]] || fail "the image's environment is $(config .Docker.Config.Env)"
expect release "$(config 'index .Docker.Config.Labels "org.opencontainers.image.version"')" ci

expect revision "$(config 'index .Docker.Config.Labels "org.opencontainers.image.revision"')" "$revision"

container=$(buildah from --pull-never gateway:ci)
files=$(buildah mount "$container")
buildah config --volume /data- "$container" # the volume's first content, where it can be looked at
inside() { buildah run "$container" -- "$@"; }
# One program, nothing to run another with, nothing to link against.
mapfile -t programs < <(find "$files" -type f -perm /111 -printf '/%P\n')
expect programs "${programs[*]}" /server
[[ ! -e $files/bin && ! -e $files/lib ]] || fail "the image has a bin or lib folder"
! LC_ALL=C grep -qa 'ld-linux' "$files/server" || fail "/server is linked dynamically"
expect 'owner of /data' "$(stat -c %u:%g "$files/data")" 65532:65532
expect 'mode of /tmp' "$(stat -c %a "$files/tmp")" 1777
loose=$(find "$files" ! -path "$files/data" \( -user 65532 -o -perm -0002 ! -type l ! -path "$files/tmp" \))
[[ -z $loose ]] || fail "its user may change these: $loose"
grep -q BEGIN "$files/etc/ssl/certs/ca-certificates.crt"
cmp "$files/THIRD_PARTY_LICENSES" THIRD_PARTY_LICENSES
grep -q '"specVersion"' "$files/sbom.json"
[[ -f $files/usr/share/licenses/server/std/LICENSE ]] || fail "the image lacks the texts of the licences"
if [[ ${1:-} ]]; then
  cmp "$files/server" "$1" || fail "/server is not what tools/build.sh makes outside of the image"
  echo "/server is the same outside of the image: SHA-256 $(sha256sum <"$1" | cut -d' ' -f1)"
fi
echo "image of $(du -sm --apparent-size "$files" | cut -f1) MB, /server $(du -m --apparent-size "$files/server" | cut -f1) MB"

inside /server version | grep " $release go1.* $revision$" || fail "version does not name the release"
! inside /server healthcheck --config /etc/loop/gateway.yaml 2>"$root/said" || fail "healthy before it runs"
grep '8080: connect: connection refused (there is no /etc/loop/gateway.yaml, so a sandbox was asked)' "$root/said" || fail "unhealthy for another reason: $(cat "$root/said")"

# await waits until what runs in the image says of itself that it takes calls.
await() {
  for _ in {1..100}; do
    ! inside /server healthcheck --config /etc/loop/gateway.yaml "$@" >/dev/null 2>&1 || return 0
    kill -0 "$running" 2>/dev/null || break
    sleep 0.1
  done
  fail "not healthy: $(cat "$root"/log)"
}
# finish ends the program with that command line, which must run as the image's user and end in order.
finish() {
  local pid
  pid=$(pgrep -f "^/server $1")
  expect 'user of the process' "$(stat -c %u:%g "/proc/$pid")" 65532:65532
  kill -TERM "$pid"
  wait "$running" || fail "it ended with code $?: $(cat "$root"/log)"
  running=
}

# The sandbox, on ports of its own.
inside /server sandbox --http $port --grpc 0 --operations 0 --simulator 0 --token image-token >"$root/log" 2>&1 &
running=$!
await --address 127.0.0.1:$port
api=http://127.0.0.1:$port/v1/practices/demo/dossiers/CEGID001
answer=$(curl -s -H 'Authorization: Bearer image-token' -H 'Idempotency-Key: FA-IMAGE' -d @examples/sale.json "$api/imports")
grep -q '"requestId":"FA-IMAGE"' <<<"$answer" || fail "an import: $answer"
curl -s -N -H 'Authorization: Bearer image-token' "$api/imports/FA-IMAGE:watch" | tail -1 | grep -o 'IMPORT_STATE_SUCCEEDED' || fail 'the import is not booked'
expect 'answer to another token' "$(curl -s -o /dev/null -w '%{http_code}' -H 'Authorization: Bearer other' "$api/imports/FA-IMAGE")" 401
finish "sandbox --http $port "

# Serve, as deploy/ has it: a ledger made in the volume, a certificate that names no loopback.
mkdir -p "$files/etc/loop/secrets"
cp deploy/loop/gateway.yaml deploy/loop/policy.yaml "$files/etc/loop/"
echo "listen: {grpc: '127.0.0.1:0', http: '127.0.0.1:$port', operations: '127.0.0.1:0'}" >>"$files/etc/loop/gateway.yaml"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 -subj /CN=gateway -addext subjectAltName=DNS:gateway.example \
  -out "$files/etc/loop/tls.crt" -keyout "$files/etc/loop/secrets/tls.key" 2>/dev/null
for name in subscription-primary subscription-secondary exemple-standard; do echo "placeholder:$name" >"$files/etc/loop/secrets/$name"; done
chown -R 65532:65532 "$files/etc/loop/secrets"
inside /server ledger init --ledger /data/ledger.db
expect 'owner of the ledger' "$(stat -c '%u:%g %a' "$files/data/ledger.db")" '65532:65532 600'
inside /server serve --config /etc/loop/gateway.yaml >"$root/log" 2>&1 &
running=$!
await
inside /server healthcheck --config /etc/loop/gateway.yaml | grep -x ready
finish 'serve --config'
echo "all after $SECONDS s"
