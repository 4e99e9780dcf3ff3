"""The Policy and Accuracy pages as they are shown: experts' words stand under "Details" alone."""

import re

import pytest
from starlette.testclient import TestClient

from server.config import Settings
from server.db.engine import Database
from server.db.vault import open_vault
from server.ml.school import CardHere, LimitHere, SchoolOperatingPoint
from server.web.principal import Role
from tests.fakes.encoder import FakeEncoder
from tests.integration.server.conftest import SignIn
from tests.support.crowd import Crowd
from tests.support.stepping import SteppedWorkers
from tests.unit.server.web.test_plain_pages import ARABIC_FORBIDDEN, FORBIDDEN

DISTANCE = re.compile(r"\b0\.\d")


def limit(distance: float) -> LimitHere:
    return LimitHere(
        target_fpir=1e-4,
        gallery_size=30,
        limit=distance,
        expected_fpir=0.0,
        interval=(0.0, 0.9),
        fnmr=0.05,
        fnmr_interval=(0.0, 0.1),
    )


#: Asks an admin: the school's limit would miss half of the students more often.
COSTLY = SchoolOperatingPoint(
    people=40,
    is_enough=True,
    pairs=780,
    ceiling=0.31,
    by_card=(CardHere(group="adult", limit=0.45, fnmr=0.1),),
    present=limit(0.45),
    proposed=limit(0.31),
    raised_share=0.5,
    at_card_limits=(limit(0.45), limit(0.5)),
)


#: What is read on each of the pages without opening anything.
_LEAST_WORDS = 100


def outside_details(page: str) -> str:
    """What is read on a page before anything is opened, without its navigation."""
    shown = page[page.index("<main") : page.index("</main>")]
    shown = re.sub(r"<details.*?</details>", " ", shown, flags=re.DOTALL)
    return re.sub(r"<[^>]+>|\s+", " ", shown)


@pytest.fixture
def admin(
    sign_in: SignIn,
    worker: SteppedWorkers,
    encoder: FakeEncoder,
    database: Database,
    settings: Settings,
) -> TestClient:
    """An admin of a measured school with every limit set that only experts set."""
    client = sign_in(Role.ADMIN)
    Crowd(database, open_vault(settings)).add(40, 1980)
    encoder.point = COSTLY
    client.post("/api/v1/accuracy")
    assert worker.measure_one()
    for figures in ({"fixed_distance": 0.35}, {"fixed_distance": None, "limit_ceiling": 0.4}):
        client.put("/api/v1/policy", json={"recognition": figures})
    return client


def test_experts_words_and_distances_are_under_details(admin: TestClient) -> None:
    for language, words in (("en", FORBIDDEN), ("ar", ARABIC_FORBIDDEN)):
        admin.cookies.set("rollcall_language", language)
        check(admin, language, words)


def check(admin: TestClient, language: str, words: re.Pattern[str]) -> None:
    """Both pages in the language that is chosen."""
    pages = {path: admin.get(path).text for path in ("/policy", "/accuracy")}
    for path, page in pages.items():
        shown = outside_details(page)
        assert f'<html lang="{language}"' in page, "else the words of another one are looked for"
        assert len(shown.split()) > _LEAST_WORDS, "else there is nothing to look at"
        assert words.findall(shown) == [], path
        assert DISTANCE.findall(shown) == [], path
    assert 'name="limit_ceiling"' in pages["/policy"]
    assert "0.35" in pages["/policy"], "the history still says it, under Details"
    assert "0.310" in pages["/accuracy"]
    assert 'id="question"' in pages["/accuracy"]
