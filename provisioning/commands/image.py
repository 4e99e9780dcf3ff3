"""`image`: prepare a card from which a blank Pi becomes a kiosk at its first start."""

import argparse
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from protocol.v1.trust import ca_fingerprint
from provisioning import kiosk_file
from provisioning.commands.configure import checked_claim_code, given_settings
from provisioning.errors import ProvisioningError
from provisioning.image.card import KioskCard, Wifi
from provisioning.image.writing import (
    Boot,
    changed,
    copy_bundle,
    planned,
    refuse_unusable_bundle,
    write,
)
from provisioning.masking import masked
from provisioning.options import add_command, add_dry_run, add_server_options, add_setting_options
from provisioning.outcome import CommandOutcome
from provisioning.session import refuse_plain

if TYPE_CHECKING:
    from provisioning.options import Commands

_SECRET_FILES = ("rollcall/school.nmconnection",)


def add_to(commands: "Commands") -> None:
    """Add the command."""
    command = add_command(
        commands,
        "image",
        run,
        words="prepare a card from which a blank Pi becomes a kiosk",
        example="rollcall-provision image --boot /media/tina/bootfs --hostname kiosk-r12"
        " --server https://rollcall.example.org --claim-code 7KQ2M9TX --bundle kiosk-bundle",
    )
    command.add_argument(
        "--boot", type=Path, required=True, help="where the card's small partition is mounted"
    )
    command.add_argument("--hostname", required=True, help="name of the machine")
    command.add_argument("--time-zone", default="UTC", help="such as Europe/Berlin [UTC]")
    command.add_argument("--wifi", metavar="NAME", help="wireless network; default: a cable")
    command.add_argument("--wifi-password-file", type=Path, help="file with its password")
    command.add_argument("--wifi-country", metavar="XX", help="two letters, such as DE")
    command.add_argument(
        "--bundle", type=Path, help="folder that `rollcall-provision bundle` made; copied too"
    )
    command.add_argument(
        "--read-only",
        action="store_true",
        help="never write to the system; records go to a partition with the label rollcall-data",
    )
    command.add_argument("--claim-code", help="8 characters, from the server's Kiosks page")
    add_server_options(command)
    add_setting_options(command)
    add_dry_run(command, "only show what would be written")


def run(options: argparse.Namespace) -> CommandOutcome:
    """Write the card, or show what would be written."""
    refuse_plain(options)
    boot = Boot.at(options.boot)
    files = planned(boot, _card(options))
    due = changed(boot, files)
    facts: dict[str, Any] = {"boot": str(boot.path), "system": boot.system.value, "files": due}
    if options.dry_run:
        return CommandOutcome(_shown({path: files[path] for path in due}), facts)
    refuse_unusable_bundle(options.bundle, boot)
    copied = copy_bundle(options.bundle, boot) if options.bundle is not None else 0
    write(boot, {path: files[path] for path in due})
    facts["bytes_copied"] = copied
    if not due and not copied:
        return CommandOutcome("the card is prepared already", facts)
    return CommandOutcome(
        f"the card is prepared ({boot.system.value}): eject it, put it into the Pi, switch it on",
        facts,
    )


def _card(options: argparse.Namespace) -> KioskCard:
    authority = _authority(options)
    settings = given_settings(options)
    settings.pop("server_ca", None)
    if options.claim_code is not None:
        settings["claim_code"] = checked_claim_code(options.claim_code)
    return KioskCard(
        hostname=options.hostname,
        time_zone=options.time_zone,
        settings=_checked(settings),
        wifi=_wifi(options),
        authority=authority,
        is_read_only=options.read_only,
    )


def _checked(settings: dict[str, Any]) -> str:
    """Return settings as a file that the kiosk itself accepts."""
    with tempfile.TemporaryDirectory() as folder:
        draft = kiosk_file.read(Path(folder) / "kiosk.toml")
        change = kiosk_file.changed(draft, settings, is_public=False)
        kiosk_file.check(change)
        return change.text


def _authority(options: argparse.Namespace) -> str:
    if options.server_ca is None:
        return ""
    try:
        pem = Path(options.server_ca).read_text(encoding="ascii")
        ca_fingerprint(pem)
    except (OSError, ValueError) as exc:
        raise ProvisioningError(f"{options.server_ca} holds no certificate") from exc
    return pem


def _wifi(options: argparse.Namespace) -> Wifi | None:
    if options.wifi is None:
        return None
    if options.wifi_password_file is None or options.wifi_country is None:
        raise ProvisioningError("--wifi needs --wifi-password-file and --wifi-country")
    try:
        password = options.wifi_password_file.read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as exc:
        raise ProvisioningError(f"cannot read {options.wifi_password_file}") from exc
    return Wifi(options.wifi, password, options.wifi_country)


def _shown(files: dict[str, str]) -> str:
    lines = []
    for path, text in files.items():
        if path in _SECRET_FILES:
            lines.append(f"would write {path} (hidden: it holds the network's password)")
            continue
        shown = masked(text) if path.endswith("kiosk.toml") else text
        lines += [f"would write {path}:", *(f"  {line}" for line in shown.splitlines())]
    return "\n".join(lines) or "the card is prepared already"
