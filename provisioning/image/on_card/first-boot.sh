#!/bin/bash
# Makes a kiosk of this machine, from the folder in which this script lies. Needs no network, unless
# card.conf names the digest of a bundle: then the school's server has the programs.
# Running it again changes nothing more. Until it has succeeded it runs at every start.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
user=rollcall-kiosk
download=/var/lib/rollcall-download
bundle=$here/bundle from="on the card"
again="See first-boot.log on the card, correct it and switch the kiosk off and on."

say() {
    # A card that is full or locked does not end the installation.
    printf 'rollcall: %s\n' "$*" | tee -a "$here/first-boot.log" || true
    [ ! -w /dev/tty1 ] || printf '\nrollcall: %s\n' "$*" >/dev/tty1
}
fail() {
    say "The kiosk could not be installed: $*. $again"
    exit 1
}
trap 'fail "line $LINENO of first-boot.sh failed"' ERR

# shellcheck source=/dev/null
. "$here/card.conf"

after=() repeat=('TimeoutStartSec=30min')
if [ -n "${BUNDLE_SHA256:-}" ]; then
    bundle=$download/bundle from="from the server"
    again="It is tried again in two minutes. See first-boot.log on the card."
    after=('Wants=network-online.target' 'After=network-online.target')
    repeat=('TimeoutStartSec=4h' 'Restart=on-failure' 'RestartSec=2min' 'Environment=BOOT_UNIT=yes')
fi
retry=/etc/systemd/system/rollcall-first-boot.service
printf '%s\n' '[Unit]' 'Description=Install the Rollcall kiosk' "ConditionPathExists=$here/card.conf" "${after[@]}" \
    '[Service]' 'Type=oneshot' "ExecStart=/bin/bash $here/first-boot.sh" "${repeat[@]}" \
    '[Install]' 'WantedBy=multi-user.target' >"$retry"
systemctl enable --quiet rollcall-first-boot.service

say "Installing the kiosk. This takes some minutes; do not switch it off."
printf '%s\n' "$HOSTNAME_WANTED" >"/etc/hostname"
grep -q "[[:space:]]$HOSTNAME_WANTED\$" "/etc/hosts" || printf '127.0.1.1\t%s\n' "$HOSTNAME_WANTED" >>"/etc/hosts"
hostname "$HOSTNAME_WANTED" 2>/dev/null || true
ln -sf "/usr/share/zoneinfo/$TIME_ZONE" "/etc/localtime"
printf '%s\n' "$TIME_ZONE" >"/etc/timezone"

if [ -e "$here/school.nmconnection" ]; then
    install -d -m 0700 /etc/NetworkManager/system-connections
    install -m 0600 "$here/school.nmconnection" /etc/NetworkManager/system-connections/school.nmconnection
    # Raspberry Pi OS keeps the radio off until the country is known.
    raspi-config nonint do_wifi_country "$WIFI_COUNTRY" 2>/dev/null || iw reg set "$WIFI_COUNTRY" 2>/dev/null || true
    rfkill unblock wifi 2>/dev/null || true
    nmcli connection reload 2>/dev/null || true
fi

if [ -n "${BUNDLE_SHA256:-}" ] && [ -z "${BOOT_UNIT:-}" ]; then
    # There may be no network yet, and nothing would try again before the next start. The unit waits
    # for the network and is tried again after a pause.
    say "The programs come from $SERVER_URL as soon as there is a network."
    systemctl daemon-reload
    systemctl --no-block start rollcall-first-boot.service
    exit 0
fi
if [ -n "${BUNDLE_SHA256:-}" ]; then
    say "Downloading the programs from $SERVER_URL."
    authority=() settings=$here/kiosk.toml problem=$download.problem
    [ -e "$settings" ] || settings=/etc/rollcall/kiosk.toml # after a cut at the end of an earlier run
    [ ! -e "$here/server-ca.pem" ] || authority=(--authority "$here/server-ca.pem")
    # Nothing of it is used before all of it is there and has the digests that follow from the card's.
    python3 -I -B "$here/fetch_bundle.py" --server "$SERVER_URL" --sha256 "$BUNDLE_SHA256" \
        --settings "$settings" "${authority[@]}" --into "$download" --tries "${FETCH_TRIES:-6}" 2>"$problem" |
        while read -r line; do say "$line"; done || {
        words=$(tail -n 1 "$problem")
        fail "${words:-the download was stopped}"
    }
    rm -f "$problem"
fi

if [ -d "$bundle/debs" ]; then
    say "Installing the packages of the system."
    # Present packages that are newer stay; those of the card need no index and no network.
    # After a power cut some are unpacked and not set up; those would be skipped.
    DEBIAN_FRONTEND=noninteractive dpkg --configure --pending >>"$here/first-boot.log" 2>&1 || true
    DEBIAN_FRONTEND=noninteractive dpkg --install --skip-same-version --refuse-downgrade "$bundle"/debs/*.deb \
        >>"$here/first-boot.log" 2>&1 || fail "the packages $from cannot be installed"
fi

for program in cage seatd; do
    command -v "$program" >/dev/null || [ -x "/usr/sbin/$program" ] ||
        fail "$program is missing; make the bundle with --debs"
done

getent group plugdev >/dev/null || groupadd --system plugdev
getent group render >/dev/null || groupadd --system render
id "$user" >/dev/null 2>&1 ||
    useradd --system --user-group --home-dir "/var/lib/$user" --shell /usr/sbin/nologin "$user"
usermod --append --groups video,render,input,plugdev "$user"

say "Installing the programs."
# After a power cut the environment may be half there.
/opt/rollcall/bin/python -m pip --version >/dev/null 2>&1 || "${PYTHON:-python3}" -m venv --clear /opt/rollcall
/opt/rollcall/bin/python -m pip --quiet --disable-pip-version-check install --no-index --no-deps --require-hashes \
    --ignore-requires-python --find-links "$bundle/wheels" --requirement "$bundle/requirements.txt" >>"$here/first-boot.log" 2>&1 ||
    fail "the programs $from are damaged or made for another Python"
/opt/rollcall/bin/rollcall-provision bundle "$bundle" --check >>"$here/first-boot.log" 2>&1 ||
    fail "files $from are damaged or missing"
install -d -m 0755 /var/lib/rollcall-assets
cp -r --no-preserve=mode,ownership "$bundle/models" /var/lib/rollcall-assets/

install -d -m 0755 /etc/rollcall
if [ -e "$here/kiosk.toml" ]; then
    install -m 0640 -o root -g "$user" "$here/kiosk.toml" /etc/rollcall/kiosk.toml
fi
[ -e /etc/rollcall/kiosk.toml ] || fail "the settings kiosk.toml are missing on the card; prepare it again"
[ ! -e "$here/server-ca.pem" ] || install -m 0644 "$here/server-ca.pem" /etc/rollcall/server-ca.pem
install -D -m 0644 "$here/60-rollcall-coral.rules" /etc/udev/rules.d/60-rollcall-coral.rules
install -D -m 0644 "$here/60-rollcall-network.rules" /etc/polkit-1/rules.d/60-rollcall-network.rules
install -D -m 0644 "$here/rollcall-logs.conf" /etc/systemd/journald.conf.d/rollcall.conf
install -D -m 0644 "$here/rollcall-watchdog.conf" /etc/systemd/system.conf.d/rollcall.conf
install -D -m 0644 "$here/rollcall-kiosk.service" /etc/systemd/system/rollcall-kiosk.service
systemctl disable userconfig.service 2>/dev/null || true
systemctl enable --quiet rollcall-kiosk.service
systemctl enable --quiet systemd-timesyncd.service 2>/dev/null || true

if [ "${READ_ONLY:-}" = yes ]; then
    # Changes of the system live in memory; the kiosk's records lie on a partition apart.
    command -v overlayroot-chroot >/dev/null || fail "overlayroot is missing; make the bundle with it in --debs"
    [ -e /dev/disk/by-label/rollcall-data ] || fail "no partition has the label rollcall-data, for the kiosk's records"
    install -d -m 0700 -o "$user" -g "$user" "/var/lib/$user"
    grep -q '^LABEL=rollcall-data ' /etc/fstab ||
        printf 'LABEL=rollcall-data /var/lib/%s ext4 noatime,nodev,nosuid,noexec,nofail 0 2\n' "$user" >>/etc/fstab
    grep -qw 'overlayroot=tmpfs:recurse=0' "$here/../cmdline.txt" ||
        sed -i '1s/$/ overlayroot=tmpfs:recurse=0/' "$here/../cmdline.txt"
    say "The system becomes read-only at the next start."
fi

# Secrets do not stay on a part of the card that every computer reads. They go before the retry
# ends, so that a power cut between the two leaves none behind.
sync
rm -f "$here/kiosk.toml" "$here/school.nmconnection"
systemctl daemon-reload
systemctl disable --quiet rollcall-first-boot.service
rm -rf "$download"
# The last step before the end: a systemd that reads its units again and misses the one that it is
# running falls back to its usual limit of 90 s, and kills this script.
rm -f "$retry"

if [ "${READ_ONLY:-}" = yes ]; then
    say "Installed. The kiosk starts again now."
    systemctl --no-block reboot
else
    say "Installed. The kiosk starts now."
    systemctl --no-block start rollcall-kiosk.service
fi
