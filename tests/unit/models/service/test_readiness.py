"""That `/ready` runs the models, seldom, and says why not when it cannot."""

import asyncio
import threading

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from models.errors import InferenceError
from models.service.api import ServiceParts
from models.service.errors import ErrorCode, RefusalError
from models.service.faces import FaceEngine
from models.service.pool import WorkerPool
from models.service.readiness import Readiness


@pytest.fixture
def parts(app: FastAPI, client: TestClient) -> ServiceParts:
    del client  # the application runs
    parts: ServiceParts = app.state.parts
    return parts


@pytest.fixture
def engine(parts: ServiceParts) -> FaceEngine:
    engine = parts.pool._free.get(timeout=5.0)
    parts.pool._free.put(engine)
    return engine


class Counted:
    """Stands in front of a real engine and counts."""

    def __init__(self, engine: FaceEngine) -> None:
        self.runs = 0
        self._engine = engine

    def prove(self) -> None:
        self.runs += 1
        self._engine.prove()


def _readiness(engine: object, now: list[float], deadline_s: float = 5.0) -> Readiness:
    pool: WorkerPool[object] = WorkerPool([engine], wait_s=30.0)
    return Readiness(pool, deadline_s=deadline_s, clock=lambda: now[0])  # type: ignore[arg-type]


def test_a_stranger_learns_that_the_models_run(app: FastAPI, parts: ServiceParts) -> None:
    del parts
    answer = TestClient(app).get("/ready")

    assert answer.status_code == 200
    assert answer.json()["status"] == "ready"
    assert answer.json()["inference_ms"] > 0
    assert answer.json()["models"]["embedder"].startswith("dlib-resnet-v1")


def test_the_embedder_named_is_the_variant_that_runs(
    client: TestClient, engine: FaceEngine
) -> None:
    runs = engine._pipeline
    name = f"{runs.embedder_card.id}-{runs.embedder_file.variant}"

    answers = [client.get(path).json() for path in ("/health", "/ready")]

    assert [answer["models"]["embedder"] for answer in answers] == [name] * 2


def test_many_who_ask_cost_one_inference_a_second(engine: FaceEngine) -> None:
    counted, now = Counted(engine), [100.0]

    async def scenario() -> list[int]:
        readiness = _readiness(counted, now)
        await asyncio.gather(*(readiness.check() for _ in range(50)))
        counts = [counted.runs]
        for now[0] in (100.9, 101.1):
            await readiness.check()
            counts.append(counted.runs)
        return counts

    assert asyncio.run(scenario()) == [1, 1, 2]


def test_busy_workers_make_it_unready_until_one_is_free(engine: FaceEngine) -> None:
    now = [100.0]

    async def scenario() -> RefusalError:
        pool = WorkerPool([engine], wait_s=30.0)
        readiness = Readiness(pool, deadline_s=0.05, clock=lambda: now[0])
        release = threading.Event()
        busy = asyncio.create_task(pool.run(lambda _engine: release.wait(10.0)))
        await asyncio.sleep(0)
        with pytest.raises(RefusalError) as caught:
            await readiness.check()
        release.set()
        await busy
        now[0] += 2.0
        patient = Readiness(pool, deadline_s=10.0)
        assert await patient.check() > 0
        return caught.value

    refusal = asyncio.run(scenario())

    assert refusal.code is ErrorCode.NOT_READY
    assert "No worker" in refusal.message
    assert refusal.retry_after_s


def test_a_model_that_fails_makes_it_unready_without_telling_strangers_why(
    parts: ServiceParts,
    app: FastAPI,
    engine: FaceEngine,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_arguments: object) -> None:
        raise InferenceError("the delegate in /opt broke")

    monkeypatch.setattr(engine._pipeline, "embed_aligned", fail)
    monkeypatch.setattr(parts.readiness, "_until", float("-inf"))

    answer = TestClient(app).get("/ready")
    monkeypatch.undo()
    parts.readiness._until = float("-inf")

    assert answer.status_code == 503
    assert answer.json()["error_code"] == "NOT_READY"
    assert "/opt" not in answer.text
    assert TestClient(app).get("/ready").status_code == 200


def test_an_embedder_that_computes_something_else_is_no_proof(
    engine: FaceEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    embed = engine._pipeline.embed_aligned
    monkeypatch.setattr(engine._pipeline, "embed_aligned", lambda face: embed(face[:, ::-1] // 3))

    with pytest.raises(InferenceError, match="something else"):
        engine.prove()
