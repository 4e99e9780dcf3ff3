"""The lines about a kiosk's parts: "Works" is said only of what is there and works."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.kiosks.parts import PartLine, part_lines
from server.web.translations import translator

CHILDREN = "children are not recognised with dlib-resnet-v1: 12 people"
NAMES = ["accelerator", "camera", "recognition", "disk", "broker", "refused", "something_new"]
DETAILS = [
    "",
    "cpu",
    "none",
    "edgetpu",
    "cpu refused",
    "0",
    "3",
    "gone",
    "ok",
    "upside_down 180",
    CHILDREN,
]
PARTS = st.dictionaries(
    st.sampled_from(NAMES),
    st.fixed_dictionaries(
        {"state": st.sampled_from(["ok", "degraded", "failed", "absent", "later_word"])},
        optional={"detail": st.sampled_from(DETAILS), "since": st.none()},
    ),
)


def said(line: PartLine, language: str = "en") -> str:
    """The words on the page."""
    t = translator(language)
    if line.detail:
        return t(f"kiosks.part_detail.{line.detail}", **line.values)
    return t.or_else(f"kiosks.part_state.{line.state}", line.state)


def line(name: str, state: str, detail: str = "") -> PartLine:
    (only,) = part_lines({"parts": {name: {"state": state, "detail": detail}}})
    return only


@given(PARTS)
def test_works_is_said_only_of_what_is_there_and_works(parts: dict[str, dict[str, Any]]) -> None:
    for one in part_lines({"parts": parts}):
        part = parts[one.name]
        if said(one) == "Works":
            assert part["state"] == "ok"
            assert one.name != "refused"
            assert (one.name, part.get("detail")) != ("accelerator", "cpu")
        if part["state"] != "ok":
            assert one.tone != "ok"


@given(PARTS, st.sampled_from(["en", "ar"]))
def test_every_line_has_words(parts: dict[str, dict[str, Any]], language: str) -> None:
    for one in part_lines({"parts": parts}):
        assert said(one, language)
        if one.advice:
            assert translator(language)(f"kiosks.part_advice.{one.advice}", **one.values)


def test_children_who_are_left_out_are_counted_and_there_is_advice() -> None:
    one = line("recognition", "degraded", CHILDREN)

    assert (one.tone, one.detail, one.advice) == ("warn", *["recognition_children"] * 2)
    assert one.values == {"count": "12"}


@pytest.mark.parametrize(("name", "state"), [("recognition", "ok"), ("disk", "degraded")])
def test_only_a_degraded_recognition_leaves_children_out(name: str, state: str) -> None:
    assert line(name, state, CHILDREN).detail == ""


@pytest.mark.parametrize("status", [None, {}, {"parts": {}}])
def test_a_kiosk_that_said_nothing_has_no_lines(status: dict[str, Any] | None) -> None:
    assert part_lines(status) == []


def test_an_accelerator_that_earlier_kiosks_called_ok_does_not_exist() -> None:
    assert said(line("accelerator", "ok", "cpu")) == "None"
    assert said(line("accelerator", "absent", "cpu")) == "None"
    assert (
        said(line("accelerator", "degraded", "cpu refused")) == "Off, the processor does its work"
    )
    assert said(line("accelerator", "ok", "edgetpu")) == "Works"


def test_refused_events_are_counted_and_nothing_is_said_of_none() -> None:
    assert part_lines({"parts": {"refused": {"state": "ok", "detail": "0"}}}) == []
    assert said(line("refused", "degraded", "3")) == "3"


def test_a_camera_that_hangs_upside_down_comes_with_advice() -> None:
    camera = line("camera", "degraded", "upside_down 180")

    assert said(camera) == "Upside down"
    advice = translator("en")(f"kiosks.part_advice.{camera.advice}", **camera.values)
    assert advice == (
        "The camera seems to be mounted upside down."
        ' Turn it, or open the technician screen of the kiosk, tap "Turn picture" and choose 180°.'
    )


@pytest.mark.parametrize("detail", ["upside_down", "upside_down 45", "inside_out 180", "<b>", "ok"])
def test_a_detail_that_we_do_not_know_is_not_shown(detail: str) -> None:
    assert line("camera", "degraded", detail).detail == ""


@pytest.mark.parametrize(
    ("state", "detail", "words"),
    [
        ("ok", "tpm2", "In the TPM"),
        ("absent", "host", "On its disk: a stolen disk can be read"),
        ("absent", "file", "In a file: a stolen disk can be read"),
        ("degraded", "not_tpm2", "In a file, as the TPM refused it"),
        ("absent", "a later keeper", "Not there"),
    ],
)
def test_page_says_plainly_what_keeps_the_key(state: str, detail: str, words: str) -> None:
    one = line("key", state, detail)

    assert said(one) == words
    assert (one.advice != "") == (state == "degraded")
