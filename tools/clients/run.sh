#!/usr/bin/env bash
# Makes clients of the OpenAPI document with the generators that people use, compiles them strictly, and lets each import a
# purchase invoice, list, watch, read an error, and read a state and a reason that it does not know. Prints a matrix.
#   tools/clients/run.sh SERVER FOLDER [CLIENT...]     all but java, which needs Maven, where none is named
# SERVER is the program; FOLDER is where install.sh has been.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
server=$1 folder=$(cd "$2" && pwd)
shift 2
clients=("$@")
(($#)) || clients=(openapi-generator openapi-typescript hey-api python python-client)
document=$here/../../gen/openapi/openapi.json
bin=$folder/node_modules/.bin
export PATH=$folder/venv/bin:$PATH
pids=()
trap 'kill "${pids[@]}" 2>/dev/null || true' EXIT

# waited FILE PATTERN prints what the pattern finds in what a server says.
waited() {
  local found
  for ((i = 0; i < 300; i++)); do
    found=$(grep -oEm1 "$2" "$1" || true)
    [[ -z $found ]] || break
    sleep 0.1
  done
  [[ -n $found ]] || { cat "$1" >&2 && return 1; }
  echo "$found"
}

"$server" sandbox --grpc=0 --http=0 --operations=0 --simulator=0 >"$folder/sandbox" 2>&1 &
pids+=($!)
python "$here/tomorrow.py" >"$folder/tomorrow" &
pids+=($!)
LOOP_REST=$(waited "$folder/sandbox" 'REST +http://[0-9.:]+' | sed 's/REST *//')
simulator=$(waited "$folder/sandbox" 'http://[0-9.:]+/_sim/')
LOOP_TOMORROW=$(waited "$folder/tomorrow" 'http://.*')
export LOOP_REST LOOP_TOMORROW

cp -r "$here/typescript" "$here/python" "$folder/"
typescript=$folder/typescript python=$folder/python generated=$folder/typescript/generated

generator() { # of openapi-generator: GENERATOR FOLDER OPTIONS...
  java -jar "$(python -c 'import openapi_generator_cli as it, os; print(os.path.dirname(it.__file__))')/openapi-generator.jar" generate -g "$1" -i "$document" -o "$2" "${@:3}"
}

generate() {
  case $1 in
    openapi-generator) generator typescript-fetch "$generated/openapi-generator" --additional-properties=importFileExtension=.js ;;
    openapi-typescript) "$bin/openapi-typescript" "$document" -o "$generated/openapi-typescript.ts" ;;
    hey-api) (cd "$folder" && LOOP_DOCUMENT=$document LOOP_CLIENT=$generated/hey-api "$bin/openapi-ts" -f "$here/hey-api.config.mjs") ;;
    python) generator python "$folder/openapi-generator-python" && mv "$folder/openapi-generator-python/openapi_client" "$python/" ;;
    python-client) openapi-python-client generate --path "$document" --output-path "$python/loop_client" --meta none --config "$here/openapi-python-client.yaml" ;;
    java) generator java "$folder/java" --library native --additional-properties=hideGenerationTimestamp=true && cp "$here/java/Clients.java" "$folder/java/src/main/java/" ;;
  esac
}

compile() {
  case $1 in
    openapi-generator | openapi-typescript | hey-api)
      printf '{"extends": "./tsconfig.json", "files": ["%s.ts"]}' "$1" >"$typescript/$1.json"
      "$bin/tsc" -p "$typescript/$1.json"
      ;;
    python) (cd "$python" && mypy --strict-equality --check-untyped-defs --disallow-untyped-defs --follow-imports=silent by_openapi_generator.py) ;;
    python-client) (cd "$python" && mypy --strict --follow-imports=silent by_openapi_python_client.py) ;;
    java) (cd "$folder/java" && mvn -q -B compile dependency:build-classpath -Dmdep.outputFile=classpath) ;;
  esac
}

call() {
  case $1 in
    openapi-generator | openapi-typescript | hey-api) (cd "$typescript" && node "built/$1.js") ;;
    python) (cd "$python" && python by_openapi_generator.py) ;;
    python-client) (cd "$python" && python by_openapi_python_client.py) ;;
    java) java -cp "$folder/java/target/classes:$(cat "$folder/java/classpath")" Clients ;;
  esac
}

# client NAME goes through all steps and notes how far it came.
client() {
  local id="CLIENT-$1" log=$folder/$1.log result=$folder/$1.result step
  : >"$result"
  for step in generate compile call; do
    (
      set -e
      LOOP_ID=$id "$step" "$1"
    ) >>"$log" 2>&1 || return 0
    echo "$step" >>"$result"
  done
  sed 's/\x1b\[[0-9;]*m//g' "$log" | sed -n 's/^ok //p' >>"$result" # Maven leaves colours behind
  curl -sSf "${simulator}state" >"$folder/$1.state" && python "$here/booked.py" "$folder/$1.state" "$id" >>"$log" 2>&1 || return 0
  echo "booked whole" >>"$result"
}

began=$SECONDS
for name in "${clients[@]}"; do
  while (($(jobs -rp | wc -l) >= 2 + ${#pids[@]})); do wait -n; done
  client "$name" &
done
for job in $(jobs -rp); do
  [[ " ${pids[*]} " == *" $job "* ]] || wait "$job"
done

steps=(generate compile import list watch error "state of tomorrow" "reason of tomorrow" "booked whole")
printf '%-20s' client && printf ' | %s' "${steps[@]}" && echo
failed=()
for name in "${clients[@]}"; do
  printf '%-20s' "$name"
  for step in "${steps[@]}"; do
    mark=ok
    grep -qxF "$step" "$folder/$name.result" || { mark=NO && failed+=("$name"); }
    printf " | %-${#step}s" "$mark"
  done
  echo
done
echo "${#clients[@]} clients in $((SECONDS - began)) s"
for name in $(printf '%s\n' "${failed[@]}" | uniq); do
  echo "--- $name" && tail -20 "$folder/$name.log"
done
((${#failed[@]} == 0))
