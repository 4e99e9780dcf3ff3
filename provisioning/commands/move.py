"""`move`: move a kiosk to another room."""

import argparse
from typing import TYPE_CHECKING, Any

from provisioning.options import (
    add_account_options,
    add_command,
    add_dry_run,
    add_kiosk_options,
    add_server_options,
)
from provisioning.outcome import CommandOutcome
from provisioning.session import refuse_plain, signed_in

if TYPE_CHECKING:
    from provisioning.options import Commands


def add_to(commands: "Commands") -> None:
    """Add the command."""
    command = add_command(
        commands,
        "move",
        run,
        words="move a kiosk to another room",
        example="rollcall-provision move --server https://rollcall.example.org"
        " --username tina --name 'Door of R12' --room R14",
    )
    add_server_options(command)
    add_account_options(command)
    add_kiosk_options(command, room_words="name of the room it moves to")
    add_dry_run(
        command,
        "move nothing; asks for no password, and compares with the server only where"
        " --password-file is given",
    )


def run(options: argparse.Namespace) -> CommandOutcome:
    """Move the kiosk, unless it is in that room already."""
    facts: dict[str, Any] = {"kiosk": options.name, "to_room": options.room}
    if options.dry_run:
        facts["dry_run"] = True
    if options.dry_run and options.password_file is None:
        refuse_plain(options)
        return CommandOutcome(f"would move {options.name!r} to room {options.room!r}", facts)
    with signed_in(options) as (office, _):
        change = office.room_change(options.name, options.room)
        facts |= {"from_room": change.from_room, "changed": change.is_needed}
        if not change.is_needed:
            return CommandOutcome(f"{options.name!r} is in room {change.to_room!r} already", facts)
        if not options.dry_run:
            office.move(change)
    done = "would move" if options.dry_run else "moved"
    rooms = f"from room {change.from_room!r} to {change.to_room!r}"
    return CommandOutcome(f"{done} {options.name!r} {rooms}", facts)
