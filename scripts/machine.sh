# Debian packages and uv for this folder; read by scripts/bootstrap and scripts/install.
# shellcheck shell=bash

UV_VERSION=0.13.9
TOOLS="${XDG_CACHE_HOME:-${HOME:-.}/.cache}/rollcall/tools"  # uv's wheel, for clones without the package index
export UV_PYTHON_DOWNLOADS=never

say() { printf 'rollcall: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

packages() {
    local purpose
    for purpose in "$@"; do
        sed -n "s/^$purpose: *//p" scripts/debian-packages.txt
    done | tr ' ' '\n' | sort -u
}

missing_packages() {
    local name
    for name in $(packages "$@"); do
        dpkg-query -W -f='${db:Status-Status}' "$name" 2>/dev/null | grep -qx installed || echo "$name"
    done
}

install_packages() {
    command -v dpkg-query >/dev/null || { say "this is not Debian: install what scripts/debian-packages.txt names"; return; }
    local missing run=()
    missing=$(missing_packages "$@" | tr '\n' ' ')
    [ -n "$missing" ] || return 0
    if [ "$(id -u)" != 0 ]; then
        sudo -n true 2>/dev/null || die "please run: sudo apt-get install --no-install-recommends $missing"
        run=(sudo -n)
    fi
    say "installing Debian packages: $missing"
    # shellcheck disable=SC2086
    "${run[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $missing >/dev/null 2>&1 ||
        { "${run[@]}" apt-get update -qq >/dev/null &&
          "${run[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $missing >/dev/null; } ||
        die "apt-get could not install: $missing"
}

python_candidate() {
    local candidate
    for candidate in python3.11 python3.12 python3.13 python3; do
        "$candidate" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null && { echo "$candidate"; return; }
    done
    return 1
}

find_python() {
    python_candidate || die "needs Python 3.11, 3.12 or 3.13: sudo apt-get install python3 python3-venv"
}

# A bare Debian has no Python at all, or one that cannot make an environment.
can_make_environments() {
    local python
    python=$(python_candidate) && "$python" -c 'import ensurepip' 2>/dev/null
}

install_uv() {
    [ -x .tools/bin/uv ] && .tools/bin/uv --version | grep -qF "$UV_VERSION" && return
    local python
    python=$(find_python)
    say "installing uv $UV_VERSION into .tools"
    "$python" -m venv .tools
    uv_from_tools 2>/dev/null ||
        { pip download --no-deps --dest "$TOOLS" "uv==$UV_VERSION" && uv_from_tools; } ||
        die "could not install uv from the package index; without it, put uv's wheel into $TOOLS"
}

pip() { .tools/bin/python -m pip --quiet --disable-pip-version-check "$@"; }

uv_from_tools() { pip install --no-index --find-links "$TOOLS" "uv==$UV_VERSION"; }

install_packages_and_uv() {
    if [ -x .tools/bin/uv ] || can_make_environments; then install_packages "$@"; else install_packages venv "$@"; fi
    install_uv
}
