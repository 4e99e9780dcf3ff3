"""What the recognition service is asked, as it travels."""

import base64
import struct
from collections.abc import Iterator, Mapping

from server.ml.encoder import Embeddings, GalleryQuestion
from server.ml.school import SchoolQuestion

Body = dict[str, object]
#: Templates in one question about the gallery; larger schools are asked about in parts.
CHECK_TEMPLATES = 2000


def of_photo(photo: bytes, **wishes: object) -> Body:
    """A photo, and what else is wished."""
    return {"image_base64": base64.b64encode(photo).decode(), **wishes}


def of_gallery(question: GalleryQuestion) -> Iterator[Body]:
    """A person beside everybody else, in parts."""
    own = [_packed(one) for one in question.templates]
    for others in _in_parts(question.others):
        yield {
            "model_id": question.model_id,
            "person": {"id": "new", "templates": own},
            "others": [
                {"id": key, "templates": [_packed(one) for one in found]}
                for key, found in others.items()
            ],
        }


def of_school(question: SchoolQuestion) -> Body:
    """Everybody, and what is to be known of them."""
    return {
        "model_id": question.model_id,
        "people": [
            {
                "id": person.key,
                "templates": [_packed(one) for one in person.templates],
                "cohorts": list(person.cohorts),
            }
            for person in question.people
        ],
        "roster_sizes": list(question.roster_sizes),
        "targets": list(question.targets),
        "limit_in_force": question.limit_in_force,
    }


def _packed(embedding: tuple[float, ...]) -> str:
    """Base64 of float32, little-endian."""
    return base64.b64encode(struct.pack(f"<{len(embedding)}f", *embedding)).decode()


def _in_parts(others: Mapping[str, Embeddings]) -> Iterator[dict[str, Embeddings]]:
    """Everybody, in parts of about `CHECK_TEMPLATES` templates; one empty part for nobody."""
    part: dict[str, Embeddings] = {}
    size = 0
    for person_id, templates in others.items():
        if part and size + len(templates) > CHECK_TEMPLATES:
            yield part
            part, size = {}, 0
        part[person_id] = templates
        size += len(templates)
    yield part
