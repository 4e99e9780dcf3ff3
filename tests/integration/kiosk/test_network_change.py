"""A school changes its network: the kiosk follows without a restart, compares, and collects."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from kiosk.domain.matching import MatchRules
from kiosk.domain.ports import Frame, GallerySnapshot
from kiosk.domain.sightings import Sighting
from kiosk.vision.handover import NextNetwork
from kiosk.vision.knowledge import Knowledge
from kiosk.vision.recogniser import Recogniser, RecognitionSettings
from kiosk.vision.shadow import ShadowHooks, ShadowState, ShadowWorker
from models.pipeline import FacePipeline, PipelineSettings, open_embedder
from models.store import default_store
from protocol.v1 import sealing
from protocol.v1.messages import (
    ConfigDocument,
    KioskPolicy,
    LivenessLevel,
    NetworkChoice,
    TemplateUpsert,
)
from tests.fakes.kiosk_server import CLAIM_CODE, SchoolServer, serving
from tests.fakes.scans import opened
from tests.fakes.school import DATA_KEY, config
from tests.support.dropped_network import DROPPED_ID, assets_with_network
from tests.support.processes import BIN, Process
from tests.support.waiting import wait_until

pytestmark = pytest.mark.integration

DLIB_ID = "dlib-resnet-v1"
ENROLLED = {"p1": "again", "p2": "please"}
FPS = 30


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory, assets: Path, shared_models: Path) -> Path:
    return assets_with_network(tmp_path_factory.mktemp("assets"), assets, shared_models)


@pytest.fixture(scope="module")
def pipelines(installed: Path) -> dict[str, FacePipeline]:
    """Both networks, opened as a kiosk opens them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ROLLCALL_ASSETS", str(installed))
        store = default_store()
    return {
        name: FacePipeline.open(store, PipelineSettings(embedder=name))
        for name in (DLIB_ID, DROPPED_ID)
    }


@pytest.fixture(scope="module")
def enrolled(
    pipelines: dict[str, FacePipeline], shared_faces: Path
) -> dict[str, dict[str, NDArray[np.float32]]]:
    """Three frames of each person's clip, by network and person."""
    frames = {
        person: frames_of(shared_faces / "clips" / f"{clip}.mkv")[12:48:12]
        for person, clip in ENROLLED.items()
    }
    return {
        name: {
            person: np.stack([pipeline.analyse(frame)[0].embedding for frame in pictures])
            for person, pictures in frames.items()
        }
        for name, pipeline in pipelines.items()
    }


def frames_of(clip: Path) -> list[NDArray[np.uint8]]:
    video = cv2.VideoCapture(str(clip))
    read = iter(video.read, (False, None))
    return [np.asarray(picture, np.uint8) for is_read, picture in read if is_read]


class TwoNetworks:
    """A gallery with the templates of both networks."""

    def __init__(self, enrolled: dict[str, dict[str, NDArray[np.float32]]]) -> None:
        self._enrolled = enrolled

    def version(self) -> int:
        return 1

    def snapshot(self, model_id: str) -> GallerySnapshot:
        people = self._enrolled[model_id]
        ids = tuple(person for person, rows in people.items() for _ in rows)
        return GallerySnapshot(1, model_id, ids, np.concatenate([*people.values()]))

    def expected_now(self) -> frozenset[str]:
        return frozenset(ENROLLED)

    def match_rules(self) -> MatchRules:
        return MatchRules(liveness=LivenessLevel.PASSIVE, adults=frozenset(ENROLLED))


def look(
    pipeline: FacePipeline, gallery: TwoNetworks, clip: Path, listener: NextNetwork | None
) -> list[Sighting]:
    knowledge = Knowledge(gallery, gallery)
    settings = RecognitionSettings()
    recogniser = Recogniser(pipeline, knowledge, settings, next_network=listener)
    return [
        sighting
        for number, picture in enumerate(frames_of(clip)[::2])
        for sighting in recogniser.look(Frame(picture, number * 2 / FPS, number))
    ]


@pytest.mark.parametrize("clip", ["student", "hungry"])
def test_the_comparison_changes_no_sighting(
    pipelines: dict[str, FacePipeline],
    enrolled: dict[str, dict[str, NDArray[np.float32]]],
    installed: Path,
    shared_faces: Path,
    monkeypatch: pytest.MonkeyPatch,
    clip: str,
) -> None:
    monkeypatch.setenv("ROLLCALL_ASSETS", str(installed))
    gallery = TwoNetworks(enrolled)
    outcomes: list[str] = []
    shadow = ShadowWorker(
        lambda name: open_embedder(default_store(), PipelineSettings(embedder=name)),
        Knowledge(gallery, gallery),
        ShadowHooks(on_outcome=lambda outcome, _one, _two: outcomes.append(outcome)),
    )
    shadow.follow(DROPPED_ID, collects_scans=True)
    shadow.start()
    wait_until(lambda: shadow.state() == ShadowState(DROPPED_ID), what="the next network")
    path = shared_faces / "clips" / f"{clip}.mkv"
    watched = look(pipelines[DLIB_ID], gallery, path, shadow)
    alone = look(pipelines[DLIB_ID], gallery, path, None)
    wait_until(lambda: bool(outcomes), what="the comparison")
    shadow.stop()

    assert watched == alone
    assert outcomes == [{"student": "agreed", "hungry": "nobody"}[clip]]


@pytest.fixture
def school() -> SchoolServer:
    return SchoolServer()


@pytest.fixture
def url(school: SchoolServer) -> Iterator[str]:
    with serving(school) as url:
        yield url


@pytest.fixture
def kiosk(tmp_path: Path, url: str, installed: Path, shared_faces: Path) -> Iterator[Process]:
    """A kiosk that an enrolled person walks up to, again and again."""
    process = Process(
        [str(BIN / "rollcall-kiosk")],
        tmp_path / "kiosk.log",
        {
            "ROLLCALL_ASSETS": str(installed),
            "ROLLCALL_KIOSK_DATA_DIR": str(tmp_path / "kiosk"),
            "ROLLCALL_KIOSK_SERVER_URL": url,
            "ROLLCALL_KIOSK_CLAIM_CODE": CLAIM_CODE,
            "ROLLCALL_KIOSK_CAMERA": f"replay:{shared_faces / 'clips' / 'student.mkv'}",
            "ROLLCALL_KIOSK_REPLAY_LOOP": "true",
            "ROLLCALL_KIOSK_HEADLESS": "true",
            "ROLLCALL_KIOSK_FULLSCREEN": "false",
            "ROLLCALL_KIOSK_SYNC_INTERVAL_S": "1",
        },
    )
    yield process
    process.kill()


def wait_for(process: Process, words: str) -> None:
    wait_until(lambda: words in process.log, what=words, timeout_s=40)


def upserts_of(people: dict[str, NDArray[np.float32]], model_id: str) -> list[TemplateUpsert]:
    upserts: list[TemplateUpsert] = []
    for person, rows in people.items():
        for row in rows:
            change = len(upserts) + 1
            sealed = sealing.seal_template(
                sealing.pack_values(row.tolist()), DATA_KEY, template_id=f"t{change}"
            )
            upserts.append(
                TemplateUpsert(
                    template_id=f"t{change}",
                    person_id=person,
                    model_id=model_id,
                    dimension=len(row),
                    sealed=sealed,
                    change=change,
                )
            )
    return upserts


def collecting_now() -> ConfigDocument:
    """A lesson now, a check for life, and a change of network that collects templates."""
    document = config()
    now = datetime.now(UTC)
    times = {"starts_at": now - timedelta(minutes=1), "ends_at": now + timedelta(hours=1)}
    kiosk = KioskPolicy(liveness=LivenessLevel.PASSIVE, not_me_s=0)
    choice = NetworkChoice(current=DLIB_ID, next=DROPPED_ID, collects_scans=True)
    return document.model_copy(
        update={
            "lessons": (document.lessons[0].model_copy(update=times),),
            "policy": document.policy.model_copy(update={"kiosk": kiosk}),
            "network": choice,
        }
    )


def test_a_kiosk_collects_templates_and_then_changes_its_network_without_a_restart(
    kiosk: Process,
    school: SchoolServer,
    enrolled: dict[str, dict[str, NDArray[np.float32]]],
    tmp_path: Path,
) -> None:
    school.config = collecting_now()
    school.upserts = upserts_of(enrolled[DLIB_ID], DLIB_ID)
    kiosk.start(lambda: True)
    wait_until(lambda: bool(school.scans), what="a template", timeout_s=60)
    check_scan(school, enrolled[DROPPED_ID])
    (scan,) = school.scans.values()

    school.config = choosing(school.config, "c2", NetworkChoice(current=DROPPED_ID))
    wait_until(lambda: is_open(kiosk, DROPPED_ID), what="the other network", timeout_s=40)
    school.config = choosing(school.config, "c3", NetworkChoice(current="omz-0095"))
    wait_for(kiosk, "the network omz-0095 is not installed on this kiosk")
    downloads = len(school.config_hits)
    wait_until(lambda: len(school.config_hits) > downloads + 1, what="sync goes on")

    assert kiosk.stop(10) == 0
    held = b"".join(path.read_bytes() for path in (tmp_path / "kiosk").rglob("*") if path.is_file())
    assert scan.sealed.encode() not in held
    assert kiosk.log.count("The door is open") == 1
    assert "Traceback" not in kiosk.log


def is_open(process: Process, network: str) -> bool:
    """Whether the network decides; a next network would be another thing."""
    return re.search(f"(?<!next )network open: {network}", process.log) is not None


def choosing(document: ConfigDocument, version: str, choice: NetworkChoice) -> ConfigDocument:
    return document.model_copy(update={"version": version, "network": choice})


def check_scan(school: SchoolServer, people: dict[str, NDArray[np.float32]]) -> None:
    """The one scan there is belongs to its event and shows its person to the next network."""
    (scan,) = school.scans.values()
    event = next(event for event in school.events.values() if event.id == scan.event_id)
    assert (scan.person_id, event.person_id) == ("p1", "p1")
    assert (scan.decided_by, scan.model_id) == (DLIB_ID, DROPPED_ID)
    assert scan.frames >= 3
    assert scan.distance <= scan.strict_limit
    template = np.array(opened(scan, school.signing_key))
    cosines = {
        person: max(_cosine(template, row) for row in rows) for person, rows in people.items()
    }
    assert cosines["p1"] > 0.5 > cosines["p2"]


def _cosine(one: NDArray[np.float64], other: NDArray[np.float32]) -> float:
    return float(one @ other / np.linalg.norm(one) / np.linalg.norm(other))
