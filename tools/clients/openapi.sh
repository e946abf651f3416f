#!/usr/bin/env bash
# Lints the OpenAPI document, and asks the sandbox for what it promises.
#   tools/clients/openapi.sh SERVER FOLDER     SERVER is the program; FOLDER is where install.sh has been
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
server=$1 folder=$(cd "$2" && pwd)
document=$here/../../gen/openapi/openapi.json
export REDOCLY_TELEMETRY=off NO_COLOR=1

"$folder/node_modules/.bin/redocly" lint --config "$here/lint/redocly.yaml" --max-problems 20 "$document" 2>"$folder/redocly" || {
  cat "$folder/redocly"
  exit 1
}
! grep -E '^ +[0-9]+:[0-9]+ +(warning|error)' "$folder/redocly"
"$folder/node_modules/.bin/spectral" lint --fail-severity warn -r "$here/lint/spectral.yaml" "$document"

"$server" sandbox --token=clients --grpc=0 --http=0 --operations=0 --simulator=0 >"$folder/sandbox" 2>&1 &
pid=$!
trap 'kill "$pid" 2>/dev/null || true' EXIT
for ((i = 0; i < 300; i++)); do
  rest=$(grep -oEm1 'REST +http://[0-9.:]+' "$folder/sandbox" | sed 's/REST *//' || true)
  [[ -z $rest ]] || break
  sleep 0.1
done

# Not asked: whether refusals of the shape come after those of the caller, which is not promised.
cd "$folder" # it keeps notes where it runs
export LOOP_SEEN=$folder/seen PYTHONPATH=$here/schemathesis PYTHONDONTWRITEBYTECODE=1 SCHEMATHESIS_HOOKS=hooks
: >"$LOOP_SEEN"
status=0
venv/bin/schemathesis --no-color --config-file "$here/schemathesis/schemathesis.toml" run "$document" -u "$rest" -H 'Authorization: Bearer clients' \
  --phases examples,coverage,fuzzing --generation-deterministic --generation-codec latin-1 --max-examples "${LOOP_EXAMPLES:-4}" --no-shrink --continue-on-failure --warnings off \
  --exclude-checks not_a_server_error,positive_data_acceptance,missing_required_header \
  >"$folder/schemathesis" 2>&1 || status=$?
if ((status)); then
  sed -n '/= \(ERRORS\|FAILURES\) =/,$p' "$folder/schemathesis" | cut -c1-500 | head -300
  exit 1
fi
grep -E 'generated' "$folder/schemathesis"
echo "$(wc -l <"$LOOP_SEEN") refusals, all explained: $(sort -n "$LOOP_SEEN" | uniq | wc -l) of the $(grep -c ' # ' "$here/schemathesis/explained.txt") reasons were met"
