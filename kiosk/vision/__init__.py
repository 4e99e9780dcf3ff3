"""Cameras, clips and the recognition worker: the only home of OpenCV, free of Qt."""

from kiosk.vision.camera import Camera, CameraReport, open_source
from kiosk.vision.spec import SourceOptions, SourceSpec, parse_spec

__all__ = ["Camera", "CameraReport", "SourceOptions", "SourceSpec", "open_source", "parse_spec"]
