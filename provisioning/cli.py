"""`rollcall-provision`: claim a kiosk, move it to another room, write its settings."""

import argparse
import getpass
import sys
from collections.abc import Sequence
from pathlib import Path

from kiosk.config import CameraRotation
from protocol.v1.tls import is_plain_abroad
from provisioning import kiosk_file
from provisioning.errors import ProvisioningError
from provisioning.office import Office
from provisioning.trust import met, plain_words

DEFAULT_FILE = Path("/etc/rollcall/kiosk.toml")
_WRITTEN = (
    "server_ca",
    "server_ca_fingerprint",
    "allow_plain",
    "claim_code",
    "camera",
    "camera_rotation",
    "camera_mirror",
    "data_dir",
    "language",
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; 0, or 1 with one plain sentence on standard error."""
    options = _parser().parse_args(arguments)
    try:
        message: str = options.command(options)
    except ProvisioningError as exc:
        sys.stderr.write(f"rollcall-provision: {exc}\n")
        return 1
    sys.stdout.write(f"{message}\n")
    return 0


def _claim(options: argparse.Namespace) -> str:
    if options.dry_run:
        _refuse_plain(options)
        _password(options)
        return f"would ask {options.server} for a claim code for {options.name!r}"
    office = _office(options)
    password = _password(options)
    with office.signed_in(options.username, password, _ask_code):
        code = office.claim_code(options.name, options.room)
    if not options.write:
        return f"claim code: {code}"
    options.claim_code = code
    return f"claim code: {code}\n{_configure(options)}"


def _move(options: argparse.Namespace) -> str:
    office = _office(options)
    password = _password(options)
    with office.signed_in(options.username, password, _ask_code):
        change = office.room_change(options.name, options.room)
        if not change.is_needed:
            return f"{options.name!r} is in room {change.to_room!r} already"
        if not options.dry_run:
            office.move(change)
    done = "would move" if options.dry_run else "moved"
    return f"{done} {options.name!r} from room {change.from_room!r} to {change.to_room!r}"


def _office(options: argparse.Namespace) -> Office:
    """Return a connection to the server, which is checked before the password is asked for."""
    found = met(
        options.server,
        fingerprint=options.server_ca_fingerprint,
        ca_file=options.server_ca,
        ask=input,
        allows_plain=bool(options.allow_plain),
        proxy=options.proxy or "",
    )
    options.server_ca_fingerprint = options.server_ca_fingerprint or found.fingerprint
    options.is_public = (
        found.is_confirmed and found.ca_pem is None and options.server.startswith("https:")
    )
    return Office(options.server, ca_pem=found.ca_pem, proxy=options.proxy)


def _refuse_plain(options: argparse.Namespace) -> None:
    if is_plain_abroad(options.server) and not options.allow_plain:
        raise ProvisioningError(plain_words(options.server))


def _configure(options: argparse.Namespace) -> str:
    _refuse_plain(options)
    given = {name: getattr(options, name, None) for name in _WRITTEN}
    changes = {name: value for name, value in given.items() if value is not None and value != ""}
    settings = kiosk_file.merged(options.file, {"server_url": options.server})
    is_public = getattr(options, "is_public", False)
    kiosk_file.drop_stale(options.file, settings, is_public=is_public)
    settings |= changes
    changed = kiosk_file.write(options.file, settings, is_dry_run=options.dry_run)
    if not changed:
        return f"{options.file} already says so"
    return f"{'would write' if options.dry_run else 'wrote'} {options.file}"


def _password(options: argparse.Namespace) -> str:
    try:
        if options.password_file is None:
            return getpass.getpass(f"Password of {options.username} on {options.server}: ")
        return str(options.password_file.read_text(encoding="utf-8").strip())
    except EOFError as exc:
        raise ProvisioningError("no password was typed; use --password-file") from exc
    except UnicodeDecodeError as exc:
        raise ProvisioningError(f"cannot read {options.password_file}: not UTF-8 text") from exc
    except OSError as exc:
        raise ProvisioningError(f"cannot read {options.password_file}: {exc.strerror}") from exc


def _ask_code() -> str:
    """Ask for the second step; it is typed even where the password comes from a file."""
    try:
        return input("Code of your authenticator app, or a recovery code: ").strip()
    except EOFError as exc:
        raise ProvisioningError("no code was typed; this account has two-step sign-in") from exc


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="rollcall-provision",
        description=__doc__,
        epilog="Example: rollcall-provision claim --help",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    claim = commands.add_parser(
        "claim",
        help="get a claim code for a kiosk in a room",
        epilog="Example: rollcall-provision claim --server https://rollcall.example.org "
        "--username tina --name 'Door of R12' --room R12 --write",
    )
    _add_account_options(claim)
    claim.add_argument("--room", required=True, type=str.strip, help="name of the kiosk's room")
    claim.add_argument("--write", action="store_true", help="write the kiosk's settings too")
    claim.set_defaults(command=_claim)
    move = commands.add_parser(
        "move",
        help="move a kiosk to another room",
        epilog="Example: rollcall-provision move --server https://rollcall.example.org "
        "--username tina --name 'Door of R12' --room R14",
    )
    _add_account_options(move)
    move.add_argument("--room", required=True, type=str.strip, help="name of the room it moves to")
    move.set_defaults(command=_move)
    configure = commands.add_parser(
        "configure",
        help="write the kiosk's settings file",
        epilog="Example: rollcall-provision configure --server https://rollcall.example.org "
        "--claim-code 7KQ2M9TX --camera /dev/video0",
    )
    configure.add_argument("--claim-code", help="8 characters, from the server's Kiosks page")
    configure.set_defaults(command=_configure)
    for command in (claim, move, configure):
        _add_server_options(command)
    for command in (claim, configure):
        _add_file_options(command)
    return parser


def _add_account_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("--username", required=True, help="a technician's account on the server")
    command.add_argument("--password-file", type=Path, help="instead of typing the password")
    command.add_argument(
        "--name", required=True, type=str.strip, help="the kiosk's name on the server"
    )
    command.add_argument(
        "--proxy", help="proxy to go through; HTTP_PROXY and .netrc are never used"
    )


def _add_server_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("--server", required=True, help="address of the server")
    command.add_argument("--server-ca", help="file of its certificate authority")
    command.add_argument(
        "--fingerprint",
        dest="server_ca_fingerprint",
        type=str.lower,
        help="of its certificate authority, from the kiosk's page; otherwise six words are shown"
        " to compare",
    )
    command.add_argument(
        "--allow-plain",
        action="store_true",
        default=None,
        help="talk to another machine without encryption",
    )
    command.add_argument("--dry-run", action="store_true", help="only say what would be done")


def _add_file_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("--file", type=Path, default=DEFAULT_FILE, help=f"[{DEFAULT_FILE}]")
    command.add_argument("--camera", help="index, /dev/video path or GStreamer pipeline")
    command.add_argument(
        "--camera-rotation",
        type=int,
        choices=[int(rotation) for rotation in CameraRotation],
        help="degrees clockwise by which pictures are turned upright",
    )
    command.add_argument(
        "--camera-mirror",
        action=argparse.BooleanOptionalAction,
        help="the camera delivers mirrored pictures",
    )
    command.add_argument("--data-dir", help="folder for the kiosk's keys and records")
    command.add_argument("--language", help="language of the screens")
