"""`support-bundle`: one file for the maintainers, without names, faces, keys or codes."""

import argparse
import gzip
import io
import tarfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from kiosk.doctor import HostMachine, read_report
from provisioning.commands.doctor import examined
from provisioning.options import DEFAULT_FILE, EXIT_WORDS, add_command, add_dry_run
from provisioning.outcome import CommandOutcome
from provisioning.private_file import check_place, write_private
from provisioning.support.gathering import gather

if TYPE_CHECKING:
    from provisioning.options import Commands

_UNIT = "rollcall-kiosk"
_STATUS_S = 60.0
_NOTES = """It holds: doctor's results, versions, settings without secrets, counts of the records,
counts of hardware errors, and the kiosk's log of the last day with only the words
that the program itself writes. Look into it before you send it: tar -xzf FILE.
"""


def add_to(commands: "Commands") -> None:
    """Add the command."""
    command = add_command(
        commands,
        "support-bundle",
        run,
        words="write one file for the maintainers, without names, faces, keys or codes",
        example="rollcall-provision support-bundle --out support.tar.gz",
        statuses=f"{EXIT_WORDS}\n{_NOTES}",
    )
    command.add_argument(
        "--file", type=Path, default=DEFAULT_FILE, help=f"the kiosk's settings [{DEFAULT_FILE}]"
    )
    command.add_argument(
        "--out", type=Path, help="the bundle [rollcall-support-DATE.tar.gz in this folder]"
    )
    command.add_argument(
        "--unit", default=_UNIT, help=f"systemd unit that the kiosk runs as [{_UNIT}]"
    )
    add_dry_run(command, "write nothing; print what the bundle would hold")


def run(options: argparse.Namespace) -> CommandOutcome:
    """Gather and write the bundle; a dry run prints it."""
    now = datetime.now(UTC)
    out = options.out or Path(f"rollcall-support-{now:%Y%m%d-%H%M}.tar.gz")
    if not options.dry_run:
        check_place(out)
    machine = HostMachine()
    report = read_report(machine, options.file, limit_s=_STATUS_S)
    texts = gather(
        machine,
        options.file,
        unit=options.unit,
        findings=examined(machine, options.file, lambda: report),
        report=report,
    )
    facts = {"file": str(out), "holds": {name: len(text) for name, text in texts.items()}}
    if options.dry_run:
        shown = "\n".join(f"--- {name}\n{text}" for name, text in texts.items())
        return CommandOutcome(shown, {**facts, "dry_run": True, "texts": texts})
    write_private(out, packed(texts, now))
    return CommandOutcome(f"wrote {out}: {', '.join(texts)}", facts)


def packed(texts: dict[str, str], at: datetime) -> bytes:
    """Return a .tar.gz with these files; it names no account."""
    packing = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=packing, mode="wb", filename="", mtime=at.timestamp()) as squeezed,
        tarfile.open(fileobj=squeezed, mode="w") as archive,
    ):
        for name, text in texts.items():
            content = text.encode()
            entry = tarfile.TarInfo(f"rollcall-support/{name}")
            entry.size, entry.mode, entry.mtime = len(content), 0o600, int(at.timestamp())
            archive.addfile(entry, io.BytesIO(content))
    return packing.getvalue()
