"""What a list of kiosks changes on a server."""

from provisioning.fleet.claiming import Step, plan
from provisioning.fleet.listing import ListedRow
from provisioning.office import ListedKiosk

ROOMS = {"R12": "room-12", "R14": "room-14"}


def kiosk(name: str, room: str, state: str) -> ListedKiosk:
    return ListedKiosk(f"id of {name}", name, room, state, is_online=False, last_seen_at=None)


KIOSKS = [
    kiosk("Waiting", "R12", "new"),
    kiosk("Claimed", "R12", "claimed"),
    kiosk("Revoked", "R14", "revoked"),
]
ROWS = [
    ListedRow(2, "Fresh", "R14"),
    ListedRow(3, "Waiting", "R12"),
    ListedRow(4, "Claimed", "R12"),
    ListedRow(5, "Revoked", "R14"),
    ListedRow(6, "Lost", "R99"),
    ListedRow(7, "Waiting", "R14"),
    ListedRow(8, "", "R12", "the name is missing"),
]


def steps(*, wants_new_codes: bool) -> list[tuple[Step, str]]:
    planned = plan(ROWS, KIOSKS, ROOMS, wants_new_codes=wants_new_codes)
    return [(one.step, one.target) for one in planned]


def test_only_missing_kiosks_are_added() -> None:
    failed = [(Step.FAILED, "")] * 3
    there = [(Step.NOTHING, "")] * 3
    assert steps(wants_new_codes=False) == [(Step.ADD, "room-14"), *there, *failed]


def test_new_codes_never_end_the_claim_of_a_kiosk_that_works() -> None:
    assert steps(wants_new_codes=True)[1:4] == [
        (Step.NEW_CODE, "id of Waiting"),
        (Step.NOTHING, ""),
        (Step.NEW_CODE, "id of Revoked"),
    ]


def test_each_failure_says_what_to_do() -> None:
    planned = plan(ROWS, KIOSKS, ROOMS, wants_new_codes=False)
    assert [one.words for one in planned if one.step is Step.FAILED] == [
        "there is no room 'R99' on the server; it has: R12, R14",
        "the kiosk 'Waiting' belongs to room 'R12'; to change its room, use"
        " `rollcall-provision move`",
        "the name is missing",
    ]
