"""What the Models page is made of: origins, counts of kiosks, and tables to download."""

import csv
import io
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.kiosks.tables import Kiosk, KioskState
from server.ml.encoder import ModelOrigin
from server.network_change.facts import facts_of
from server.network_change.progress import ChangeProgress
from server.network_change.shadow import shadow_of
from server.web.table_file import csv_of

SFACE = ModelOrigin("sface-2021dec", "OpenCV Zoo SFace 2021dec", "Apache-2.0")


def test_networks_of_the_service_come_first_and_the_schools_are_never_left_out() -> None:
    found = facts_of(["sface-2021dec", "odd"], [SFACE], ["gone", None])
    assert [one.model_id for one in found] == ["sface-2021dec", "odd", "gone"]
    assert [one.is_served for one in found] == [True, True, False]
    assert [one.title for one in found] == ["OpenCV Zoo SFace 2021dec", "odd", "gone"]
    assert [one.missed is not None for one in found] == [True, False, False]


def _kiosk(state: str = KioskState.CLAIMED, **shadow: object) -> Kiosk:
    counts = {"model_id": "new", "since": "2026-11-23T08:00:00.000Z"} | shadow
    return Kiosk(name="Door", room_id=uuid.UUID(int=1), state=state, status={"shadow": counts})


def test_counts_of_claimed_kiosks_about_this_network_are_added() -> None:
    kiosks = [
        _kiosk(agreed=5, nobody=2),
        _kiosk(agreed=1, missed=1, other_person=1, only_next=1),
        _kiosk(),
        _kiosk(agreed=9, model_id="another"),
        _kiosk(agreed=9, state=KioskState.REVOKED),
        _kiosk(agreed="many"),
        Kiosk(name="New", room_id=uuid.UUID(int=1), status=None),
    ]
    found = shadow_of(kiosks, "new")
    assert (found.kiosks, found.agreed, found.missed, found.nobody, found.total) == (2, 6, 1, 2, 11)


@pytest.mark.parametrize(
    ("people", "missing", "wanted", "expected"),
    [(0, 0, 0.5, False), (20, 1, 0.95, True), (20, 2, 0.95, False), (3, 3, 0.5, False)],
)
def test_switch_needs_the_wanted_share_and_somebody(
    people: int, missing: int, wanted: float, expected: bool
) -> None:
    ids = [uuid.UUID(int=number) for number in range(people)]
    progress = ChangeProgress(frozenset(ids), frozenset(ids[:missing]), wanted)
    assert progress.may_switch == expected


@given(st.lists(st.lists(st.text(max_size=12), min_size=1, max_size=3), max_size=4))
def test_no_cell_of_a_table_is_a_formula_and_nothing_is_lost(rows: list[list[str]]) -> None:
    text = csv_of(rows).decode("utf-8-sig")
    read = list(csv.reader(io.StringIO(text, newline="")))
    assert all(
        not cell.lstrip(" ").startswith(("=", "+", "-", "@")) for row in read for cell in row
    )
    assert [[cell.removeprefix("'") for cell in row] for row in read] == [
        [cell.removeprefix("'") for cell in row] for row in rows
    ]
