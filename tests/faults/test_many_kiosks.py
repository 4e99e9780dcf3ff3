"""Two hundred kiosks ask a restarted server at the same moment: each gets its answer."""

from collections import Counter
from collections.abc import Iterator

import pytest
from pydantic import SecretStr

from scripts.bench.many import Ask, Crowd, ask_together, make_crowd, serving
from scripts.invented_school import Size
from server.config import load_settings
from tests.support.postgres import new_database

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]

KIOSKS, READERS = 200, 75
_NO_ML = "http://127.0.0.1:9"
#: A kiosk gives up reading an answer after this time.
KIOSK_WAIT_S = 30.0


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def crowd(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Crowd]:
    folder = tmp_path_factory.mktemp("many")
    size = Size(people=12, lessons=4, kiosks=KIOSKS, class_size=6)
    if request.param == "sqlite":
        yield make_crowd(load_settings(data_dir=folder, ml_service_url=_NO_ML), size)
        return
    port = request.getfixturevalue("postgres_port")
    template = request.getfixturevalue("migrated_postgres")
    with new_database(port, template=template) as url:
        settings = load_settings(
            data_dir=folder, database_url=SecretStr(url), ml_service_url=_NO_ML
        )
        yield make_crowd(settings, size)


@pytest.fixture(scope="module")
def port(crowd: Crowd) -> Iterator[int]:
    """Port of a server that has just started again."""
    with serving(crowd.settings) as port:
        yield port


def test_every_kiosk_gets_its_gallery_and_people_their_pages_in_between(
    crowd: Crowd, port: int
) -> None:
    people = [
        Ask("/people", {"Cookie": crowd.cookie}),
        Ask("/health", {}),
        Ask("/api/v1/rooms", {"Cookie": crowd.cookie}),
    ]
    answers = ask_together(port, [*crowd.galleries(), *people])

    assert Counter(one.status for one in answers) == {200: KIOSKS + len(people)}
    assert max(one.took_s for one in answers) < KIOSK_WAIT_S


def test_kiosks_without_news_are_answered_while_another_writer_holds_the_lock(
    crowd: Crowd, port: int
) -> None:
    asks = crowd.galleries(since=10**6)[:READERS]
    ask_together(port, asks)  # from here on nothing is new, and all were heard of lately
    database = crowd.database()
    with database.transaction() as db:
        db.connection()
        answers = ask_together(port, asks)
    database.close()

    assert Counter(one.status for one in answers) == {200: READERS}


def test_many_readers_of_one_register_are_all_answered(crowd: Crowd, port: int) -> None:
    answers = ask_together(port, crowd.readers(READERS))

    assert Counter(one.status for one in answers) == {200: READERS}
