"""Metrics of the service, in a separate registry."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4 as CONTENT_TYPE

_SECONDS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)


class Metrics:
    """Counters of one application.

    Attributes:
        requests: by path and HTTP status.
        refusals: by path and error code, those with status 200 too.
        seconds: duration by path.
        in_flight: requests to /api that are waiting or computed.
        match_calls: to endpoints that compare vectors, by name of the key, path and outcome
            (admitted, limited or refused).
        match_vectors: vectors compared, by name of the key and path.
        faces: faces embedded.
    """

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.requests = Counter(
            "rollcall_ml_requests",
            "Requests answered",
            ("path", "status"),
            registry=self._registry,
        )
        self.refusals = Counter(
            "rollcall_ml_refusals",
            "Answers with success false",
            ("path", "error_code"),
            registry=self._registry,
        )
        self.seconds = Histogram(
            "rollcall_ml_request_seconds",
            "Time from first byte to answer",
            ("path",),
            buckets=_SECONDS,
            registry=self._registry,
        )
        self.in_flight = Gauge(
            "rollcall_ml_in_flight", "Requests to /api waiting or computed", registry=self._registry
        )
        self.match_calls = Counter(
            "rollcall_ml_match_calls",
            "Calls of the endpoints that compare vectors",
            ("key", "path", "outcome"),
            registry=self._registry,
        )
        self.match_vectors = Counter(
            "rollcall_ml_match_vectors",
            "Vectors compared",
            ("key", "path"),
            registry=self._registry,
        )
        self.faces = Counter(
            "rollcall_ml_faces", "Faces turned into embeddings", registry=self._registry
        )

    def exposition(self) -> tuple[bytes, str]:
        """Give all figures in Prometheus' text format, and its content type."""
        return generate_latest(self._registry), CONTENT_TYPE
