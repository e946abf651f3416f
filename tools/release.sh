#!/usr/bin/env bash
# Makes a release of what is checked out: the same bytes each time, wherever the checkout lies.
#   tools/release.sh [--draft] [--parts LIST] FOLDER
#     FOLDER/                       must not be there yet
#       README.md                                 what lies here, and how to begin: docs/how-to/start-without-go.md
#       loop-gateway-VERSION-linux-ARCH.tar.gz    the program, its licences, what deploy/ holds; for amd64 and arm64
#       loop-gateway-VERSION-image-ARCH.tar.gz    the image, unpacked: docker load, podman load, skopeo copy docker-archive:
#       loop-gateway-VERSION-contract.tar.gz      protos for any language's protoc, and the OpenAPI document
#       loop-gateway-VERSION-docs.tar.gz          README, docs/, examples/, and what they lead to
#       sbom-ARCH.json                            CycloneDX
#       helm/ python/ npm/                        the chart, the packages for callers
#       BUILD                                     what it was made with: the same makes the same bytes
#       SHA256SUMS, SHA256SUMS.sig                of all of it, and the owner's signature
#   RELEASE_KEY=FILE  the owner's private key, of ssh-keygen -t ed25519; its public half is in SIGNERS.
#   --draft           without signature, tag and the address in SECURITY.md, and with changes that are not committed.
#   --parts           of programs,image,contract,docs,chart,packages; all by default.
# Needs Go; for the image buildah, as root, and Python; for the packages Python, Node.js and their registries.
set -euo pipefail
cd "$(dirname "$0")/.."
export LC_ALL=C TZ=UTC
umask 022
fail() {
  echo "tools/release.sh: $*" >&2
  exit 1
}
draft='' parts=programs,image,contract,docs,chart,packages
while [[ ${1:-} == --* ]]; do
  case $1 in
    --draft) draft=yes ;;
    --parts) parts=$2 && shift ;;
    *) fail "there is no $1" ;;
  esac
  shift
done
out=${1:?the folder to make}
[[ ! -e $out ]] || fail "$out is there already"
wants() { [[ ,$parts, == *,$1,* ]]; }

version=$(cat VERSION)
revision=$(git rev-parse HEAD)
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
export SOURCE_DATE_EPOCH
name=loop-gateway-$version

# What an owner has to say before the first release.
if [[ -z $draft ]]; then
  [[ -z $(git status --porcelain) ]] || fail "there are changes that are not committed"
  [[ $(git tag --points-at HEAD) == *"v$version"* ]] || fail "HEAD is not tagged v$version, which VERSION says"
  ! grep -q ADDRESS-TO-FILL-IN SECURITY.md || fail "SECURITY.md names no address for reports: fill it in"
  grep -qE '^[^#[:space:]]+ .*ssh-ed25519 ' SIGNERS || fail "SIGNERS names nobody who signs releases: fill it in"
  [[ -f ${RELEASE_KEY:-} ]] || fail "RELEASE_KEY names no file with the owner's key"
  cmp -s gen/descriptor/loop.binpb gen/descriptor/released.binpb ||
    fail "the contract is not the one that later ones are compared with: cp gen/descriptor/loop.binpb gen/descriptor/released.binpb, and commit"
fi
grep -q "^## $version\$" CHANGELOG.md || fail "CHANGELOG.md says nothing of $version"
grep -q "^version: $version\$" deploy/helm/Chart.yaml && grep -q "^appVersion: $version\$" deploy/helm/Chart.yaml ||
  fail "deploy/helm/Chart.yaml is of another version than $version"

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
new=$scratch/new
mkdir "$new"
# What is committed, and in a draft what is not.
mkdir "$scratch/source"
git ls-files -z --cached --others --exclude-standard --deduplicate | while IFS= read -rd '' file; do
  [[ ! -e $file && ! -L $file ]] || printf '%s\0' "$file" # it may be gone in a draft
done | xargs -0 cp --parents -dpt "$scratch/source"

# pack FILE FOLDER makes an archive of a folder: without owners, with one time, in order.
pack() {
  tar -C "$2/.." --sort=name --mtime="@$SOURCE_DATE_EPOCH" --owner=0 --group=0 --numeric-owner --mode=go=rX,u+w --format=ustar -cf - "${2##*/}" |
    gzip -9n >"$1"
}
# tree FOLDER FILE... copies files of the checkout, with their folders.
tree() {
  local to=$1
  shift
  mkdir -p "$to"
  (cd "$scratch/source" && cp -r --parents "$@" "$to")
}

if wants programs || wants image; then
  for arch in amd64 arm64; do
    echo "the program for $arch"
    made=$scratch/$arch/$name
    mkdir -p "$made"
    GOOS=linux GOARCH=$arch RELEASE=$version REVISION=$revision tools/build.sh "$made/server"
    RELEASE=$version tools/supply.sh "$made/server" "$made"
    cp "$made/sbom.json" "$new/sbom-$arch.json"
  done
fi
if wants programs; then
  for arch in amd64 arm64; do
    tree "$scratch/$arch/$name" LICENSE CHANGELOG.md SECURITY.md deploy
    rm -r "$scratch/$arch/$name/deploy/helm" # in an archive of its own
    pack "$new/$name-linux-$arch.tar.gz" "$scratch/$arch/$name"
  done
fi

# The last stage of the Dockerfile, with what its builder would have made.
if wants image; then
  command -v buildah >/dev/null || fail "buildah is missing"
  printf '[storage]\ndriver="vfs"\nrunroot="%s/run"\ngraphroot="%s/graph"\n' "$scratch" "$scratch" >"$scratch/storage.conf"
  export CONTAINERS_STORAGE_CONF=$scratch/storage.conf BUILDAH_ISOLATION=chroot
  for arch in amd64 arm64; do
    echo "the image for $arch"
    context=$scratch/image-$arch made=$scratch/$arch/$name
    mkdir -p "$context"/{data,image/tmp,image/etc/ssl/certs,image/usr/share/licenses}
    chmod 1777 "$context/image/tmp"
    cp /etc/ssl/certs/ca-certificates.crt "$context/image/etc/ssl/certs/"
    cp -r "$made/licenses" "$context/image/usr/share/licenses/server"
    cp "$made"/{server,sbom.json,THIRD_PARTY_LICENSES} "$context/image/"
    chmod -R go=rX,u+w "$context/image/usr" "$context/image/etc"
    sed '1,/^FROM scratch$/{/^FROM scratch$/!d}; s/^COPY --from=build /COPY /' Dockerfile >"$context/Dockerfile"
    buildah bud -q --layers=false --format docker --platform "linux/$arch" --timestamp "$SOURCE_DATE_EPOCH" --identity-label=false \
      --build-arg RELEASE="$version" --build-arg REVISION="$revision" -t "loop-gateway:$version" "$context" >/dev/null
    buildah push -q "loop-gateway:$version" "docker-archive:$scratch/pushed.tar:loop-gateway:$version"
    python3 tools/image.py "$scratch/pushed.tar" "$scratch/image.tar"
    gzip -9nc "$scratch/image.tar" >"$new/$name-image-$arch.tar.gz"
    rm "$scratch/pushed.tar" "$scratch/image.tar"
    buildah rmi -f "loop-gateway:$version" >/dev/null
  done
fi

if wants contract; then
  mkdir -p "$scratch/contract/$name"
  cp -r "$scratch/source/gen/bundle" "$scratch/contract/$name/protos"
  cp "$scratch/source/gen/openapi/openapi.json" "$scratch/source/LICENSE" "$scratch/contract/$name/"
  pack "$new/$name-contract.tar.gz" "$scratch/contract/$name"
fi

if wants docs; then
  tree "$scratch/docs/$name" README.md CONTRIBUTING.md CHANGELOG.md SECURITY.md LICENSE THIRD_PARTY_LICENSES docs examples deploy \
    gen/bundle {cegidclient,clients/python,clients/typescript}/README.md
  pack "$new/$name-docs.tar.gz" "$scratch/docs/$name"
fi

# As helm package, whose archive tells when it was made.
if wants chart; then
  mkdir -p "$new/helm"
  tree "$scratch/chart" deploy/helm
  mv "$scratch/chart/deploy/helm" "$scratch/chart/loop-gateway"
  pack "$new/helm/$name.tgz" "$scratch/chart/loop-gateway"
fi

# The packages are made of the contract, in a copy that has this version and the licence.
if wants packages; then
  python=$scratch/source/clients/python typescript=$scratch/source/clients/typescript
  cp LICENSE "$python"
  cp LICENSE "$typescript"
  echo "the package for Python"
  printf '"""The version of the release that this package is of."""\n\n__version__ = "%s"\n' "$(sed 's/-rc\./rc/' VERSION)" >"$python/src/loop_gateway/_version.py"
  python3 -m venv "$scratch/venv"
  "$scratch/venv/bin/pip" install -q --disable-pip-version-check build==1.3.0
  (cd "$python" && "$scratch/venv/bin/python" -m build --outdir "$new/python" . >"$scratch/said" 2>&1) || { tail -20 "$scratch/said" >&2 && exit 1; }
  echo "the package for TypeScript"
  mkdir -p "$new/npm"
  (
    cd "$typescript"
    npm version "$version" --no-git-tag-version --allow-same-version >/dev/null
    npm ci --no-audit --no-fund --loglevel=error
    npm pack --pack-destination "$new/npm" --loglevel=error
  ) >"$scratch/said" 2>&1 || { tail -20 "$scratch/said" >&2 && exit 1; }
fi

# Its links lead to where it says to unpack the documents: beside this folder.
sed "s/VERSION/$version/g; s,](\\.\\./\\([a-z]\\),](../gateway/docs/\\1,g; s,](\\.\\./\\.\\./,](../gateway/,g" "$scratch/source/docs/how-to/start-without-go.md" >"$new/README.md"
{
  echo "version $version"
  echo "commit $revision"
  echo "time $(date -ud "@$SOURCE_DATE_EPOCH" +%FT%TZ)"
  go version | cut -d' ' -f1-3
  ! wants image || echo "buildah $(buildah --version | cut -d' ' -f3), authorities $(sha256sum </etc/ssl/certs/ca-certificates.crt | cut -d' ' -f1)"
  [[ ! -d $new/python ]] || python3 --version
  [[ ! -d $new/npm ]] || echo "node $(node --version)"
} >"$new/BUILD"
(cd "$new" && find . -type f ! -name SHA256SUMS -printf '%P\0' | sort -z | xargs -0 sha256sum >"$scratch/sums" && mv "$scratch/sums" SHA256SUMS)
if [[ -z $draft ]]; then
  ssh-keygen -q -Y sign -f "$RELEASE_KEY" -n loop-gateway "$new/SHA256SUMS"
  signer=$(grep -vE '^[[:space:]]*(#|$)' SIGNERS | head -1 | cut -d' ' -f1)
  ssh-keygen -q -Y verify -f SIGNERS -I "$signer" -n loop-gateway -s "$new/SHA256SUMS.sig" <"$new/SHA256SUMS" ||
    fail "the key that signed is not the one of $signer in SIGNERS"
fi
mkdir -p "$(dirname "$out")"
mv "$new" "$out"
cat "$out/SHA256SUMS"
