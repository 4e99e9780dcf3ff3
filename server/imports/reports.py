"""Keep the report of an import in sealed parts, and read it again, a page at a time."""

import json
import uuid
import zlib
from collections.abc import Iterable, Iterator, Sequence

from sqlmodel import Session, col, delete, func, select

from server.db.vault import Sealed, Vault
from server.imports.findings import Finding, RowOutcome
from server.imports.tables import ImportPart

PURPOSE = "import"


def add_part(
    db: Session, vault: Vault, run_id: uuid.UUID, number: int, findings: Iterable[Finding]
) -> None:
    """Keep findings, those of each outcome in a separate part with this number."""
    by_outcome: dict[RowOutcome, list[Finding]] = {}
    for one in findings:
        by_outcome.setdefault(one.outcome, []).append(one)
    for outcome, some in by_outcome.items():
        plain = zlib.compress(json.dumps([one.as_json() for one in some]).encode())
        context = context_of(run_id, outcome, number)
        sealed = vault.seal(plain, purpose=PURPOSE, context=context)
        db.add(
            ImportPart(
                run_id=run_id,
                outcome=outcome,
                number=number,
                size=len(some),
                key_id=sealed.key_id,
                data=sealed.data,
            )
        )


def forget_parts(db: Session, run_id: uuid.UUID) -> None:
    """Delete a report."""
    db.exec(delete(ImportPart).where(col(ImportPart.run_id) == run_id))


def sizes(db: Session, run_id: uuid.UUID) -> dict[str, int]:
    """Return how many rows a report has of each outcome."""
    query = select(ImportPart.outcome, func.sum(ImportPart.size))
    rows = db.exec(query.where(ImportPart.run_id == run_id).group_by(ImportPart.outcome))
    return {outcome: int(size) for outcome, size in rows}


def read_report(
    db: Session, vault: Vault, run_id: uuid.UUID, outcome: RowOutcome, *, limit: int, offset: int
) -> list[Finding]:
    """Return some rows of an outcome, by their place in the report.

    Raises:
        SealBrokenError: the key is missing.
    """
    query = select(ImportPart.number, ImportPart.size).where(
        ImportPart.run_id == run_id, ImportPart.outcome == outcome
    )
    listed = db.exec(query.order_by(col(ImportPart.number))).all()
    wanted, skipped, before = [], 0, 0
    for number, size in listed:
        if before + size <= offset:
            skipped = before + size
        elif before < offset + limit:
            wanted.append(number)
        before += size
    rows = [one for part in _parts(db, run_id, outcome, wanted) for one in _opened(vault, part)]
    return rows[offset - skipped : offset - skipped + limit]


def every_finding(db: Session, vault: Vault, run_id: uuid.UUID) -> Iterator[Finding]:
    """Yield the whole report, by outcome.

    Raises:
        SealBrokenError: the key is missing.
    """
    for outcome in RowOutcome:
        query = select(ImportPart.number).where(
            ImportPart.run_id == run_id, ImportPart.outcome == outcome
        )
        for number in db.exec(query.order_by(col(ImportPart.number))).all():
            for part in _parts(db, run_id, outcome, [number]):
                yield from _opened(vault, part)


def _parts(
    db: Session, run_id: uuid.UUID, outcome: RowOutcome, numbers: Sequence[int]
) -> Sequence[ImportPart]:
    query = select(ImportPart).where(
        ImportPart.run_id == run_id,
        ImportPart.outcome == outcome,
        col(ImportPart.number).in_(numbers),
    )
    return db.exec(query.order_by(col(ImportPart.number))).all()


def _opened(vault: Vault, part: ImportPart) -> list[Finding]:
    outcome = RowOutcome(part.outcome)
    context = context_of(part.run_id, outcome, part.number)
    plain = vault.open(Sealed(part.key_id, part.data), purpose=PURPOSE, context=context)
    return [Finding.from_json(outcome, one) for one in json.loads(zlib.decompress(plain))]


def context_of(run_id: uuid.UUID, outcome: RowOutcome, number: int) -> str:
    """Return what a part of a report is bound to."""
    return f"{run_id}/{outcome}/{number}"
