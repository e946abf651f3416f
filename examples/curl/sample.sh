#!/usr/bin/env bash
# What a script does with the service: sample.sh pages|stream|import ID|watch ID|error|deadline. Needs curl and jq.
set -euo pipefail

url=${LOOP_URL:-http://127.0.0.1:8080}
dossier=$url/v1/practices/${LOOP_PRACTICE:-demo}/dossiers/${LOOP_DOSSIER:-CEGID001}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# How to connect: as the environment says. The token goes through a file, because others can see the words of a command.
settings=(--silent --show-error --config "$scratch/curl")
touch "$scratch/curl"
[[ -z ${LOOP_TOKEN:-} ]] || printf 'header = "Authorization: Bearer %s"\n' "$LOOP_TOKEN" >"$scratch/curl"
[[ -z ${LOOP_AUTHORITY:-} ]] || settings+=(--cacert "$LOOP_AUTHORITY")
[[ -z ${LOOP_CERTIFICATE:-} ]] || settings+=(--cert "$LOOP_CERTIFICATE" --key "$LOOP_KEY")

# invoice NUMBER [TOTAL] prints a purchase invoice.
invoice() {
  jq -n --arg number "$1" --arg total "${2:-120.00}" '{entries: [{
    journal: "ACH", date: "2026-03-15", reference: $number, documentReference: $number,
    lines: [
      {account: "60700000", label: "Achat", debit: "100.00"},
      {account: "44566000", label: "TVA 20 %", debit: "20.00"},
      {account: "40100000", thirdParty: "FEXEMPLE", label: "Fournisseur", credit: $total}
    ]}]}'
}

# pages: nextPageToken asks for the rest.
pages() {
  local token=
  while :; do
    curl "${settings[@]}" --fail-with-body --get "$dossier/accounts" -d pageSize=20 --data-urlencode "pageToken=$token" >"$scratch/page"
    jq -r '.accounts[].number' "$scratch/page" >>"$scratch/numbers"
    token=$(jq -r '.nextPageToken // ""' "$scratch/page")
    [[ -n $token ]] || break
  done
  echo "pages: $(wc -l <"$scratch/numbers") accounts, $(head -1 "$scratch/numbers") to $(tail -1 "$scratch/numbers")"
}

# stream: a JSON object a line. Where it fails the last line is an error; where the connection is cut, curl says so.
stream() {
  local count
  for _ in 1 2 3 4 5; do
    if count=$(curl "${settings[@]}" --no-buffer --fail-with-body "$dossier/accounts:stream" 2>>"$scratch/complaints" |
      jq -n 'reduce inputs as $line (0; if $line.error then error($line.error.message) else . + ($line.result.accounts | length) end)'); then
      echo "stream: $count accounts"
      return
    fi
    echo "stream: cut, begun anew"
  done
  cat "$scratch/complaints" >&2
  return 1
}

# submit ID BODY imports, and repeats with the same id until there is an answer, for a minute: what was sent is not sent again.
# The answer is in $scratch/answer.
submit() {
  local status pause=1 after end=$((SECONDS + 60))
  while :; do
    status=$(curl "${settings[@]}" --max-time $((end - SECONDS)) -o "$scratch/answer" -D "$scratch/headers" -w '%{http_code}' \
      -H 'Content-Type: application/json' -H "Idempotency-Key: $1" -d "$2" "$dossier/imports" 2>>"$scratch/complaints") || status=lost
    case $status in
      200) return 0 ;;
      lost | 429 | 503 | 504) ;;
      *) return 1 ;;
    esac
    after=
    [[ $status == lost ]] || after=$(sed -n 's/^retry-after: *\([0-9]*\).*/\1/Ip' "$scratch/headers")
    after=${after:-$pause}
    ((SECONDS + after < end)) || return 1
    sleep "$after"
    pause=$((pause * 2))
  done
}

# replayed says whether the last import had been sent by an earlier call.
replayed() { jq -r 'if .replayed then "replayed" else "sent" end' "$scratch/answer"; }

# states ID prints each state of an import once, until it is final, through lost connections and restarts.
states() {
  local last='' state
  while :; do
    while read -r state; do
      [[ $state == "$last" ]] || echo "$state"
      last=$state
    done < <(curl "${settings[@]}" --no-buffer "$dossier/imports/$1:watch" 2>>"$scratch/complaints" |
      jq --unbuffered -r '.result.importRecord.state // empty | ltrimstr("IMPORT_STATE_")')
    case $last in
      '' | RECEIVED | SUBMITTING | WAITING | RUNNING) sleep 0.5 ;;
      *) return ;;
    esac
  done
}

import() {
  submit "$1" "$(invoice "$1")" || { cat "$scratch/answer" >&2 && return 1; }
  echo "import $1: $(replayed)"
  echo "import $1: $(states "$1" | tail -1)"
  submit "$1" "$(invoice "$1")"
  echo "import $1: $(replayed)"
}

watch() {
  submit "$1" "$(invoice "$1")" || { cat "$scratch/answer" >&2 && return 1; }
  states "$1" | sed -u "s/^/watch $1: /"
}

# error: the reason is at the top of the body, places and French sentences in its details.
error() {
  ! submit FA-6 "$(invoice FA-6 119.00)" || return 1
  jq -r '"error: \(.reason)", (.details[].fieldViolations[]? | "error: at \(.field)", "error: \(.localizedMessage.message)"),
    if [.code] | inside([4, 8, 14]) then "error: repeat it" else "error: correct it" end' "$scratch/answer"
}

# deadline: one second and no longer, here and in the service.
deadline() {
  curl "${settings[@]}" --max-time 5 -H 'Grpc-Timeout: 1S' "$dossier/journals" | jq -r '"deadline: \(.reason)"'
}

: "${1:?say one of: pages, stream, import ID, watch ID, error, deadline}"
"$@"
