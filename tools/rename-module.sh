#!/usr/bin/env bash
# Gives the module another path:  tools/rename-module.sh example.com/team/gateway
# Run it in a clean clone. gen/ is regenerated, never edited: its descriptors carry their length, and a replaced text
# panics at start. The domain of errors is a promise to callers and stays.
set -euo pipefail
export LC_ALL=C
cd "$(dirname "$0")/.."
domain=loop.cegid.internal

new=${1:-}
if [[ $# -ne 1 || ! $new =~ ^[a-z0-9.-]+\.[a-z]+(/[A-Za-z0-9._~-]+)*$ ]]; then
  echo "usage: tools/rename-module.sh NEWPATH   (a module path such as example.com/team/gateway)" >&2
  exit 2
fi
old=$(awk '$1 == "module" {print $2; exit}' go.mod)
if [[ $new == "$old" ]]; then
  echo "the module is called $new already" >&2
  exit 2
fi

generated=(':!gen/go' ':!gen/openapi' ':!gen/descriptor' ':!gen/bundle')
sources() { git ls-files -z --cached --others --exclude-standard -- . "${generated[@]}"; }
domains() { sources | xargs -0 grep -hoFI "$domain" -- 2>/dev/null | wc -l; }
promised=$(domains)

# As a whole path only: not within a longer name, so not the domain either.
mapfile -d '' -t holders < <(sources | xargs -0 grep -lZFI "$old" -- || true)
OLD=$old NEW=$new perl -pi -e 's{(?<![\w.~/-])\Q$ENV{OLD}\E(?![\w~-]|\.\w)}{$ENV{NEW}}g' "${holders[@]}"
go mod edit -module "$new"

if [[ $(domains) != "$promised" ]]; then
  echo "the error domain $domain was changed" >&2
  exit 1
fi
left=$(sources | xargs -0 perl -ne 'BEGIN { $o = shift } print "$ARGV: $_" if /(?<![\w.~\/-])\Q$o\E(?![\w~-]|\.\w)/' "$old")
if [[ $left ]]; then
  printf 'the old path is still in:\n%s\n' "$left" >&2
  exit 1
fi

tools/generate.sh
# Imports are sorted by path.
mapfile -t programs < <(printf '%s\n' "${holders[@]}" | grep '\.go$')
go tool -modfile=tools/go.mod gofumpt -w "${programs[@]}"
go build ./...
go vet ./...
go -C tools vet ./...
echo "renamed $old to $new in ${#holders[@]} files"
