"""The text of every file that goes onto a card."""

import configparser
import io
import shlex
import uuid
from enum import StrEnum

import tomlkit

from provisioning.errors import ProvisioningError
from provisioning.image.card import KioskCard, Wifi
from provisioning.image.parts import JETSON_SCRIPT, SCRIPT, copied_parts, jetson_script

#: Folder on the boot partition.
FOLDER = "rollcall"
_MOUNT = "/boot/firmware"
_FIRSTRUN = "firstrun.sh"
_ARGUMENTS = (
    f"systemd.run={_MOUNT}/{_FIRSTRUN} systemd.run_success_action=reboot"
    " systemd.run_failure_action=reboot systemd.unit=kernel-command-line.target"
)


class System(StrEnum):
    """How the card's operating system runs something at its first start."""

    CLOUD_INIT = "trixie"
    FIRSTRUN = "bookworm"


#: Files that a card has only where it is asked for them; both are about one school.
OPTIONAL = (f"{FOLDER}/server-ca.pem", f"{FOLDER}/school.nmconnection")


def card_files(card: KioskCard) -> dict[str, str]:
    """Return path below the boot partition and text of what is the same on both systems."""
    found = {f"{FOLDER}/{name}": text for name, text in copied_parts().items()}
    found[f"{FOLDER}/card.conf"] = _shell(_facts(card))
    found[f"{FOLDER}/kiosk.toml"] = _settings(card)
    if card.authority:
        found[f"{FOLDER}/server-ca.pem"] = card.authority
    if card.wifi is not None:
        found[f"{FOLDER}/school.nmconnection"] = wifi_profile(card.wifi)
    return found


def _facts(card: KioskCard) -> dict[str, str]:
    """Return what the script is told, by the names that it has for it."""
    found = {
        "HOSTNAME_WANTED": card.hostname,
        "TIME_ZONE": card.time_zone,
        "WIFI_COUNTRY": card.wifi.country if card.wifi is not None else "",
        "READ_ONLY": "yes" if card.is_read_only else "",
    }
    if card.bundle_sha256:
        found["BUNDLE_SHA256"] = card.bundle_sha256
        found["SERVER_URL"] = str(tomlkit.parse(card.settings)["server_url"])
    return found


def jetson_files(card: KioskCard) -> dict[str, str]:
    """Return path and text of every file of a folder from which a Jetson is installed.

    Raises:
        ProvisioningError: the system of a Jetson cannot be read-only.
    """
    if card.is_read_only:
        raise ProvisioningError("--read-only works on a Raspberry Pi only")
    return {JETSON_SCRIPT: jetson_script(), **card_files(card)}


def start_files(system: System, card: KioskCard, command_line: str) -> dict[str, str]:
    """Return what makes the system run the first boot script.

    Args:
        system: of the card.
        card: what the kiosk is called.
        command_line: `cmdline.txt` as it is on the card.

    Raises:
        ProvisioningError: the command line is not one line, so the card is no such system.
    """
    script = f"{_MOUNT}/{FOLDER}/{SCRIPT}"
    if system is System.CLOUD_INIT:
        return {
            "user-data": _cloud_config(card.hostname, script),
            "meta-data": f"instance-id: rollcall-{uuid.uuid5(uuid.NAMESPACE_DNS, card.hostname)}\n",
        }
    words = command_line.split()
    if not words or len(command_line.strip().splitlines()) != 1:
        raise ProvisioningError("cmdline.txt on the card is not one line; write the card again")
    kept = [word for word in words if word not in _ARGUMENTS.split()]
    return {
        _FIRSTRUN: _firstrun(script),
        "cmdline.txt": f"{' '.join([*kept, *_ARGUMENTS.split()])}\n",
    }


def wifi_profile(wifi: Wifi) -> str:
    """Return a profile of NetworkManager (keyfile format)."""
    profile = configparser.RawConfigParser(delimiters="=", comment_prefixes=())
    profile.optionxform = str  # type: ignore[assignment,method-assign]
    profile["connection"] = {"id": "school", "type": "wifi", "autoconnect": "true"}
    profile["wifi"] = {"mode": "infrastructure", "ssid": _bytes(wifi.name)}
    profile["wifi-security"] = {"key-mgmt": "wpa-psk", "psk": _escaped(wifi.password)}
    profile["ipv4"] = {"method": "auto"}
    profile["ipv6"] = {"method": "auto"}
    written = io.StringIO()
    profile.write(written, space_around_delimiters=False)
    return written.getvalue()


def _bytes(words: str) -> str:
    """Return a name as numbers, so that no letter of it has a meaning in the file."""
    return "".join(f"{byte};" for byte in words.encode())


def _escaped(words: str) -> str:
    """Return a value that GLib's key files give back as it is: spaces at its ends too."""
    return words.replace("\\", "\\\\").replace(" ", "\\s")


def _settings(card: KioskCard) -> str:
    settings = tomlkit.parse(card.settings)
    settings["data_dir"] = "/var/lib/rollcall-kiosk"
    if card.authority:
        settings["server_ca"] = "/etc/rollcall/server-ca.pem"
    return tomlkit.dumps(settings)


def _shell(values: dict[str, str]) -> str:
    return "".join(f"{name}={shlex.quote(value)}\n" for name, value in values.items())


def _cloud_config(hostname: str, script: str) -> str:
    return (
        "#cloud-config\n"
        f"hostname: {hostname}\n"
        "manage_etc_hosts: false\n"
        "ssh_pwauth: false\n"
        "users: []\n"
        f"runcmd:\n  - [bash, {script}]\n"
    )


def _firstrun(script: str) -> str:
    return (
        "#!/bin/bash\n"
        "# Runs once: removes itself, then installs the kiosk; that tries again by its own unit.\n"
        f"sed -i 's| {_ARGUMENTS.split()[0]}.*||' {_MOUNT}/cmdline.txt\n"
        f"rm -f {_MOUNT}/{_FIRSTRUN}\n"
        f"bash {script}\n"
    )
