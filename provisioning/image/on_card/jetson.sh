#!/bin/bash
# Makes a kiosk of a Jetson with JetPack 6: run it with sudo, from the folder in which it lies.
# Needs no network. It copies the folder, so that an interrupted installation goes on at the next start.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
place=/var/lib/rollcall-install

die() {
    printf 'rollcall: %s\n' "$*" >&2
    exit 1
}

[ "$(id -u)" = 0 ] || die "run it with sudo"
grep -q '^# R36 ' /etc/nv_tegra_release 2>/dev/null || die "this is not a Jetson with JetPack 6"
[ -e "$here/rollcall/card.conf" ] || die "the folder rollcall is missing beside this script; prepare it again"

rm -rf "$place"
(umask 077 && mkdir -p "$place" && cp -r "$here/rollcall/." "$place/")
# The system has Python 3.10; the bundle brings the packages of 3.11.
printf 'PYTHON=python3.11\n' >>"$place/card.conf"
# The kiosk takes the screen; the desktop stays installed.
systemctl set-default --quiet multi-user.target
bash "$place/first-boot.sh"
# Secrets do not stay on a stick that every computer reads.
rm -f "$here/rollcall/kiosk.toml" "$here/rollcall/school.nmconnection"
printf 'rollcall: Installed. The Jetson starts again now; take the stick out.\n'
systemctl --no-block reboot
