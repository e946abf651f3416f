#!/usr/bin/env bash
# Makes a release twice, in two folders, as an owner does who has filled in what is asked for: the same bytes, whose signature
# holds. And not before that is filled in. Its documents lead nowhere that is not in it.
#   tools/ci/release.sh PARTS    of tools/release.sh
set -euo pipefail
parts=$1
version=$(cat VERSION)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
one=$scratch/one two=$scratch/a/longer/way/to/two
export GIT_AUTHOR_NAME=owner GIT_AUTHOR_EMAIL=owner@example.com GIT_COMMITTER_NAME=owner GIT_COMMITTER_EMAIL=owner@example.com
ssh-keygen -q -t ed25519 -N '' -C '' -f "$scratch/key"
ssh-keygen -q -t ed25519 -N '' -C '' -f "$scratch/other"

# refused SAYS: the release is not made, for that reason.
refused() {
  ! RELEASE_KEY=${key:-} "$one/tools/release.sh" --parts contract "$scratch/none" >"$scratch/said" 2>&1 || { echo "it is made, although: $1" >&2 && exit 1; }
  grep -qF "$1" "$scratch/said" || { cat "$scratch/said" >&2 && exit 1; }
  [[ ! -e $scratch/none ]]
}
commit() {
  git -C "$one" commit -qam "$1"
  git -C "$one" tag -f "v$version" >/dev/null
}
git clone -q . "$one"
git -C "$one" tag -d "v$version" >/dev/null 2>&1 || true
refused "HEAD is not tagged v$version"
git -C "$one" tag "v$version"
refused "SECURITY.md names no address"
sed -i 's/ADDRESS-TO-FILL-IN/security@example.com/' "$one/SECURITY.md"
refused "changes that are not committed"
commit "Name who is told about weaknesses"
refused "SIGNERS names nobody"
echo "release@example.com namespaces=\"loop-gateway\" $(cat "$scratch/key.pub")" >>"$one/SIGNERS"
commit "Name who signs"
refused "RELEASE_KEY names no file"
key=$scratch/other
if ! cmp -s gen/descriptor/loop.binpb gen/descriptor/released.binpb; then
  refused "the contract is not the one that later ones are compared with"
  cp "$one/gen/descriptor/loop.binpb" "$one/gen/descriptor/released.binpb"
  commit "Compare with this contract from now on"
fi
refused "the key that signed is not the one"

git clone -q "$one" "$two"
RELEASE_KEY=$scratch/key "$one/tools/release.sh" --parts "$parts" "$scratch/dist-one"
RELEASE_KEY=$scratch/key "$two/tools/release.sh" --parts "$parts" "$scratch/dist-two" >/dev/null
diff -r "$scratch/dist-one" "$scratch/dist-two" || { echo "the same commit makes different releases" >&2 && exit 1; }
# What it says to newcomers, from it alone.
if [[ $parts == *programs*packages* ]]; then
  python3 tools/languages/start.py --release "$scratch/dist-one" "$one"/docs/start/{curl,python,typescript}.md
fi
if [[ $parts == *docs* ]]; then
  mkdir "$scratch/gateway"
  tar xzf "$scratch/dist-one/loop-gateway-$version-docs.tar.gz" -C "$scratch/gateway" --strip-components 1
  python3 tools/ci/links.py "$scratch/gateway"
  for target in $(grep -o '](\.\./gateway/[^)#]*' "$scratch/dist-one/README.md" | cut -c3-); do
    [[ -e $scratch/dist-one/$target ]] || { echo "the README of a release leads to $target, which is not there" >&2 && exit 1; }
  done
fi

# As SECURITY.md says.
cd "$scratch/dist-two"
sha256sum --quiet -c SHA256SUMS
ssh-keygen -Y verify -f "$one/SIGNERS" -I release@example.com -n loop-gateway -s SHA256SUMS.sig <SHA256SUMS
echo x >>BUILD
if sha256sum --quiet -c SHA256SUMS >/dev/null 2>&1; then echo "a file that was changed is taken" >&2 && exit 1; fi
echo x >>SHA256SUMS
if ssh-keygen -q -Y verify -f "$one/SIGNERS" -I release@example.com -n loop-gateway -s SHA256SUMS.sig <SHA256SUMS >/dev/null 2>&1; then
  echo "sums that were changed are taken for signed" >&2
  exit 1
fi
echo "twice the same bytes, $(du -sm "$scratch/dist-one" | cut -f1) MB, signed"
