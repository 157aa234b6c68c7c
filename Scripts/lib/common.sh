# Sourced by the scripts beside this folder.
# shellcheck shell=bash
# shellcheck disable=SC2034  # They use what is set here.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

say() { printf '%s\n' "$*"; }

fail() {
    printf '%s: error: %s\n' "$(basename "$0")" "$*" >&2
    exit 1
}

# Installs Debian packages that are missing, and says so.
need_packages() {
    local missing=() name
    for name in "$@"; do
        dpkg-query -W -f '${Status}' "$name" 2>/dev/null | grep -q '^install ok installed$' ||
            missing+=("$name")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    printf '%s: installing with apt: %s\n' "$(basename "$0")" "${missing[*]}" >&2
    [ "$(id -u)" = 0 ] || fail "apt needs root: run this as root, or through sudo"
    export DEBIAN_FRONTEND=noninteractive
    apt-get install -y -qq "${missing[@]}" >/dev/null 2>&1 ||
        { apt-get update -qq && apt-get install -y -qq "${missing[@]}" >/dev/null; } ||
        fail "apt could not install: ${missing[*]}"
}

need_swift() {
    command -v swift >/dev/null ||
        fail "swift is not on the PATH: install Swift 6.3 or later from https://www.swift.org/install"
}

# As root, or else through sudo if it asks for nothing.
need_root() {
    [ "$(id -u)" = 0 ] && return 0
    if command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
        exec sudo -n env "PATH=$PATH" "$0" "$@"
    fi
    fail "apt, and reading the memory of another process, need root: run this as root, or through sudo"
}

build_packages=(libsodium-dev libsqlite3-dev)
server_packages=(glewlwyd sqlite3 openssl)
