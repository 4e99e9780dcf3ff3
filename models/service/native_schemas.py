"""The JSON of the native endpoints, version 1. Vectors are base64 of float32, little-endian."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from models.service.schemas import Turned
from models.service.single_picture import OnePictureReason
from models.stages.quality import QualityReason

MAX_TEMPLATES = 20_000
MAX_PERSON_TEMPLATES = 50

PersonId = Annotated[str, Field(min_length=1, max_length=128)]
ModelId = Annotated[str, Field(min_length=1, max_length=64)]
Vector = Annotated[str, Field(min_length=4, max_length=32_768)]
Rate = Annotated[float, Field(gt=0.0, lt=1.0)]


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True, protected_namespaces=())


class _Picture(_Message):
    image_base64: str = Field(
        description="JPEG, PNG, WebP or HEIC in base64; a data URL is understood too",
        examples=["/9j/4AAQSkZJRgABAQ..."],
    )


class QualityRequest(_Picture):
    """Ask how good the largest face of a picture is; no template is made."""


class FacesRequest(_Picture):
    """Ask for every face of a picture, judged, with templates."""

    detector: Literal["full", "thorough", "near"] = "full"
    views: int = Field(default=2, ge=1, le=10, description="of each face that are fused")
    models: list[ModelId] | None = Field(
        default=None,
        max_length=16,
        description="cards to make templates of; null: the service's own, and those that its"
        " settings name",
    )
    single: bool = Field(
        default=False, description="refuse a picture without a face or with several of like size"
    )


class ImageDimensions(_Message):
    """Size of the upright picture in pixels, reduced where it has more than 25 million."""

    width: int
    height: int


class Box(_Message):
    """In pixels of the upright picture, cut at its edges."""

    left: int
    top: int
    width: int
    height: int


class Pose(_Message):
    """Where the head points, degrees."""

    yaw_deg: float
    pitch_deg: float
    roll_deg: float


class MeasureAnswer(_Message):
    """One number and what is asked of it."""

    value: float
    unit: str
    least: float | None
    most: float | None
    is_met: bool


class FaceQualityAnswer(_Message):
    """How good a face is."""

    reasons: list[QualityReason] = Field(description="what falls short, most fundamental first")
    blocking: list[QualityReason] = Field(description="those that make it unfit for enrolment")
    measures: dict[str, MeasureAnswer]
    pose: Pose


class JudgedFace(_Message):
    """A face without templates."""

    box: Box
    area_ratio: float = Field(description="area of the box / area of the picture")
    landmarks_presence: float = Field(description="how sure the landmark model is, 0 to 1")
    is_live: bool | None = Field(
        description="false: a screen is seen; null: one picture cannot tell. Never true here"
    )
    is_live_reason: OnePictureReason
    quality: FaceQualityAnswer


class GalleryTemplate(_Message):
    """A face as one model's numbers."""

    model_id: str
    dimension: int
    values_base64: str


class EmbeddedFace(JudgedFace):
    """A face with its templates."""

    templates: list[GalleryTemplate]


class FacesResponse(_Message):
    """All faces, largest first."""

    success: Literal[True] = True
    faces: list[EmbeddedFace]
    image: ImageDimensions
    turned_deg: Turned
    processing_time_ms: float


class QualityResponse(_Message):
    """The largest face; null where there is none."""

    success: Literal[True] = True
    face: JudgedFace | None
    faces_count: int
    image: ImageDimensions
    turned_deg: Turned
    processing_time_ms: float


class GalleryPerson(_Message):
    """A person's templates of one model, one for each photo."""

    id: PersonId
    templates: list[Vector] = Field(max_length=MAX_PERSON_TEMPLATES)


class GalleryCheckRequest(_Message):
    """Ask what a person's templates show beside each other and beside other people's."""

    model_id: ModelId
    person: GalleryPerson
    others: list[GalleryPerson] = Field(default=[], max_length=MAX_TEMPLATES)


class SetAsideAnswer(_Message):
    """A template that does not look like the person's others."""

    index: int
    distance: float


class Neighbour(_Message):
    """Another person, and how near, on the scale that all cards share."""

    id: str
    distance: float


class CheckLimits(_Message):
    """What the findings were judged by, on the same scale."""

    outlier: float
    duplicate: float
    look_alike: float


class GalleryCheckResponse(_Message):
    """The findings, nearest first; who is a duplicate is not named again as a look-alike."""

    success: Literal[True] = True
    set_aside: list[SetAsideAnswer]
    duplicates: list[Neighbour]
    look_alikes: list[Neighbour]
    limits: CheckLimits


class Member(GalleryPerson):
    """A person of the school, with the cohorts they belong to."""

    cohorts: list[Annotated[str, Field(min_length=1, max_length=128)]] = Field(
        default=[], max_length=16
    )


class OperatingPointRequest(_Message):
    """Ask what a model's limits mean among these people."""

    model_id: ModelId
    people: list[Member] = Field(max_length=MAX_TEMPLATES)
    roster_sizes: list[Annotated[int, Field(ge=1, le=100_000)]] = Field(
        default=[30], min_length=1, max_length=8
    )
    targets: list[Rate] = Field(default=[1e-3, 1e-4], min_length=1, max_length=8)
    limit_in_force: Annotated[float, Field(gt=0, le=10)] | None = Field(
        default=None, description="that an earlier measurement gave, on the scale that cards share"
    )


class LimitAnswer(_Message):
    """What the card's limit for a target does here; shares with 95 % intervals."""

    target_fpir: float
    gallery_size: int
    limit: float = Field(description="for adults")
    expected_fpir: float
    interval: tuple[float, float]
    fnmr: float | None = Field(description="null: too few people with several photos")
    fnmr_interval: tuple[float, float] | None


class CurveAnswer(_Message):
    """Shares of the pairs of people (FMR), and the distance below which they lie."""

    fmr: list[float]
    limits: list[float]


class CohortAnswer(_Message):
    """One part of the school: the first target for the first size; or nothing but its name."""

    name: str
    people: int | None = Field(default=None, description="null: suppressed")
    suppressed: bool = Field(
        description="its figures, or their difference from others, would be of fewer than 30"
    )
    at_card_limits: list[LimitAnswer] = []


class PairAnswer(_Message):
    """Two people who look alike."""

    a: str
    b: str
    distance: float


class CardAnswer(_Message):
    """What the card alone says of the first target and size, for one group of people."""

    group: Literal["adult", "teen", "child"]
    limit: float
    fnmr: float = Field(description="share of the genuine comparisons of the calibration")


class ClassRateAnswer(_Message):
    """What the card states: strangers at classes of 30, at its limit for adults."""

    data: str
    kind: Literal["random", "similar", "women", "men"]
    people: int
    enrolled: int
    target_fpir: float
    fpir: float
    interval: tuple[float, float]


class OperatingPointResponse(_Message):
    """Distances on the scale that all cards share."""

    success: Literal[True] = True
    people: int
    is_enough: bool
    by_card: list[CardAnswer] = Field(
        description="of the groups that the card has limits for; kiosks recognise no others"
    )
    class_rates: list[ClassRateAnswer] = Field(
        default=[], description="strangers at classes of random and of similar people"
    )
    pairs: int | None = None
    ceiling: float | None = Field(
        default=None,
        description="a limit that keeps the first target for the first size among these people,"
        " without the pairs of `pairs_left_out`",
    )
    pairs_left_out: list[PairAnswer] = Field(
        default=[],
        description="pairs nearer than any limit of the card that was asked about, at most one for"
        " every 50 people; they need another way than a limit",
    )
    present: LimitAnswer | None = Field(
        default=None, description="at the smaller of the card's limit and `limit_in_force`"
    )
    proposed: LimitAnswer | None = Field(
        default=None, description="at the smaller of the card's limit and `ceiling`"
    )
    raised_share: float | None = Field(
        default=None,
        description="share of people that the proposed limit would miss more often than the"
        " present one; by the card's calibration where fewer than 30 have several pictures",
    )
    curve: CurveAnswer | None = None
    at_card_limits: list[LimitAnswer] = []
    cohorts: list[CohortAnswer] = []
    closest_pairs: list[PairAnswer] = []


class GroupFigureAnswer(_Message):
    """How often strangers were mistaken in a class of 30 people of one group, as the card says."""

    group: str
    fpir_percent_low: float
    fpir_percent_high: float


class ServedModel(_Message):
    """An embedder, and what its card says about where it comes from."""

    model_id: str
    title: str
    licence: str = Field(description="SPDX identifier of the weights' licence")
    licence_stated_by: str | None = Field(description="null: the card does not say")
    training_data: str | None = Field(description="as far as known; null: the card does not say")
    dimension: int
    groups: list[GroupFigureAnswer] = Field(description="empty: the card has no such figures")


class ModelsResponse(_Message):
    """The embedders of this service; the first one serves where a request names none."""

    success: Literal[True] = True
    models: list[ServedModel]
