"""The JSON of the service: the separation plan's contract (SD3 to SD7), and what we add to it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, FiniteFloat

from models.service.errors import ErrorCode
from models.service.single_picture import OnePictureReason
from models.stages.quality import QualityReason

# Larger values are no embedding, and their squares leave float32.
Component = Annotated[FiniteFloat, Field(ge=-1000.0, le=1000.0)]
Embedding = Annotated[
    list[Component],
    Field(min_length=1, max_length=4096, description="128 numbers with the shipped model"),
]
Distance = Annotated[FiniteFloat, Field(ge=0.0, le=10.0)]
Share = Annotated[FiniteFloat, Field(ge=0.0, le=1.0)]
StudentId = Annotated[str, Field(min_length=1, max_length=128)]
DetectorName = Literal["hog", "cnn", "full", "thorough", "near"]
Turned = Annotated[
    Literal[0, 90, 180, 270],
    Field(description="degrees clockwise by which the picture was turned, after its EXIF"),
]
Certainty = Literal["confident", "uncertain", "no_match"]
Dimensions = tuple[int, int]
"""Width and height of the upright picture, pixels: the plan's order."""


class _Request(BaseModel):
    model_config = ConfigDict(frozen=True)


class _Response(BaseModel):
    model_config = ConfigDict(frozen=True)


class _PictureRequest(_Request):
    image_base64: str = Field(
        description="JPEG, PNG, WebP or HEIC in base64; a data URL is understood too",
        examples=["/9j/4AAQSkZJRgABAQ..."],
    )
    min_face_area_ratio: Share = Field(
        default=0.0, description="smallest face that counts: area of its box / area of the picture"
    )
    num_jitters: int | None = Field(
        default=None,
        ge=0,
        le=100,
        description="views of the face whose embeddings are fused: 0 and 1 the face as it is,"
        " 2 (default) also its mirror image, more also small turns and shifts",
    )


class EncodeFaceRequest(_PictureRequest):
    """Ask for the embedding of the one face in a picture."""

    validate_single: bool = Field(
        default=True,
        description="refuse a picture with several faces of a similar size (from a quarter of the"
        " largest one's area on); else the largest counts",
    )


class DetectFacesRequest(_PictureRequest):
    """Ask for every face in a picture."""

    model: DetectorName | None = Field(
        default=None,
        description="how to look: 'full' (or 'hog', the default) once; 'thorough' (or 'cnn')"
        " again at parts of the picture, for small faces; 'near' for faces within arm's"
        " length only. hog and cnn are"
        " the names that face_recognition has",
    )


class FaceLocation(_Response):
    """A face's box in pixels of the upright picture, cut at its edges."""

    top: int
    right: int
    bottom: int
    left: int


class Quality(_Response):
    """Measurements of the face, and what is wrong with it; advice, nothing is refused for it."""

    reasons: list[QualityReason] = Field(description="what falls short; empty when all is well")
    detection_score: float = Field(description="how sure the detector is, 0 to 1")
    presence: float = Field(description="how sure the landmark model is, 0 to 1")
    eye_distance_px: float = Field(description="between the centres of the eyes, pixels")
    sharpness: float = Field(description="variance of the Laplacian of the face at 64x64 pixels")
    brightness: float = Field(description="mean grey level of the face, 0 to 255")


class EncodeMetadata(_Response):
    """About the picture and the model."""

    face_area_ratio: float
    image_dimensions: Dimensions = Field(description="width and height of the upright picture, px")
    model_id: str = Field(description="embeddings of different models never compare")
    num_jitters: int = Field(description="views that were fused")
    is_live: bool | None = Field(
        description="false: a screen is seen; null: one picture cannot tell. Never true here"
    )
    is_live_reason: OnePictureReason
    quality: Quality
    turned_deg: Turned
    processing_time_ms: float


class EncodeFaceResponse(_Response):
    """The one face."""

    success: Literal[True]
    embedding: list[float]
    face_location: FaceLocation
    metadata: EncodeMetadata


class DetectedFace(_Response):
    """One of the faces."""

    embedding: list[float]
    location: FaceLocation
    face_area_ratio: float
    is_live: bool | None = Field(
        description="false: a screen is seen; null: one picture cannot tell. Never true here"
    )
    is_live_reason: OnePictureReason


class DetectMetadata(_Response):
    """About the picture and the model."""

    image_dimensions: Dimensions = Field(description="width and height of the upright picture, px")
    processing_time_ms: float
    model_id: str
    num_jitters: int
    turned_deg: Turned


class DetectFacesResponse(_Response):
    """All faces, largest first; none is an answer, not an error."""

    success: Literal[True]
    faces: list[DetectedFace]
    count: int
    metadata: DetectMetadata


class Refusal(_Response):
    """Why there is no answer."""

    success: Literal[False]
    error: str = Field(description="one sentence for people")
    error_code: ErrorCode


class Candidate(_Request):
    """A person a face may belong to."""

    student_id: StudentId
    embeddings: list[Embedding] = Field(description="none: the person is left out")


class MatchFacesRequest(_Request):
    """Ask whose face one embedding is."""

    query_embedding: Embedding
    candidate_embeddings: list[Candidate]
    threshold: Distance | None = Field(
        default=None, description="distances from here on are no match; default 0.60"
    )
    return_all_distances: bool = False


class MatchAnswer(_Response):
    """The nearest person."""

    student_id: str | None = Field(description="null: nobody is near enough")
    distance: float = Field(description="to the nearest; 2.0 without candidates")
    confidence: float = Field(description="1 - distance, at least 0; no probability")
    status: Certainty


class StudentDistance(_Response):
    """How far a person is."""

    student_id: str
    min_distance: float


class MatchFacesResponse(_Response):
    """Whose face it is."""

    success: Literal[True]
    match: MatchAnswer
    all_distances: list[StudentDistance] | None = Field(
        description="nearest first; null unless asked for"
    )


class BatchFace(_Request):
    """A face of a class photo."""

    embedding: Embedding
    is_live: bool | None = Field(
        default=None, description="false: a picture of a person, so the face matches nobody"
    )


class BatchMatchRequest(_Request):
    """Ask whose faces those of a class photo are."""

    detected_faces: list[BatchFace]
    candidate_embeddings: list[Candidate]
    confident_threshold: Distance | None = Field(default=None, description="default 0.50")
    uncertain_threshold: Distance | None = Field(default=None, description="default 0.60")


class FaceMatch(_Response):
    """Whose face one of them is."""

    face_index: int
    student_id: str | None = Field(description="null unless present")
    distance: float = Field(
        description="to the nearest; 2.0 without candidates, and for a face that is not live"
    )
    status: Literal["present", "unknown"] = Field(description="present only when confident")
    certainty: Certainty
    nearest_student_id: str | None = Field(
        description="for a person to confirm: also when uncertain, or when another face of the"
        " photo is nearer to the same student"
    )


class BatchMatchResponse(_Response):
    """Whose faces they are, in the order of the request."""

    success: Literal[True]
    matches: list[FaceMatch]


class ModelsInUse(_Response):
    """The cards in use."""

    detector: str
    landmarks: str
    embedder: str = Field(description="card and variant; of the plan's endpoints")
    embedders: list[str] = Field(description="cards of all embedders, the one above first")


class HealthResponse(_Response):
    """The process is up and its models are open."""

    status: Literal["healthy"]
    service: Literal["rollcall-ml"]
    version: str
    models_loaded: bool
    models: ModelsInUse
    uptime_seconds: float
    timestamp: AwareDatetime = Field(description="now, UTC")


class RootResponse(_Response):
    """What this service is, and where to read on."""

    service: Literal["rollcall-ml"]
    version: str
    status: Literal["running"]
    docs: Literal["/docs"]
    health: Literal["/health"]


class ReadyResponse(_Response):
    """A worker has just run the models on a drawn picture."""

    status: Literal["ready"]
    service: Literal["rollcall-ml"]
    models: ModelsInUse
    inference_ms: float = Field(description="of the test inference, with the wait for a worker")
