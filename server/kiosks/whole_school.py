"""Galleries that hold the whole school: templates of some people come and go at many kiosks."""

import uuid
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence

from sqlmodel import Session, col, insert, select

from protocol.v1.messages import GalleryScope
from server.kiosks.concerns import touched_since
from server.kiosks.gallery import reasons, templates_of
from server.kiosks.school_state import SchoolMark, SchoolState, mark_in
from server.kiosks.tables import GalleryEntry, Kiosk, KioskState
from server.policies.service import current_policy

Held = dict[uuid.UUID, dict[uuid.UUID, GalleryEntry]]


def follow_people(
    db: Session, kiosk_ids: Collection[uuid.UUID], state: SchoolState, *, most: int
) -> dict[uuid.UUID, int]:
    """Bring kiosks' change logs up to the state of the school by what changed of some people.

    A kiosk that another transaction holds is left out, and so is one for which anything else may
    have changed: `gallery.refresh` brings those up.

    Args:
        db: the caller's.
        kiosk_ids: kiosks whose galleries hold the whole school.
        state: what to come to.
        most: of people that changed; kiosks that are behind by more are left out.

    Returns:
        The number of the newest change of each kiosk that is up to date now.
    """
    done: dict[uuid.UUID, int] = {}
    if current_policy(db).kiosk.gallery != GalleryScope.SCHOOL:
        return done  # since the caller looked; nobody's template goes beyond the rooms now
    for mark, kiosks in _by_mark(_held_fast(db, kiosk_ids)).items():
        touched = touched_since(db, mark, state.mark)
        if touched is None or len(touched.people) > most:
            continue
        if touched.people:
            _follow(db, kiosks, touched.people, state)
        for kiosk in kiosks:
            kiosk.gallery_source = state.source_for(kiosk)
            done[kiosk.id] = kiosk.gallery_version
    db.flush()
    return done


def _held_fast(db: Session, kiosk_ids: Collection[uuid.UUID]) -> Sequence[Kiosk]:
    query = (
        select(Kiosk)
        .where(col(Kiosk.id).in_(kiosk_ids), Kiosk.state == KioskState.CLAIMED)
        .order_by(col(Kiosk.id))
        .with_for_update(skip_locked=True)
    )
    return db.exec(query).all()


def _by_mark(kiosks: Sequence[Kiosk]) -> dict[SchoolMark | None, list[Kiosk]]:
    found: dict[SchoolMark | None, list[Kiosk]] = defaultdict(list)
    for kiosk in kiosks:
        found[mark_in(kiosk)].append(kiosk)
    return found


def _follow(
    db: Session, kiosks: list[Kiosk], people: Collection[uuid.UUID], state: SchoolState
) -> None:
    """Put what is new of these people into each gallery, and let go what is not wanted there."""
    wanted = templates_of(db, people, state)
    held = _held(db, kiosks, people)
    rows = [row for kiosk in kiosks for row in _arriving(kiosk, held[kiosk.id], wanted)]
    if rows:
        db.execute(insert(GalleryEntry), rows)
    by_id = {kiosk.id: kiosk for kiosk in kiosks}
    leaving = [
        entry
        for entries in held.values()
        for entry in entries.values()
        if entry.gone is None and entry.template_id not in wanted
    ]
    for entry, reason in reasons(db, leaving, state):
        _change(by_id[entry.kiosk_id], entry, gone=reason)


def _held(db: Session, kiosks: list[Kiosk], people: Collection[uuid.UUID]) -> Held:
    found: Held = {kiosk.id: {} for kiosk in kiosks}
    query = select(GalleryEntry).where(
        col(GalleryEntry.kiosk_id).in_(found), col(GalleryEntry.person_id).in_(people)
    )
    for entry in db.exec(query):
        found[entry.kiosk_id][entry.template_id] = entry
    return found


def _arriving(
    kiosk: Kiosk,
    held: dict[uuid.UUID, GalleryEntry],
    wanted: dict[uuid.UUID, uuid.UUID],
) -> Iterator[dict[str, object]]:
    """Yield rows of templates that are new for a kiosk; those that come back are changed."""
    for template_id, person_id in wanted.items():
        entry = held.get(template_id)
        if entry is None:
            kiosk.gallery_version += 1
            yield {
                "kiosk_id": kiosk.id,
                "template_id": template_id,
                "person_id": person_id,
                "change": kiosk.gallery_version,
                "gone": None,
                "is_held_back": False,
            }
        elif entry.gone is not None or entry.is_held_back:
            _change(kiosk, entry, gone=None)


def _change(kiosk: Kiosk, entry: GalleryEntry, *, gone: str | None) -> None:
    kiosk.gallery_version += 1
    entry.change, entry.gone, entry.is_held_back = kiosk.gallery_version, gone, False
