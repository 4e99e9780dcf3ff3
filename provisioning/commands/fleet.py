"""`fleet`: list kiosks, claim many of them from a file, print their claim codes."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from protocol.v1.tls import Introduction
from provisioning.errors import ProvisioningError, ServerUnreachableError
from provisioning.fleet.claiming import Planned, RowResult, Step, carry_out, plan
from provisioning.fleet.listing import ListedRow, read_rows
from provisioning.fleet.sheet import SheetCard, sheet
from provisioning.office import IssuedCode, ListedKiosk, Office
from provisioning.options import (
    EXIT_WORDS,
    add_account_options,
    add_command,
    add_dry_run,
    add_server_options,
)
from provisioning.outcome import CommandOutcome
from provisioning.private_file import check_place, write_private
from provisioning.session import refuse_plain, signed_in

if TYPE_CHECKING:
    from provisioning.options import Commands

_ACCOUNT = "--server https://rollcall.example.org --username tina"
_NEW = "new"
_STEP_WORDS = {
    Step.ADD: ("would be added", "added"),
    Step.NEW_CODE: ("would get a new code", "new code"),
    Step.NOTHING: ("nothing to do", "nothing to do"),
    Step.FAILED: ("cannot be claimed", "failed"),
}


def add_to(commands: "Commands") -> None:
    """Add the command with its three parts."""
    fleet = commands.add_parser(
        "fleet",
        help="list kiosks, claim many from a file, print claim codes",
        description="List kiosks, claim many from a file, print claim codes.",
        epilog=f"{EXIT_WORDS}\nExample: rollcall-provision fleet list {_ACCOUNT}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parts = fleet.add_subparsers(required=True, metavar="PART")
    listing = add_command(
        parts,
        "list",
        run_list,
        words="list the kiosks of the server",
        example=f"rollcall-provision fleet list {_ACCOUNT}",
    )
    _add_claim(parts)
    _add_sheet(parts)
    for part in (listing, *(parts.choices[name] for name in ("claim", "sheet"))):
        add_server_options(part)
        add_account_options(part)


def _add_claim(parts: "Commands") -> None:
    claim = add_command(
        parts,
        "claim",
        run_claim,
        words="add the kiosks of a CSV file to the server, with a claim code for each",
        example=f"rollcall-provision fleet claim kiosks.csv {_ACCOUNT} --sheet codes.html",
        statuses=f"{EXIT_WORDS}A row that failed makes 1; the other rows are done. A second run"
        " with the same\nfile changes nothing.\n\nThe file begins with the line name,room.\n",
    )
    claim.add_argument("list", metavar="FILE", type=Path, help="CSV file with name and room")
    claim.add_argument("--sheet", type=Path, help="write the sheet of claim codes to this file")
    claim.add_argument(
        "--new-codes",
        action="store_true",
        help="also for kiosks that were added before and are not claimed; their older codes end",
    )
    add_dry_run(
        claim,
        "change nothing; asks for no password, and compares with the server only where"
        " --password-file is given",
    )


def _add_sheet(parts: "Commands") -> None:
    printing = add_command(
        parts,
        "sheet",
        run_sheet,
        words="make new claim codes for all kiosks that were never claimed, and a sheet to print",
        example=f"rollcall-provision fleet sheet {_ACCOUNT} --out codes.html",
        statuses=f"{EXIT_WORDS}Older codes of these kiosks end.\n",
    )
    printing.add_argument("--out", type=Path, required=True, help="the sheet, an HTML file")
    printing.add_argument("--room", action="append", help="only this room; may be repeated")
    add_dry_run(
        printing,
        "make no codes; asks for no password, and names the kiosks only where --password-file is"
        " given",
    )


def run_list(options: argparse.Namespace) -> CommandOutcome:
    """List the kiosks of the server."""
    with signed_in(options) as (office, _):
        kiosks = office.kiosks()
    facts = {"kiosks": [_listed(kiosk) for kiosk in kiosks]}
    if not kiosks:
        return CommandOutcome(
            "there are no kiosks yet; add one with `rollcall-provision claim`", facts
        )
    rows = [
        (kiosk.name, kiosk.room_name, _state_words(kiosk), kiosk.last_seen_at or "never")
        for kiosk in kiosks
    ]
    return CommandOutcome(_table([("NAME", "ROOM", "STATE", "LAST SEEN"), *rows]), facts)


def run_claim(options: argparse.Namespace) -> CommandOutcome:
    """Add what is missing; one line for each row."""
    refuse_plain(options)
    rows = read_rows(options.list)
    if options.sheet is not None:
        check_place(options.sheet)
    if options.dry_run and options.password_file is None:
        return _read_only(rows)
    with signed_in(options) as (office, found):
        planned = plan(rows, office.kiosks(), office.rooms(), wants_new_codes=options.new_codes)
        if options.dry_run:
            return _report([RowResult(one.row, one.step, words=one.words) for one in planned], 0)
        done = _carried_out(office, planned)
    outcome = _report(done, 1)
    cards = [_card(one.row.name, one.row.room, one.code) for one in done if one.code is not None]
    if options.sheet is None or not cards:
        return outcome
    return _with_sheet(options, options.sheet, cards, found, outcome)


def run_sheet(options: argparse.Namespace) -> CommandOutcome:
    """Make new codes for kiosks that were never claimed."""
    check_place(options.out)
    if options.dry_run and options.password_file is None:
        refuse_plain(options)
        words = f"would make new codes for kiosks that were never claimed, and write {options.out}"
        return CommandOutcome(words, {"dry_run": True, "sheet": str(options.out)})
    with signed_in(options) as (office, found):
        wanted = [
            kiosk
            for kiosk in office.kiosks()
            if kiosk.state == _NEW and (not options.room or kiosk.room_name in options.room)
        ]
        if options.dry_run:
            return _planned_sheet(wanted)
        cards = [_card(one.name, one.room_name, office.new_code(one.id)) for one in wanted]
    if not cards:
        return CommandOutcome("no kiosk waits for a claim; nothing was written", {"kiosks": 0})
    outcome = CommandOutcome(f"{len(cards)} new claim codes", {"kiosks": len(cards)})
    return _with_sheet(options, options.out, cards, found, outcome)


def _planned_sheet(wanted: list[ListedKiosk]) -> CommandOutcome:
    lines = [
        f"{_printable(one.name)}, room {_printable(one.room_name)}: would get a new code"
        for one in wanted
    ]
    facts = {"dry_run": True, "kiosks": len(wanted)}
    return CommandOutcome("\n".join([*lines, f"{len(wanted)} kiosks wait for a claim"]), facts)


def _carried_out(office: Office, planned: list[Planned]) -> list[RowResult]:
    """Do all rows; when the server stops answering, the codes so far are still reported."""
    done: list[RowResult] = []
    for one in planned:
        try:
            done.append(carry_out(office, one))
        except ServerUnreachableError as exc:
            done.append(RowResult(one.row, Step.FAILED, words=str(exc)))
    return done


def _read_only(rows: list[ListedRow]) -> CommandOutcome:
    faults = [row for row in rows if row.fault]
    lines = [f"line {row.line}: {row.name or '(no name)'}: {row.fault}" for row in faults]
    lines.append(f"{len(rows) - len(faults)} of {len(rows)} rows can be sent to the server")
    facts = {"dry_run": True, "rows": [_row_facts(row) for row in rows]}
    return CommandOutcome("\n".join(lines), facts, 1 if faults else 0)


def _report(done: list[RowResult], tense: int) -> CommandOutcome:
    """Return one line for each row; tense 0: what would happen, 1: what happened."""
    lines, facts = [], []
    for one in done:
        words = _STEP_WORDS[one.step][tense]
        detail = f": claim code {one.code.code}" if one.code else f": {one.words}" * bool(one.words)
        lines.append(
            f"{one.row.name or '(no name)'}, room {one.row.room or '(none)'}: {words}{detail}"
        )
        code = {"claim_code": one.code.code, "expires_at": one.code.expires_at} if one.code else {}
        result = {"result": one.step.value, "detail": one.words}
        facts.append(_row_facts(one.row) | result | code)
    failed = sum(one.step is Step.FAILED for one in done)
    lines.append(f"{len(done)} rows, {failed} failed")
    is_dry = {"dry_run": True} if tense == 0 else {}
    return CommandOutcome("\n".join(lines), {"rows": facts, **is_dry}, 1 if failed else 0)


def _with_sheet(
    options: argparse.Namespace,
    path: Path,
    cards: list[SheetCard],
    found: Introduction,
    outcome: CommandOutcome,
) -> CommandOutcome:
    fingerprint = options.server_ca_fingerprint or found.fingerprint
    page = sheet(cards, server=options.server, fingerprint=fingerprint)
    try:
        write_private(path, page.encode())
    except ProvisioningError as exc:  # the codes are shown once: they must not be lost with it
        failed = f"{outcome.text}\n{exc}; run `rollcall-provision fleet sheet` for new codes"
        return CommandOutcome(failed, outcome.facts | {"error": str(exc)}, 1)
    said = f"{outcome.text}\nwrote {path}; open it in a browser and print it"
    return CommandOutcome(said, outcome.facts | {"sheet": str(path)}, outcome.status)


def _card(name: str, room: str, code: IssuedCode) -> SheetCard:
    return SheetCard(name, room, code.code, code.expires_at)


def _row_facts(row: ListedRow) -> dict[str, Any]:
    return {"line": row.line, "name": row.name, "room": row.room, "detail": row.fault}


def _listed(kiosk: ListedKiosk) -> dict[str, Any]:
    return {
        "name": kiosk.name,
        "room": kiosk.room_name,
        "state": kiosk.state,
        "online": kiosk.is_online,
        "last_seen_at": kiosk.last_seen_at,
    }


def _state_words(kiosk: ListedKiosk) -> str:
    if kiosk.state == _NEW:
        return "not claimed"
    if kiosk.state == "claimed":
        return "online" if kiosk.is_online else "offline"
    return kiosk.state


def _table(rows: Sequence[Sequence[str]]) -> str:
    shown = [[_printable(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*shown, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in shown
    )


def _printable(text: str) -> str:
    """Return a name without the characters that control a terminal."""
    return "".join(character if character.isprintable() else "?" for character in text)
