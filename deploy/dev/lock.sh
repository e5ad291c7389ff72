#!/usr/bin/env bash
# Resolves the locks from pyproject.toml: exact versions with hashes, for every platform and Python at once, naming no registry.
#
#   deploy/dev/lock.sh PATH-OF-UV [--upgrade]
#
# Without --upgrade what is locked stays as long as pyproject.toml allows it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
uv="${1:?path of uv}"
shift

compile() { # $1: lock; the rest: what goes in
    local lock="requirements/$1.txt"
    shift
    "$uv" pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links \
        --custom-compile-command "make lock" --output-file "$lock" "$@"
    echo "$lock: $(grep -c -E '^[a-z0-9._-]+==' "$lock") packages"
}

# torch is pinned in torch.txt; what it brings differs with its build (CPU, CUDA) and comes with it
without_torch() {
    awk '/^[a-z0-9]/ { keep = ($0 !~ /^(torch|triton|nvidia-[a-z0-9-]+|cuda-[a-z-]+)==/) } keep || !/^([a-z0-9]| )/'
}

compile build requirements/build.in "$@"
compile serve pyproject.toml "$@"
compile dev pyproject.toml --extra dev --extra postgres -c requirements/serve.txt "$@"
compile train pyproject.toml --extra train -c requirements/serve.txt -c requirements/torch.txt "$@"
without_torch <requirements/train.txt >requirements/train.txt.new
mv requirements/train.txt.new requirements/train.txt
