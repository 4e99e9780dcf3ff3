"""`configure`: write the kiosk's settings file."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from protocol.v1.trust import ClaimCodeError, typed_claim_code
from provisioning import kiosk_file
from provisioning.errors import ProvisioningError
from provisioning.masking import difference
from provisioning.options import (
    add_command,
    add_dry_run,
    add_file_options,
    add_server_options,
)
from provisioning.outcome import CommandOutcome
from provisioning.session import refuse_plain

if TYPE_CHECKING:
    from provisioning.options import Commands

_WRITTEN = (
    "server_ca",
    "server_ca_fingerprint",
    "allow_plain",
    "camera",
    "camera_rotation",
    "camera_mirror",
    "data_dir",
    "language",
)


def add_to(commands: "Commands") -> None:
    """Add the command."""
    command = add_command(
        commands,
        "configure",
        run,
        words="write the kiosk's settings file",
        example="rollcall-provision configure --server https://rollcall.example.org"
        " --claim-code 7KQ2M9TX --camera /dev/video0",
    )
    add_server_options(command, is_required=False)
    command.add_argument("--claim-code", help="8 characters, from the server's Kiosks page")
    add_file_options(command)
    add_dry_run(command, "only show how the file would change")


def run(options: argparse.Namespace) -> CommandOutcome:
    """Write the settings that were given; all others stay."""
    if options.server is None:
        options.server = _server_of(options.file)
    else:
        refuse_plain(options)
    settings = given_settings(options)
    if options.claim_code is not None:
        settings["claim_code"] = checked_claim_code(options.claim_code)
    return write_settings(options, settings)


def given_settings(options: argparse.Namespace) -> dict[str, Any]:
    """Return the settings that the command line names."""
    given = {name: getattr(options, name, None) for name in _WRITTEN}
    settings = {name: value for name, value in given.items() if value is not None and value != ""}
    return {"server_url": options.server, **settings}


def write_settings(
    options: argparse.Namespace, settings: dict[str, Any], *, is_public: bool = False
) -> CommandOutcome:
    """Write settings into the file, or show the change for a dry run.

    Args:
        options: of the command.
        settings: with their new values.
        is_public: the server was met, and its certificate is public.

    Raises:
        ProvisioningError: the file cannot be written.
        SettingsRefusedError: the kiosk would refuse the result.
    """
    change = kiosk_file.changed(kiosk_file.read(options.file), settings, is_public=is_public)
    facts: dict[str, Any] = {"file": str(options.file), "changed": change.is_needed}
    kiosk_file.check(change)
    if not change.is_needed:
        return CommandOutcome(f"{options.file} already has these settings", facts)
    if options.dry_run:
        shown = difference(str(options.file), change.file.text, change.text)
        facts |= {"dry_run": True, "diff": shown}
        return CommandOutcome(f"would write {options.file}:\n{shown}", facts)
    kiosk_file.write(change)
    return CommandOutcome(f"wrote {options.file}", facts)


def _server_of(file: Path) -> str:
    present = kiosk_file.read(file).settings
    if "server_url" not in present:
        raise ProvisioningError(f"{file} names no server yet; use --server")
    return str(present["server_url"])


def checked_claim_code(typed: str) -> str:
    """Return a claim code as the server wrote it.

    Raises:
        ProvisioningError: it cannot be one.
    """
    try:
        return typed_claim_code(typed)
    except ClaimCodeError as exc:
        raise ProvisioningError(f"{exc}; look at the kiosk's page on the server") from exc
