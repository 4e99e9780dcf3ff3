"""The network of an invented school, and a change to another one that is under way."""

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from sqlmodel import Session, select

from protocol.v1.messages import ShadowCounts
from scripts.invented_school import School
from server.db.vault import Vault
from server.enrollment.gallery import store_template
from server.enrollment.tables import Enrolment, Template
from server.kiosks.tables import Kiosk
from server.ml.encoder import FaceTemplate
from server.network_change import service
from server.network_change.schemas import ChangeForm
from server.networks.service import row_of

_NEXT = "sface-2021dec"


def use_network(db: Session, model_id: str, *, actor: str) -> None:
    """Let the school use a network, as if it had chosen it before its first photo."""
    row = row_of(db)
    row.current, row.chosen_by = model_id, actor
    row.chosen_at = datetime.now(UTC) - timedelta(days=40)
    for kiosk in db.exec(select(Kiosk)):
        kiosk.status = (kiosk.status or {}) | {"embedder": model_id}


def change_network(
    db: Session, vault: Vault, school: School, served: Sequence[str], *, ready: float = 0.86
) -> None:
    """Start a change, give most people templates of the next network, and let kiosks count.

    Args:
        db: the caller's transaction.
        vault: seals the templates.
        school: whose people.
        served: networks of the recognition service.
        ready: share of the people who get a template.
    """
    row = row_of(db)
    if row.next is not None:
        return
    next_id = next((one for one in (_NEXT, *served) if one in served and one != row.current), None)
    if next_id is None:
        return
    wish = ChangeForm(next=next_id, collects_scans=True)
    service.start(db, wish, served=served, actor=row.chosen_by or "system")
    chance = random.Random(11)  # noqa: S311 - the same school each time
    known = select(Enrolment).join(Template).where(Template.model_id == row.current)
    for enrolment in db.exec(known).all():
        if chance.random() < ready:
            _add(db, vault, enrolment, next_id, chance)
    for number, kiosk in enumerate(db.exec(select(Kiosk).order_by("name"))):
        kiosk.status = (kiosk.status or {}) | {"shadow": _shadow(next_id, 160 + 40 * number)}
        if number == 1:
            kiosk.status |= {"embedder": "omz-0095"}


def _add(
    db: Session, vault: Vault, enrolment: Enrolment, model_id: str, chance: random.Random
) -> None:
    values = tuple(chance.gauss(0, 0.1) for _ in range(128))
    made = store_template(db, vault, enrolment, FaceTemplate(model_id, values), datetime.now(UTC))
    made.checked_at = datetime.now(UTC)


def _shadow(model_id: str, scans: int) -> dict[str, object]:
    counts = ShadowCounts(
        model_id=model_id,
        since=datetime.now(UTC) - timedelta(days=3),
        agreed=scans,
        missed=scans // 90,
        only_next=scans // 40,
        nobody=scans // 30,
    )
    return counts.model_dump(mode="json")
