"""The models that have templates: who serves them, who compares them, how many people have any."""

from collections.abc import Collection
from dataclasses import dataclass

from sqlmodel import Session, select

from server.enrollment import retired
from server.enrollment.retired import ModelCover
from server.errors import ConflictError
from server.kiosks.tables import Kiosk, KioskState


@dataclass(frozen=True)
class ModelUse:
    """One model.

    Attributes:
        cover: how many people have its templates.
        is_served: whether the recognition service makes its templates; None while unknown.
        kiosks: names of those that compare its templates, as they last said.
        silent: names of those that have not said which model they compare: perhaps this one.
    """

    cover: ModelCover
    is_served: bool | None
    kiosks: tuple[str, ...]
    silent: tuple[str, ...]

    @property
    def is_retired(self) -> bool:
        """Whether nothing makes or compares its templates any more."""
        return self.is_served is False and not self.kiosks and not self.silent


def in_use(db: Session, served: Collection[str]) -> list[ModelUse]:
    """Every model that has templates.

    Args:
        db: to read with.
        served: the models that the recognition service names; empty while unknown.
    """
    by_model: dict[str, list[str]] = {}
    for kiosk in db.exec(select(Kiosk).order_by("name")):
        if kiosk.state == KioskState.CLAIMED:
            by_model.setdefault((kiosk.status or {}).get("embedder") or "", []).append(kiosk.name)
    return [
        ModelUse(
            cover,
            cover.model_id in served if served else None,
            tuple(by_model.get(cover.model_id, ())),
            tuple(by_model.get("", ())),
        )
        for cover in retired.cover_by_model(db)
    ]


def erase(db: Session, model_id: str, served: Collection[str], *, actor: str) -> None:
    """Erase the templates of a retired model.

    Raises:
        ConflictError: it is in use, or nobody knows whether it is.
    """
    if not any(one.is_retired for one in in_use(db, served) if one.cover.model_id == model_id):
        raise ConflictError(problem="model_in_use")
    retired.erase_model(db, model_id, actor=actor)
