"""Finds, verifies and opens models by their cards."""

from models.store.calibration import Calibration, CalibrationCurve, ClassRate, GroupLimit
from models.store.card import (
    Alignment,
    CardFile,
    DetectorSpec,
    GroupFigure,
    InputSpec,
    LandmarksSpec,
    Matching,
    ModelCard,
    OnnxOrigin,
    Origin,
    PackageOrigin,
    Provenance,
    SourceFile,
    read_card,
)
from models.store.compiled import load_compiled
from models.store.store import (
    ASSET_SETTING,
    ModelStore,
    VerifiedModel,
    asset_folder,
    default_store,
)

__all__ = [
    "ASSET_SETTING",
    "Alignment",
    "Calibration",
    "CalibrationCurve",
    "CardFile",
    "ClassRate",
    "DetectorSpec",
    "GroupFigure",
    "GroupLimit",
    "InputSpec",
    "LandmarksSpec",
    "Matching",
    "ModelCard",
    "ModelStore",
    "OnnxOrigin",
    "Origin",
    "PackageOrigin",
    "Provenance",
    "SourceFile",
    "VerifiedModel",
    "asset_folder",
    "default_store",
    "load_compiled",
    "read_card",
]
