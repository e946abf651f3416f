#!/usr/bin/env bash
# Asks the Go vulnerability database about the code that the program reaches:
#   GOVULNCHECK=PATH tools/ci/vulnerabilities.sh
# LOOP_VULNDB names a mirror (https://… or file://…), which must answer then. Where the public database cannot be
# reached nothing is known: it ends well, and its last line begins with NOT CHECKED.
set -euo pipefail
public=https://vuln.go.dev
database=${LOOP_VULNDB:-$public}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# canary DATABASE fails unless a module with a known hole is found out: a scanner or database that misses it is blind.
canary() {
  mkdir -p "$scratch/canary"
  printf 'module canary\n\ngo 1.26.0\n\nrequire golang.org/x/text v0.3.7\n' >"$scratch/canary/go.mod"
  cat >"$scratch/canary/go.sum" <<'SUM'
golang.org/x/text v0.3.7 h1:olpwvP2KacW1ZWvsR7uQhoyTYvKAupfQrRGBFM352Gk=
golang.org/x/text v0.3.7/go.mod h1:u+2+/6zg+i71rQMx5EYifcz6MCKuco9NR6JIITiCfzQ=
SUM
  cat >"$scratch/canary/main.go" <<'GO'
package main

import "golang.org/x/text/language"

func main() { _, _, _ = language.ParseAcceptLanguage("") }
GO
  local status=0
  "$GOVULNCHECK" -C "$scratch/canary" -db "$1" . >"$scratch/found" 2>&1 || status=$?
  if ((status != 3)) || ! grep -q 'canary.main calls language.ParseAcceptLanguage' "$scratch/found"; then
    cat "$scratch/found" >&2
    echo "a known hole (GO-2022-1059) is not found in $1: exit $status" >&2
    exit 1
  fi
}

if ! modified=$(curl -fsS --connect-timeout 5 --max-time 20 "$database/index/db.json" 2>"$scratch/why"); then
  if [[ $database != "$public" ]]; then
    echo "$database does not answer: $(cat "$scratch/why")" >&2
    exit 1
  fi
  # One entry, enough to see that the scanner works.
  mkdir -p "$scratch/db/index" "$scratch/db/ID"
  echo '{"modified":"2022-10-11T00:00:00Z"}' >"$scratch/db/index/db.json"
  echo '[{"path":"golang.org/x/text","vulns":[{"id":"GO-2022-1059","modified":"2022-10-11T00:00:00Z","fixed":"0.3.8"}]}]' >"$scratch/db/index/modules.json"
  cat >"$scratch/db/ID/GO-2022-1059.json" <<'OSV'
{"schema_version":"1.3.1","id":"GO-2022-1059","modified":"2022-10-11T00:00:00Z","published":"2022-10-11T00:00:00Z",
 "summary":"A crafted Accept-Language header takes long to parse","affected":[{"package":{"name":"golang.org/x/text","ecosystem":"Go"},
 "ranges":[{"type":"SEMVER","events":[{"introduced":"0"},{"fixed":"0.3.8"}]}],
 "ecosystem_specific":{"imports":[{"path":"golang.org/x/text/language","symbols":["ParseAcceptLanguage"]}]}}],
 "database_specific":{"url":"https://pkg.go.dev/vuln/GO-2022-1059"}}
OSV
  canary "file://$scratch/db"
  echo "NOT CHECKED for vulnerabilities: $database cannot be reached ($(cat "$scratch/why")). LOOP_VULNDB names a mirror"
  exit 0
fi
canary "$database"
"$GOVULNCHECK" -db "$database" ./...
echo "checked against $database, $modified"
