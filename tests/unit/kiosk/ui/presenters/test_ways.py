"""Which ways an answer and the Ready screen offer, and in what words."""

from itertools import chain, combinations
from zoneinfo import ZoneInfo

import pytest

from kiosk.domain.screens import CodeProblem, CodeRefused, NotRecognised, NotRecognisedReason
from kiosk.ui.catalogue import Catalogue, load_catalogue
from kiosk.ui.presenters.answer import answer_view
from kiosk.ui.presenters.ways import WaysPresenter, way_items, ways_view
from protocol.v1.messages import Fallback

CARDS = {Fallback.CARD, Fallback.CARD_ALONE}
SUBSETS = list(chain.from_iterable(combinations(Fallback, n) for n in range(len(Fallback) + 1)))


@pytest.mark.parametrize("language", ["en", "ar"])
def test_every_choice_of_ways_is_offered_whole(language: str) -> None:
    words = load_catalogue(language, ZoneInfo("UTC"))
    for ways in SUBSETS:
        shows = Fallback.QR in ways or not CARDS.isdisjoint(ways)
        expected = {
            name
            for name, exists in (
                ("show", shows),
                ("pin", Fallback.PIN in ways),
                ("teacher", Fallback.TEACHER in ways),
            )
            if exists
        }
        items, small = way_items(ways, words), ways_view(ways, words)
        assert {item.name for item in items} == expected
        assert [item.name for item in items if not item.is_button] == ["show"] * shows
        assert all(item.words and item.icon for item in items)
        assert (bool(small.hint), bool(small.pin), bool(small.teacher)) == (
            shows,
            Fallback.PIN in ways,
            Fallback.TEACHER in ways,
        )
        assert small.exist == bool(expected)


UNSURE = (NotRecognisedReason.UNSURE, NotRecognisedReason.UNSURE_LEAVING)


@pytest.mark.parametrize("reason", [one for one in NotRecognisedReason if one not in UNSURE])
def test_nobody_is_sent_to_the_teacher_where_there_are_ways(
    words: Catalogue, reason: NotRecognisedReason
) -> None:
    view = answer_view(NotRecognised(reason, (Fallback.PIN,)), words)
    assert "teacher" not in view.body
    assert [way.name for way in view.ways] == ["pin"]


@pytest.mark.parametrize("reason", UNSURE)
@pytest.mark.parametrize("ways", [(), (Fallback.QR,)])
def test_an_unsure_face_is_always_told_of_the_teacher(
    words: Catalogue, reason: NotRecognisedReason, ways: tuple[Fallback, ...]
) -> None:
    """Nobody may have the ways that exist: a new school gave out no phone codes yet."""
    assert "ask the teacher" in answer_view(NotRecognised(reason, ways), words).body


@pytest.mark.parametrize("language", ["en", "ar"])
def test_every_problem_of_a_code_says_what_to_do(language: str) -> None:
    words = load_catalogue(language, ZoneInfo("UTC"))
    views = [answer_view(CodeRefused(problem, tuple(Fallback)), words) for problem in CodeProblem]
    assert len({view.title for view in views}) == len(CodeProblem)
    assert len({view.body for view in views}) == len(CodeProblem)
    assert all(view.icon and view.tone == "calm" and len(view.ways) == 3 for view in views)


def test_no_problem_is_said_in_words_that_shame(words: Catalogue) -> None:
    said = " ".join(
        f"{view.title} {view.body}"
        for view in (answer_view(CodeRefused(problem), words) for problem in CodeProblem)
    ).lower()
    shaming = {"denied", "failed", "error", "invalid", "unauthorised", "refused"}
    assert not shaming & set(said.split())


def test_the_small_ways_follow_the_language(words: Catalogue, arabic: Catalogue) -> None:
    presenter = WaysPresenter(words)
    presenter.show((Fallback.PIN, Fallback.QR))
    presenter.use_words(arabic)
    assert presenter.current.pin == "الرقم السري"
    assert presenter.current.teacher == ""
