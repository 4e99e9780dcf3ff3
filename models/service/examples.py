"""Requests shown in the OpenAPI description."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fastapi.openapi.models import Example

_EMBEDDING = [0.01] * 128
_CANDIDATES = [{"student_id": "S-1001", "embeddings": [_EMBEDDING]}]

EXAMPLES: dict[str, dict[str, Example]] = {
    "encode-face": {
        "enrolment": {
            "summary": "One face, at least 5 % of the picture",
            "value": {
                "image_base64": "/9j/4AAQSkZJRgABAQ...",
                "validate_single": True,
                "min_face_area_ratio": 0.05,
                "num_jitters": 2,
            },
        }
    },
    "detect-faces": {
        "class photo": {
            "summary": "Every face of a class photo",
            "value": {
                "image_base64": "/9j/4AAQSkZJRgABAQ...",
                "min_face_area_ratio": 0.001,
                "num_jitters": 2,
                "model": "cnn",
            },
        }
    },
    "match-faces": {
        "one face": {
            "summary": "One face against a roster",
            "value": {
                "query_embedding": _EMBEDDING,
                "candidate_embeddings": _CANDIDATES,
                "threshold": 0.60,
                "return_all_distances": True,
            },
        }
    },
    "batch-match": {
        "class photo": {
            "summary": "The faces of a class photo against a roster",
            "value": {
                "detected_faces": [{"embedding": _EMBEDDING}],
                "candidate_embeddings": _CANDIDATES,
                "confident_threshold": 0.50,
                "uncertain_threshold": 0.60,
            },
        }
    },
}
