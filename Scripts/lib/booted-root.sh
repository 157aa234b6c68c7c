# Sourced by Scripts/test-system: a real systemd in a container, with a root folder of its own.
# shellcheck shell=bash disable=SC2154

booted=
container=
first_process=

# The packages that a package file needs, without versions.
dependencies() {
    dpkg-deb -f "$1" Depends | tr ',' '\n' | sed 's/ *(.*//; s/|.*//; s/^ *//' | sort -u
}

# Makes the root folder with these packages once, and a fresh copy of it for this run.
prepare_root() {
    local base=$root/.build-system suite packages
    suite=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
    packages=$(printf '%s\n' "$@" | sort -u | paste -sd ,)
    if [ "$(cat "$base/packages" 2>/dev/null)" != "$suite $packages" ]; then
        rm -rf "$base"
        mkdir -p "$base"
        timeout 900 mmdebstrap --quiet --variant=minbase --include="$packages" "$suite" "$base/root" ||
            fail "mmdebstrap could not make a root folder"
        printf '%s %s\n' "$suite" "$packages" >"$base/packages"
    fi
    booted=$work/root
    cp -a --reflink=auto "$base/root" "$booted"
    printf '127.0.0.1 localhost\n' >"$booted/etc/hosts"
    mkdir -p "$booted/etc/credstore.encrypted"
}

boot_root() {
    # Memory is locked on a real machine without being asked; in a container it has to be allowed.
    systemd-nspawn --quiet --directory="$booted" --register=no --keep-unit --boot --console=pipe \
        --resolv-conf=off --capability=CAP_SYS_RESOURCE --system-call-filter=@memlock \
        </dev/null >"$work/console" 2>&1 &
    container=$!
    for _ in $(seq 300); do
        first_process=$(pgrep -P "$container" | head -n 1 || true)
        [ -z "$first_process" ] || case $(inside systemctl is-system-running 2>/dev/null) in
        running | degraded) return 0 ;;
        esac
        kill -0 "$container" 2>/dev/null || break
        sleep 0.1
    done
    tail -n 20 "$work/console" >&2
    fail "systemd did not start in its container"
}

# Runs a command in it, as root; each has a minute.
inside() {
    timeout 60 nsenter -t "$first_process" -m -u -i -n -p -C "$@"
}

halt_root() {
    [ -n "$container" ] || return 0
    if [ -n "$first_process" ]; then
        # SIGRTMIN+4: power off, without a bus.
        kill -RTMIN+4 "$first_process" 2>/dev/null || true
        for _ in $(seq 100); do
            kill -0 "$container" 2>/dev/null || break
            sleep 0.1
        done
        kill -KILL "$first_process" 2>/dev/null || true
    fi
    kill -KILL "$container" 2>/dev/null || true
    wait "$container" 2>/dev/null || true
    container=
}
