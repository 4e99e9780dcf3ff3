"""`image`: prepare a card from which a blank Pi becomes a kiosk at its first start."""

import argparse
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from protocol.v1.trust import ca_fingerprint
from provisioning import kiosk_file
from provisioning.commands.configure import checked_claim_code, given_settings
from provisioning.errors import ProvisioningError
from provisioning.image.card import KioskCard, Wifi
from provisioning.image.contents import FOLDER, System, jetson_files
from provisioning.image.layer import BOARDS, NAME, layer_files, parts_folder
from provisioning.image.served import bundle_of, newest_bundle
from provisioning.image.writing import (
    PYTHON_OF,
    Boot,
    changed,
    copy_bundle,
    delete,
    leftover,
    make_private,
    planned,
    refuse_unusable_bundle,
    write,
)
from provisioning.masking import masked
from provisioning.options import add_command, add_dry_run, add_server_options, add_setting_options
from provisioning.outcome import CommandOutcome
from provisioning.session import refuse_plain
from provisioning.trust import met

if TYPE_CHECKING:
    from provisioning.options import Commands

_DONE_ALREADY = "everything is prepared already"
_SECRET_FILE = f"{FOLDER}/school.nmconnection"


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
    _add_target(command)
    command.add_argument("--hostname", required=True, help="name of the machine")
    command.add_argument("--time-zone", default="UTC", help="such as Europe/Berlin [UTC]")
    command.add_argument("--wifi", metavar="NAME", help="wireless network; default: a cable")
    command.add_argument("--wifi-password-file", type=Path, help="file with its password")
    command.add_argument("--wifi-country", metavar="XX", help="two letters, such as DE")
    command.add_argument(
        "--bundle", type=Path, help="folder that `rollcall-provision bundle` made; copied too"
    )
    command.add_argument(
        "--from-server",
        action="store_true",
        help="the kiosk downloads its programs from the server; nothing is copied, and a folder"
        " named by --bundle says which ones [the server's newest]",
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


def _add_target(command: argparse.ArgumentParser) -> None:
    target = command.add_mutually_exclusive_group(required=True)
    target.add_argument("--boot", type=Path, help="where the card's small partition is mounted")
    target.add_argument(
        "--layer", type=Path, help="instead of a card: folder for a layer of rpi-image-gen"
    )
    target.add_argument(
        "--jetson", type=Path, help="instead of a card: folder, such as a USB stick, for a Jetson"
    )
    command.add_argument(
        "--system",
        type=System,
        choices=list(System),
        default=System.CLOUD_INIT,
        help=f"with --layer: the image's system, {' or '.join(System)} [%(default)s]",
    )
    command.add_argument(
        "--board", choices=BOARDS, default="rpi5", help="with --layer: the image's board [rpi5]"
    )


@dataclass(frozen=True)
class _Target:
    """Where the files go.

    Attributes:
        name: of the option that names the folder.
        folder: in which all paths lie.
        parts: folder in which the kiosk's own folder lies.
        system: that will run them.
        files: path below `folder` and text.
        done: what to do next.
        sha256: of the bundle that the kiosk downloads; empty: it is among the files.
    """

    name: str
    folder: Path
    parts: Path
    system: System
    files: dict[str, str]
    done: str
    sha256: str


def run(options: argparse.Namespace) -> CommandOutcome:
    """Write the card or the layer, or show what would be written."""
    refuse_plain(options)
    target = _target(options)
    due = changed(target.folder, target.files)
    facts: dict[str, Any] = {"system": target.system.value, "files": due}
    facts[target.name] = str(target.folder)
    gone = leftover(target.parts, {target.folder / path for path in target.files})
    facts["deleted"] = [str(path.relative_to(target.folder)) for path in gone]
    if options.dry_run:
        shown = _shown({path: target.files[path] for path in due}, facts["deleted"])
        return CommandOutcome(shown, facts)
    is_copied = not options.from_server
    if is_copied or options.bundle is not None:
        refuse_unusable_bundle(options.bundle, target.parts, target.system)
    make_private(target.folder)
    has_more = is_copied and options.bundle is not None
    copied = copy_bundle(options.bundle, target.parts) if has_more else 0
    delete(gone)
    write(target.folder, {path: target.files[path] for path in due})
    facts["bytes_copied"] = copied
    done = target.done if due or copied or gone else _DONE_ALREADY
    if target.sha256:
        facts["bundle_sha256"] = target.sha256
        done += f"\nthe kiosk downloads the bundle {target.sha256} from {options.server}"
    return CommandOutcome(done, facts)


def _target(options: argparse.Namespace) -> _Target:
    if options.layer is not None:
        return _layer_target(options)
    return _card_target(options) if options.jetson is None else _jetson_target(options)


def _jetson_target(options: argparse.Namespace) -> _Target:
    folder: Path = options.jetson
    if options.from_server:
        raise ProvisioningError("--from-server works on a Raspberry Pi only")
    card = _card(options, System.FIRSTRUN)
    done = "the folder is prepared: on the Jetson, run `sudo bash jetson.sh` in it"
    return _Target("jetson", folder, folder, System.FIRSTRUN, jetson_files(card), done, "")


def _card_target(options: argparse.Namespace) -> _Target:
    boot = Boot.at(options.boot)
    done = f"the card is prepared ({boot.system.value}): eject it, put it into the Pi, switch it on"
    card = _card(options, boot.system)
    files = planned(boot, card)
    return _Target("boot", boot.path, boot.path, boot.system, files, done, card.bundle_sha256)


def _layer_target(options: argparse.Namespace) -> _Target:
    folder: Path = options.layer
    card = _card(options, options.system)
    files = layer_files(options.system, options.board, card)
    parts = parts_folder(folder)
    done = (
        f"the layer is prepared ({options.system.value}), and holds the kiosk's secrets. Build the"
        f" image with `rpi-image-gen build -S {folder} -c {NAME}.yaml`, then delete the folder"
    )
    return _Target("layer", folder, parts, options.system, files, done, card.bundle_sha256)


def _card(options: argparse.Namespace, system: System) -> KioskCard:
    authority = _authority(options)
    settings = given_settings(options)
    settings.pop("server_ca", None)
    if options.claim_code is not None:
        settings["claim_code"] = checked_claim_code(options.claim_code)
    sha256 = ""
    if options.from_server:
        sha256, authority = _served(options, system, settings.get("claim_code"))
    return KioskCard(
        hostname=options.hostname,
        time_zone=options.time_zone,
        settings=_checked(settings),
        wifi=_wifi(options),
        authority=authority,
        bundle_sha256=sha256,
        is_read_only=options.read_only,
    )


def _served(options: argparse.Namespace, system: System, claim_code: str | None) -> tuple[str, str]:
    """Return the digest of the bundle that the kiosk downloads, and the server's authority, PEM."""
    if claim_code is None:
        raise ProvisioningError("--from-server needs --claim-code: the server asks for it")
    found = met(
        options.server,
        fingerprint=options.server_ca_fingerprint,
        ca_file=options.server_ca,
        ask=input,
        allows_plain=bool(options.allow_plain),
    )
    if options.bundle is not None:
        return bundle_of(options.bundle), found.ca_pem or ""
    target = PYTHON_OF[system]
    sha256 = newest_bundle(options.server, target, claim_code=claim_code, authority=found.ca_pem)
    return sha256, found.ca_pem or ""


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


def _shown(files: dict[str, str], deleted: Iterable[str]) -> str:
    lines = [f"would delete {path}, left by an earlier run" for path in deleted]
    for path, text in files.items():
        if path.endswith(_SECRET_FILE):
            lines.append(f"would write {path} (hidden: it holds the network's password)")
            continue
        shown = masked(text) if path.endswith("kiosk.toml") else text
        lines += [f"would write {path}:", *(f"  {line}" for line in shown.splitlines())]
    return "\n".join(lines) or _DONE_ALREADY
