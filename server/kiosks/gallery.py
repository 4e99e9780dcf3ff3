"""What each kiosk's gallery holds: who is due in its room soon, and the pages that bring it there.

Every kiosk has its own change log, one row per template, numbered as it changes. A template that
is new, that was replaced or whose person just joined a course in that room is one more change for
the kiosk. So a page costs what changed, and no kiosk ever needs a full download twice.
"""

import hashlib
import uuid
from collections.abc import Collection
from datetime import date, datetime, timedelta

from sqlmodel import Session, col, select, update
from sqlmodel.sql.expression import Select

from protocol.v1 import sealing
from protocol.v1.messages import (
    GalleryPage,
    GalleryScope,
    TemplateUpsert,
    Tombstone,
    TombstoneReason,
)
from protocol.v1.sync import MAX_PAGE_ENTRIES
from server.db.vault import Vault
from server.enrollment.gallery import is_in_use, open_readable
from server.enrollment.tables import Template
from server.errors import SealBrokenError
from server.kiosks.claiming import data_key
from server.kiosks.school_state import SchoolState
from server.kiosks.tables import GalleryEntry, Kiosk
from server.networks.service import networks_of
from server.people.consent import ConsentState
from server.people.service import states_of
from server.policies.service import current_policy
from server.timetable import service as timetable
from server.timetable.roster import rosters

HORIZON = timedelta(days=7)


def refresh(db: Session, kiosk: Kiosk, state: SchoolState, *, at: datetime) -> bool:
    """Bring a kiosk's change log up to the state of the school.

    Returns:
        Whether anything changed for this kiosk.
    """
    source = state.source_for(kiosk)
    if kiosk.gallery_source == source:
        return False
    before = kiosk.gallery_version
    wanted = _consented(db, _in_scope(db, kiosk, state, at), state)
    held = {
        entry.template_id: entry
        for entry in db.exec(select(GalleryEntry).where(GalleryEntry.kiosk_id == kiosk.id))
    }
    for template_id, person_id in wanted.items():
        entry = held.get(template_id)
        if entry is None or entry.gone is not None or entry.is_held_back:
            _put(db, kiosk, template_id, person_id, gone=None)
    leaving = [e for e in held.values() if e.gone is None and e.template_id not in wanted]
    for entry, reason in reasons(db, leaving, state):
        _put(db, kiosk, entry.template_id, entry.person_id, gone=reason)
    kiosk.gallery_source = source
    db.add(kiosk)
    db.flush()
    return kiosk.gallery_version != before


def page(db: Session, vault: Vault, kiosk: Kiosk, *, since: int, limit: int) -> GalleryPage:
    """One page of a kiosk's gallery after a change number.

    A template that cannot be read is left out. It is offered again when the keys change, and
    every day. A number of before the database was restored starts over, also one that this
    server never gave.
    """
    if since == kiosk.gallery_version:
        return _nothing_after(kiosk)
    is_ours = kiosk.gallery_floor <= since <= kiosk.gallery_version
    start = since if is_ours else 0
    count = min(max(limit, 1), MAX_PAGE_ENTRIES)
    query = (
        select(GalleryEntry)
        .where(
            col(GalleryEntry.kiosk_id) == kiosk.id,
            # A reader may see entries of a refresh that ended after it read the kiosk.
            col(GalleryEntry.change).between(start + 1, kiosk.gallery_version),
        )
        .order_by(col(GalleryEntry.change))
        .limit(count + 1)
    )
    rows = list(db.exec(query))
    entries, is_complete = rows[:count], len(rows) <= count
    upserts = _upserts(db, vault, kiosk, [entry for entry in entries if entry.gone is None])
    return GalleryPage(
        since=start,
        next=kiosk.gallery_version if is_complete else entries[-1].change,
        complete=is_complete,
        reset=start == 0,
        key_id=kiosk.data_key_id,
        upserts=upserts,
        tombstones=tuple(_tombstone(entry) for entry in entries if entry.gone is not None),
    )


def start_over(db: Session, epoch: int) -> None:
    """Let every kiosk download its gallery anew, because the database went back in time.

    Args:
        db: the caller's.
        epoch: larger than any number of a change that a kiosk may know, such as the time in
            milliseconds.
    """
    for kiosk in db.exec(select(Kiosk)):
        moved = epoch - kiosk.gallery_floor
        mine = col(GalleryEntry.kiosk_id) == kiosk.id
        db.exec(update(GalleryEntry).where(mine).values(change=GalleryEntry.change + moved))
        kiosk.gallery_version += moved
        kiosk.gallery_floor = epoch
        kiosk.gallery_source = ""


def etag_of(page: GalleryPage, kiosk_id: uuid.UUID) -> str | None:
    """Return what names a page without entries, for its kiosk; None for one with entries.

    Those are never asked for twice: the kiosk goes on from their end.
    """
    if page.upserts or page.tombstones:
        return None
    words = f"{kiosk_id}:{page.since}:{page.next}:{page.complete}:{page.reset}:{page.key_id}"
    return f'"{hashlib.sha256(words.encode()).hexdigest()[:32]}"'


def people_due(db: Session, room_id: uuid.UUID, at: datetime) -> set[uuid.UUID]:
    """Who is due in a room from now to the horizon, and who was in the last hours."""
    views = timetable.lesson_views(
        db, room_ids=[room_id], after=at - timedelta(hours=12), before=at + HORIZON
    )
    lists = rosters(db, [view for view in views if not view.is_cancelled])
    return {person_id for roster in lists.values() for person_id in roster}


def _nothing_after(kiosk: Kiosk) -> GalleryPage:
    """Return the page that follows the newest change: nothing."""
    number = kiosk.gallery_version
    return GalleryPage(
        since=number, next=number, complete=True, reset=number == 0, key_id=kiosk.data_key_id
    )


def _in_scope(
    db: Session, kiosk: Kiosk, state: SchoolState, at: datetime
) -> dict[uuid.UUID, uuid.UUID]:
    query = _of_networks(db)
    if current_policy(db).kiosk.gallery != GalleryScope.SCHOOL:
        due = people_due(db, kiosk.room_id, at)
        query = query.where(col(Template.person_id).in_(due))
    return dict(db.exec(query).all())


def templates_of(
    db: Session, people: Collection[uuid.UUID], state: SchoolState
) -> dict[uuid.UUID, uuid.UUID]:
    """Return what a gallery of the whole school holds of some people: template and person."""
    query = _of_networks(db).where(col(Template.person_id).in_(people))
    return _consented(db, dict(db.exec(query).all()), state)


def _of_networks(db: Session) -> Select[uuid.UUID, uuid.UUID]:
    """Templates of the school's networks: never of one that the kiosk is not told to compare."""
    query = select(Template.id, Template.person_id).where(is_in_use())
    wanted = networks_of(db).wanted
    return query.where(col(Template.model_id).in_(wanted)) if wanted else query


def _consented(
    db: Session, templates: dict[uuid.UUID, uuid.UUID], state: SchoolState
) -> dict[uuid.UUID, uuid.UUID]:
    consenting = _consenting(db, set(templates.values()), state)
    return {key: person for key, person in templates.items() if person in consenting}


def _consenting(db: Session, person_ids: set[uuid.UUID], state: SchoolState) -> set[uuid.UUID]:
    """Who may be recognised today. A consent that ran out at midnight counts before its sweep."""
    states = states_of(db, person_ids, date.fromisoformat(state.day))
    return {key for key, consent in states.items() if consent is ConsentState.LIVE}


def _put(
    db: Session,
    kiosk: Kiosk,
    template_id: uuid.UUID,
    person_id: uuid.UUID,
    *,
    gone: str | None,
) -> None:
    kiosk.gallery_version += 1
    db.merge(
        GalleryEntry(
            kiosk_id=kiosk.id,
            template_id=template_id,
            person_id=person_id,
            change=kiosk.gallery_version,
            gone=gone,
        )
    )


def reasons(
    db: Session, leaving: list[GalleryEntry], state: SchoolState
) -> list[tuple[GalleryEntry, str]]:
    """Return entries that have to leave galleries, each with why."""
    people = {entry.person_id for entry in leaving}
    consenting = _consenting(db, people, state)
    query = select(Template.id, Template.person_id).where(
        col(Template.person_id).in_(people), is_in_use()
    )
    left = dict(db.exec(query).all())
    with_templates = set(left.values())

    def reason(entry: GalleryEntry) -> TombstoneReason:
        if entry.person_id not in consenting:
            return TombstoneReason.ERASED
        if entry.template_id in left:
            return TombstoneReason.SCOPE
        if entry.person_id in with_templates:
            return TombstoneReason.REPLACED
        return TombstoneReason.ERASED

    return [(entry, reason(entry).value) for entry in leaving]


def _upserts(
    db: Session, vault: Vault, kiosk: Kiosk, entries: list[GalleryEntry]
) -> tuple[TemplateUpsert, ...]:
    if not entries:
        return ()
    try:
        key = data_key(vault, kiosk)
    except SealBrokenError:  # tombstones go on: an erasure must not wait for a key
        for entry in entries:
            entry.is_held_back = True
        return ()
    ids = [entry.template_id for entry in entries]
    found = db.exec(select(Template).where(col(Template.id).in_(ids)))
    templates = {template.id: template for template in found}
    opened = open_readable(vault, templates.values())
    upserts = []
    for entry in entries:
        template = templates.get(entry.template_id)
        if template is None:
            continue  # erased since the last refresh; its tombstone comes with the next
        if template.id not in opened:
            entry.is_held_back = True
            continue
        upserts.append(_upsert(key, template, opened[template.id], entry.change))
    return tuple(upserts)


def _upsert(
    key: bytes, template: Template, values: tuple[float, ...], change: int
) -> TemplateUpsert:
    packed = sealing.pack_values(values)
    return TemplateUpsert(
        template_id=str(template.id),
        person_id=str(template.person_id),
        model_id=template.model_id,
        dimension=template.dimension,
        sealed=sealing.seal_template(packed, key, template_id=str(template.id)),
        change=change,
    )


def _tombstone(entry: GalleryEntry) -> Tombstone:
    return Tombstone(
        template_id=str(entry.template_id),
        person_id=str(entry.person_id),
        reason=entry.gone or TombstoneReason.SCOPE,
        change=entry.change,
    )
