#!/usr/bin/env bash
# Set-up that the Makefile asks for. Nothing is installed outside the environment named, but for `system` and `egress`, which need Debian and root.
#
#   deploy/dev/setup.sh install FOLDER serve|dev|train   the environment, exactly as locked in requirements/
#   deploy/dev/setup.sh system                           what the tests drive: Chromium, PostgreSQL and Dovecot
#   deploy/dev/setup.sh egress                           what `make egress-proof` builds its network with
#
# PYTHON names the interpreter to use; without it the first one of version 3.11 or newer is taken.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1

fail() {
    echo "setup: $*" >&2
    exit 1
}

recent() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

find_python() {
    local name
    for name in ${PYTHON:+"$PYTHON"} python3 python3.13 python3.12 python3.11 python3.14; do
        if recent "$name"; then
            echo "$name"
            return
        fi
    done
    fail "Python 3.11 or newer is needed. Install it, or name one: make up PYTHON=/path/to/python3"
}

on_debian_as_root() { [[ "$(id -u)" == 0 ]] && command -v apt-get >/dev/null; }

apt_install() {
    echo "Installing $* (Debian packages, once)" >&2
    export DEBIAN_FRONTEND=noninteractive
    # No service of a package is started: the tests start servers of their own, in folders of their own.
    local policy=/usr/sbin/policy-rc.d
    if [[ ! -e "$policy" ]]; then
        printf '#!/bin/sh\nexit 101\n' >"$policy"
        chmod 755 "$policy"
        trap 'rm -f /usr/sbin/policy-rc.d' EXIT
    fi
    { apt-get update -qq && apt-get install -y -qq --no-install-recommends "$@"; } >/dev/null
}

make_venv() { # $1: folder
    local python
    python="$(find_python)"
    if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then # Debian ships Python without them
        on_debian_as_root || fail "$python cannot make environments. Install its venv module (Debian: apt install python3-venv)."
        apt_install python3-venv
    fi
    echo "Creating $1 with $("$python" --version)"
    "$python" -m venv "$1"
    # an older Python puts setuptools in; nothing here uses it
    "$1/bin/python" -m pip uninstall -qq --yes setuptools
}

locked() { # $1: folder, $2: lock. -qq keeps pip's own chatter away; errors still show. No .pyc here: see compile_used.
    "$1/bin/python" -m pip install -qq --no-compile --no-deps --require-hashes -r "requirements/$2.txt"
}

compile_used() { # $1: folder. Only what serving imports: all of it would be 100 MB more, none of it makes each start seconds slower
    PYTHONDONTWRITEBYTECODE='' "$1/bin/python" -c '
from models.telemetry import switch_off
switch_off()
import alembic.command, appliance.cli.main, granian, lancedb, onnxruntime, tokenizers'
}

install() { # $1: folder, $2: lock
    [[ -x "$1/bin/python" ]] || make_venv "$1"
    recent "$1/bin/python" || fail "$1 was made with a Python that is too old or gone. Remove it (rm -r $1) and try again."
    echo "Installing $(grep -c -E '^[a-z0-9._-]+==' "requirements/$2.txt") packages locked in requirements/$2.txt (once, a minute or so)"
    locked "$1" build # pip itself and the build back end come from the lock as well
    if [[ "$2" == train ]]; then "$1/bin/python" -m pip install -qq --no-compile -r requirements/torch.txt; fi
    locked "$1" "$2"
    "$1/bin/python" -m pip install -qq --no-compile --no-deps --no-build-isolation -e .
    [[ "$2" == train ]] || compile_used "$1"
    touch "$1/.$2"
}

has_dovecot() { # $1: a program of the package
    [[ -x "/usr/lib/dovecot/$1" || -x "/usr/libexec/dovecot/$1" ]]
}

has_postgres() { command -v initdb >/dev/null || compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null; }

system() {
    local missing=()
    command -v chromium >/dev/null || missing+=(chromium fonts-liberation)
    has_postgres || missing+=(postgresql)
    has_dovecot imap || missing+=(dovecot-imapd)
    has_dovecot lmtp || missing+=(dovecot-lmtpd)
    ((${#missing[@]})) || return 0
    on_debian_as_root || fail "the tests need ${missing[*]}. As root: apt-get install ${missing[*]}"
    apt_install "${missing[@]}"
    # nor at the next boot
    if [[ " ${missing[*]} " == *" dovecot-imapd "* ]] && command -v systemctl >/dev/null; then
        systemctl disable -q dovecot.service dovecot.socket 2>/dev/null || true
    fi
}

egress() {
    local missing=()
    command -v ip >/dev/null || missing+=(iproute2)
    command -v nft >/dev/null || missing+=(nftables)
    ((${#missing[@]})) || return 0
    on_debian_as_root || fail "the proof needs ${missing[*]}. As root: apt-get install ${missing[*]}"
    apt_install "${missing[@]}"
}

case "${1:-}" in
    install) install "${2:?folder}" "${3:?lock}" ;;
    system) system ;;
    egress) egress ;;
    *)
        sed -n '2,9s/^# \{0,1\}//p' "$0" >&2
        exit 2
        ;;
esac
