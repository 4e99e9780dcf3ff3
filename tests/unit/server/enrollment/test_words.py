"""Why a photo was not accepted, in words: for every code that can come."""

import pytest

from models.service.errors import ErrorCode
from models.stages.quality import QualityReason
from server.enrollment.words import reason_words
from server.web.translations import LANGUAGES, translator

#: What the service says of a photo; the rest of its codes is about the request.
_OF_PHOTOS = [code.value for code in ErrorCode if code.status == 200 and "BASE64" not in code.value]
#: Services before the plan's name for it say so, and this server itself.
_OF_PHOTOS.append("MULTIPLE_FACES")


@pytest.mark.parametrize("language", sorted(LANGUAGES))
@pytest.mark.parametrize("code", [*QualityReason, *_OF_PHOTOS])
def test_every_reason_has_words(language: str, code: str) -> None:
    words = reason_words(translator(language), str(code))
    assert str(code) not in words
