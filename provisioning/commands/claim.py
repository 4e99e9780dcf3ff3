"""`claim`: get a claim code for a kiosk in a room."""

import argparse
from typing import TYPE_CHECKING, Any

from provisioning import kiosk_file
from provisioning.commands.configure import given_settings, write_settings
from provisioning.options import (
    add_account_options,
    add_command,
    add_dry_run,
    add_file_options,
    add_kiosk_options,
    add_server_options,
)
from provisioning.outcome import CommandOutcome
from provisioning.session import refuse_plain, signed_in

if TYPE_CHECKING:
    from provisioning.options import Commands

_PLACEHOLDER = "00000000"


def add_to(commands: "Commands") -> None:
    """Add the command."""
    command = add_command(
        commands,
        "claim",
        run,
        words="get a claim code for a kiosk in a room",
        example="rollcall-provision claim --server https://rollcall.example.org"
        " --username tina --name 'Door of R12' --room R12 --write",
    )
    add_server_options(command)
    add_account_options(command)
    add_kiosk_options(command, room_words="name of the kiosk's room")
    command.add_argument("--write", action="store_true", help="write the kiosk's settings too")
    add_file_options(command)
    add_dry_run(command, "connect to nothing; only show what would be asked and written")


def run(options: argparse.Namespace) -> CommandOutcome:
    """Ask the server for a code, and write it where that was asked for."""
    refuse_plain(options)
    if options.dry_run:
        return _dry_run(options)
    if options.write:  # a file that cannot be written is found before a code is spent
        present = kiosk_file.read(options.file)
        kiosk_file.check(kiosk_file.changed(present, given_settings(options)))
        kiosk_file.check_place(present)
    with signed_in(options) as (office, found):
        issued = office.claim_code(options.name, options.room)
    facts: dict[str, Any] = {
        "kiosk": options.name,
        "room": options.room,
        "claim_code": issued.code,
        "expires_at": issued.expires_at,
        "added": issued.is_new_kiosk,
    }
    said = f"claim code: {issued.code}"
    if not options.write:
        return CommandOutcome(said, facts)
    options.server_ca_fingerprint = options.server_ca_fingerprint or found.fingerprint
    is_public = found.is_confirmed and found.ca_pem is None and options.server.startswith("https:")
    settings = {**given_settings(options), "claim_code": issued.code}
    written = write_settings(options, settings, is_public=is_public)
    return CommandOutcome(f"{said}\n{written.text}", facts | written.facts)


def _dry_run(options: argparse.Namespace) -> CommandOutcome:
    said = f"would ask {options.server} for a claim code for {options.name!r}"
    facts: dict[str, Any] = {"kiosk": options.name, "room": options.room, "dry_run": True}
    if not options.write:
        return CommandOutcome(said, facts)
    shown = write_settings(options, {**given_settings(options), "claim_code": _PLACEHOLDER})
    return CommandOutcome(f"{said}\n{shown.text}", facts | shown.facts)
