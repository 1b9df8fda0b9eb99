#!/usr/bin/env bash
# Compiles requirements/*.in into hash-pinned requirements/*.txt (`make lock`). Names, versions and hashes only, never an address.
# Arguments are handed to uv: `make lock ARGUMENTS=--upgrade` takes the newest versions, without it pins are kept.
set -euo pipefail
cd "$(dirname "$0")/../requirements"
uv=$(command -v uv || echo ../.venv/bin/uv)

compile() {
    "$uv" pip compile --quiet --universal --python-version 3.11 --generate-hashes \
        --no-header --no-annotate --no-emit-index-url --no-emit-find-links "$@"
    printf '%s: %s packages\n' "${*: -1}" "$(grep -c == "${*: -1}")"
}

# Each set is constrained by the smaller one, so that a package has one version everywhere.
compile "$@" run.in --output-file run.txt
compile "$@" build.in --constraints run.txt --output-file build.txt
compile "$@" demo.in --constraints run.txt --constraints build.txt --output-file demo.txt
compile "$@" dev.in --constraints demo.txt --output-file dev.txt
compile "$@" e2e.in --constraints dev.txt --output-file e2e.txt
compile "$@" uv.in --output-file uv.txt

if grep -n '://' ./*.txt; then
    echo "requirements/*.txt must not name an address (lines above)." >&2
    exit 1
fi
