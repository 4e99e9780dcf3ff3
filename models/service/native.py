"""The native endpoints: /api/v1."""

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Body, Security

from models.service.api import REFUSALS, FastJSONRoute, MatchCall, Parts, documented_key
from models.service.errors import ErrorCode, RefusalError
from models.service.gallery_check import check_gallery
from models.service.native_faces import answer_faces, answer_quality
from models.service.native_schemas import (
    FacesRequest,
    FacesResponse,
    GalleryCheckRequest,
    GalleryCheckResponse,
    GroupFigureAnswer,
    ModelsResponse,
    OperatingPointRequest,
    OperatingPointResponse,
    QualityRequest,
    QualityResponse,
    ServedModel,
)
from models.service.operating_point import operating_point
from models.service.schemas import Refusal
from models.store import ModelCard

router = APIRouter(
    prefix="/api/v1",
    dependencies=[Security(documented_key)],
    responses=REFUSALS,
    route_class=FastJSONRoute,
    tags=["native"],
)


@router.get("/models")
async def models(parts: Parts) -> ModelsResponse:
    """Name the embedders, the one that serves where none is asked for first, with their origin."""
    return ModelsResponse(models=[_served(card) for card in parts.cards.values()])


@router.post("/faces")
async def faces(request: Annotated[FacesRequest, Body()], parts: Parts) -> FacesResponse | Refusal:
    """Find, judge and embed every face of a picture."""
    answer = await parts.pool.run(lambda engine: answer_faces(engine, request, parts.pool.share))
    parts.metrics.faces.inc(len(answer.faces))
    return answer


@router.post("/quality")
async def quality(
    request: Annotated[QualityRequest, Body()], parts: Parts
) -> QualityResponse | Refusal:
    """Say how good the largest face of a picture is, and what would make it better."""
    return await parts.pool.run(lambda engine: answer_quality(engine, request))


@router.post("/gallery/check")
async def gallery_check(
    request: Annotated[GalleryCheckRequest, Body()], parts: Parts, match: MatchCall
) -> GalleryCheckResponse:
    """Find the templates that do not fit a person, and the people they may be confused with."""
    match(
        vectors=len(request.person.templates),
        against=sum(len(other.templates) for other in request.others),
    )
    card = _card(parts.cards, request.model_id)
    job = partial(check_gallery, card, request)
    return await parts.pool.run(lambda _engine: job())


@router.post("/gallery/operating-point")
async def gallery_operating_point(
    request: Annotated[OperatingPointRequest, Body()], parts: Parts, match: MatchCall
) -> OperatingPointResponse:
    """Say what the limits of a model's card mean among these people."""
    # The answer holds shares and a few pairs, so a school counts as one vector.
    match(vectors=1, against=sum(len(person.templates) for person in request.people))
    card = _card(parts.cards, request.model_id)
    job = partial(operating_point, card, request)
    return await parts.pool.run(lambda _engine: job())


def _card(cards: dict[str, ModelCard], model_id: str) -> ModelCard:
    if model_id not in cards:
        raise RefusalError(ErrorCode.UNKNOWN_MODEL, f"The models here are: {', '.join(cards)}.")
    return cards[model_id]


def _served(card: ModelCard) -> ServedModel:
    """Say what a card says about an embedder's origin."""
    origin = card.provenance
    return ServedModel(
        model_id=card.id,
        title=card.title,
        licence=card.licence,
        licence_stated_by=origin.licence_stated_by if origin else None,
        training_data=origin.training_data if origin else None,
        dimension=card.dimension,
        groups=[
            GroupFigureAnswer(**one.model_dump(exclude={"source"}))
            for one in (origin.groups if origin else ())
        ],
    )
