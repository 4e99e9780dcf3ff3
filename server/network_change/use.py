"""The networks that have templates: how many people, which kiosks compare them, what may go."""

from dataclasses import dataclass

from sqlmodel import Session, select

from server.enrollment import retired
from server.enrollment.retired import ModelCover
from server.errors import ConflictError
from server.kiosks.tables import Kiosk, KioskState
from server.networks import service as networks


@dataclass(frozen=True)
class ModelUse:
    """One network.

    Attributes:
        cover: how many people have its templates.
        is_wanted: whether the school uses it, or changes to it.
        kiosks: names of those that compare its templates, as they last said.
        silent: names of those that have not said what they compare: perhaps this one.
    """

    cover: ModelCover
    is_wanted: bool
    kiosks: tuple[str, ...]
    silent: tuple[str, ...]

    @property
    def is_retired(self) -> bool:
        """Whether nothing makes or compares its templates any more."""
        return not self.is_wanted and not self.kiosks and not self.silent


def in_use(db: Session) -> list[ModelUse]:
    """Every network that has templates."""
    by_model: dict[str, list[str]] = {}
    for kiosk in db.exec(select(Kiosk).order_by("name")):
        if kiosk.state == KioskState.CLAIMED:
            by_model.setdefault((kiosk.status or {}).get("embedder") or "", []).append(kiosk.name)
    wanted = networks.networks_of(db).wanted
    return [
        ModelUse(
            cover,
            not wanted or cover.model_id in wanted,
            tuple(by_model.get(cover.model_id, ())),
            tuple(by_model.get("", ())),
        )
        for cover in retired.cover_by_model(db)
    ]


def erase(db: Session, model_id: str, *, actor: str) -> None:
    """Erase the templates of a network that nothing uses.

    Raises:
        ConflictError: it is in use, or nobody knows whether it is.
    """
    retired.hold_people(db, model_id)
    networks.locked(db)
    if not any(one.is_retired for one in in_use(db) if one.cover.model_id == model_id):
        raise ConflictError(problem="model_in_use")
    retired.erase_model(db, model_id, actor=actor)
