"""Who may compare vectors, how many, and the record of it.

The distances of chosen vectors let a caller rebuild the faces behind templates.
Source: https://arxiv.org/abs/2601.17620
"""

from __future__ import annotations

import logging
import math
from typing import TYPE_CHECKING

from models.service.errors import ErrorCode, RefusalError
from models.service.logs import AUDIT_LOGGER
from models.service.rate import TokenBucket

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.service.keys import CallerKey
    from models.service.metrics import Metrics

MATCH_PATHS = frozenset(
    {
        "/api/ml/match-faces",
        "/api/ml/batch-match",
        "/api/v1/gallery/check",
        "/api/v1/gallery/operating-point",
    }
)
logger = logging.getLogger(AUDIT_LOGGER)


class MatchGate:
    """Lets keys compare vectors that may, so many in a minute, and writes a line for each call."""

    def __init__(self, keys: Sequence[CallerKey], per_minute: int, metrics: Metrics) -> None:
        """Start with full allowances.

        Args:
            keys: all keys.
            per_minute: vectors that a key may compare in a minute, and at once; 0: any number.
            metrics: counts here.
        """
        self._buckets = {
            key.name: TokenBucket(per_minute, per_minute) for key in keys if per_minute
        }
        self._metrics = metrics

    def check_right(self, key: CallerKey, path: str) -> None:
        """Refuse a key that may not match.

        Raises:
            RefusalError: MATCHING_NOT_ALLOWED.
        """
        if not key.may_match:
            self._record(key, path, "refused")
            raise RefusalError(
                ErrorCode.MATCHING_NOT_ALLOWED,
                "This key may not compare faces. Ask for a key of ROLLCALL_ML_MATCH_KEYS.",
            )

    def admit(self, key: CallerKey, path: str, *, vectors: int, against: int) -> None:
        """Count a call against its key's allowance.

        Args:
            key: of the caller.
            path: of the endpoint.
            vectors: that are compared.
            against: what they are compared with.

        Raises:
            RefusalError: MATCHING_NOT_ALLOWED, or RATE_LIMITED with the time to come back.
        """
        self.check_right(key, path)
        bucket = self._buckets.get(key.name)
        wait_s = bucket.take(vectors) if bucket else 0.0
        outcome = "limited" if wait_s else "admitted"
        self._record(key, path, outcome, vectors, against)
        if wait_s:
            raise RefusalError(
                ErrorCode.RATE_LIMITED,
                "This key has compared too many faces. Try again later.",
                retry_after_s=math.ceil(wait_s),
            )
        self._metrics.match_vectors.labels(key.name, path).inc(vectors)

    def _record(
        self, key: CallerKey, path: str, outcome: str, vectors: int = 0, against: int = 0
    ) -> None:
        self._metrics.match_calls.labels(key.name, path, outcome).inc()
        facts = {"key": key.name, "path": path, "outcome": outcome}
        logger.info("match call recorded", extra=facts | {"vectors": vectors, "against": against})
