#!/usr/bin/env bash
# Makes the packages of clients/ and the samples of examples/, checks them with the tools of their languages, and tests the packages
# as they are installed.
#   tools/languages/build.sh FOLDER LANGUAGE...
set -euo pipefail
repository=$(cd "$(dirname "$0")/../.." && pwd)
here=$repository/tools/languages folder=$1
shift
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)

# lines MOST FILE... holds that what is written by hand stays small.
lines() {
  local most=$1 count
  shift
  count=$(cat "$@" | wc -l)
  ((count <= most)) || { echo "$count lines, $most at most: $*" >&2 && return 1; }
}

python() {
  local bin=$folder/venv/bin package=$repository/clients/python samples=$repository/examples/python wheel
  /usr/bin/python3 -m venv "$folder/venv"
  "$bin/pip" install --quiet --disable-pip-version-check --require-hashes -r "$here/requirements.txt"
  rm -rf "$folder/wheel"
  # First the source, then the wheel of it: as who has the source alone.
  (cd "$package" && "$bin/python" -m hatchling build -t sdist -d "$folder/wheel" >/dev/null)
  "$bin/pip" wheel --quiet --disable-pip-version-check --no-deps --no-build-isolation --wheel-dir "$folder/wheel" "$folder"/wheel/*.tar.gz
  wheel=$(echo "$folder"/wheel/*.whl)
  "$bin/python" -m zipfile -l "$wheel" | awk 'NR > 1 {print $1}' >"$folder/wheel/contents"
  local file
  for file in loop_gateway/{__init__.py,py.typed,messages.py,aio.py,service_config.json} cegid/loop/v1/{import_pb2.py,import_pb2.pyi,py.typed}; do
    grep -qxF "$file" "$folder/wheel/contents" || { echo "the wheel has no $file" >&2 && return 1; }
  done
  ! grep -E '^tests/|stubs\.py|google/' "$folder/wheel/contents" || return 1
  "$bin/pip" install --quiet --disable-pip-version-check --no-deps --no-index --force-reinstall "$wheel"
  lines 800 "$package"/src/loop_gateway/*.py
  for file in "$package" "$samples" "$here"; do
    "$bin/ruff" format --quiet --no-cache --check "$file"
    "$bin/ruff" check --quiet --no-cache "$file"
  done
  (cd "$folder" && "$bin/mypy" --no-error-summary --config-file "$package/pyproject.toml" -p loop_gateway)
  (cd "$package/tests" && "$bin/mypy" --no-error-summary --config-file "$package/pyproject.toml" --cache-dir "$folder/mypy" .)
  (cd "$samples" && "$bin/mypy" --no-error-summary --cache-dir "$folder/mypy" sample.py sample_aio.py)
  (cd "$here" && "$bin/mypy" --no-error-summary --strict --cache-dir "$folder/mypy" run.py start.py readmes.py)
  PYTHONDONTWRITEBYTECODE=1 "$bin/python" -m pytest -q -p no:cacheprovider "$package/tests"
}

curl() {
  command go -C "$repository" tool -modfile=tools/go.mod shfmt -i 2 -ci -d examples/curl tools/languages
  shellcheck "$repository/examples/curl/sample.sh" "$here/build.sh"
}

typescript() {
  # In a copy, laid out as here: the package makes its stubs from what is beside it.
  local copy=$folder/copy package=$folder/copy/clients/typescript sample=$folder/copy/examples/typescript file
  mkdir -p "$copy/clients" "$copy/examples" "$copy/gen"
  cp -r "$repository/clients/reasons.json" "$copy/clients/"
  cp -r "$repository"/gen/{bundle,openapi} "$copy/gen/"
  git -C "$repository" ls-files -z clients/typescript examples/typescript | (cd "$repository" && xargs -0 cp --parents -t "$copy")
  (
    cd "$package"
    npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
    npm run --silent prepare
    lines 800 src/*.ts
    npm run --silent check
    npx tsc -p tsconfig.test.json
    node --test --test-reporter=dot dist-test/*.test.js
    npm pack --silent --ignore-scripts --pack-destination "$folder"
  )
  tar -tzf "$folder"/loop-gateway-*.tgz >"$folder/contents"
  for file in README.md package.json dist/{index,node}.{js,d.ts} dist/gen/messages.js; do
    grep -qxF "package/$file" "$folder/contents" || { echo "the tarball has no $file" >&2 && return 1; }
  done
  ! grep -vE '^package/(dist/|README\.md$|package\.json$)' "$folder/contents" || return 1
  (
    cd "$sample" # takes of the package what the tarball has
    npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
    npm run --silent build
    npm run --silent check
  )
  ln -sfn "$sample" "$folder/typescript"
}

go() {
  local sample=$repository/examples/go
  command go -C "$sample" vet ./...
  command go -C "$sample" build -o "$folder/go/sample" .
}

rust() {
  cd "$repository/examples/rust"
  cargo fmt --check
  CARGO_TARGET_DIR=$folder/rust cargo clippy --quiet --locked --release -- -D warnings
  CARGO_TARGET_DIR=$folder/rust cargo build --quiet --locked --release
  cd "$repository"
}

java() {
  local sample=$folder/java
  cp -r "$repository/examples/java" "$folder/"
  (cd "$sample" && mvn -B -ntp -Dorg.slf4j.simpleLogger.defaultLogLevel=warn -Plint -Dloop.bundle="$repository/gen/bundle" verify)
}

for language; do
  began=$SECONDS
  "$language"
  echo "$language: built and checked in $((SECONDS - began)) s"
done
