"""Whatever is issued, revoked and synced: a kiosk lets exactly the holders of its room pass."""

import functools
import uuid
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

import kiosk.domain.credentials
from kiosk.domain.credentials import CredentialBook
from protocol.v1 import sealing
from protocol.v1.checkin import pin_base
from protocol.v1.messages import Fallback, HolderKind
from server.attendance.erasure import erase_person
from server.credentials import renewal, service, sync
from server.credentials.service import CardRead, HolderRef
from server.db.types import now
from server.kiosks.tables import Kiosk
from server.policies.schemas import SchoolPolicy
from server.policies.service import set_policy
from server.timetable.local_time import local_date
from tests.fakes.simulated_kiosk import SimulatedKiosk
from tests.integration.school.conftest import School
from tests.support.examples import examples

pytestmark = pytest.mark.integration
WITH_CARDS = {Fallback.CARD, Fallback.CARD_ALONE}
WITH_PINS = {Fallback.PIN, *WITH_CARDS}
STEPS = (
    "pin",
    "revoke_pin",
    "card",
    "printed_card",
    "revoke_card",
    "erase",
    "claim_again",
    "sync",
)


@dataclass
class World:
    """Two people who are due at the kiosk, one who is not; each step is a method."""

    school: School
    device: SimulatedKiosk
    people: list[HolderRef] = field(default_factory=list)
    due: set[str] = field(default_factory=set)
    pins: dict[HolderRef, str] = field(default_factory=dict)
    cards: dict[str, tuple[HolderRef, CardRead]] = field(default_factory=dict)
    seen_pins: set[str] = field(default_factory=set)
    seen_cards: set[str] = field(default_factory=set)
    contents: dict[str, object] = field(default_factory=dict)  # of documents, by version

    def add_people(self) -> None:
        for on_roster in (True, True, False):
            person = self.school.person(on_roster=on_roster)
            self.people.append(HolderRef(HolderKind.PERSON, person))
            if on_roster:
                self.due.add(str(person))

    def take(self, step: str, index: int) -> None:
        getattr(self, step)(self.people[index])
        self._read_pins()

    def sync(self, _: HolderRef) -> None:
        self.book()

    def pin(self, holder: HolderRef) -> None:
        with self.school.database.transaction() as db:
            service.issue_pin(db, self.school.vault, holder, actor="system")

    def revoke_pin(self, holder: HolderRef) -> None:
        if holder in self.pins:
            with self.school.database.transaction() as db:
                service.revoke_pin(db, self.school.vault, holder, actor="system")

    def card(self, holder: HolderRef) -> None:
        text = uuid.uuid4().hex
        with self.school.database.transaction() as db:
            card = service.add_reader_card(db, self.school.vault, holder, text, actor="system")
        self._note_card(text, holder, card)

    def printed_card(self, holder: HolderRef) -> None:
        with self.school.database.transaction() as db:
            card, text = service.add_printed_card(db, self.school.vault, holder, actor="system")
        self._note_card(text, holder, card)

    def revoke_card(self, holder: HolderRef) -> None:
        own = [text for text, (owner, _card) in self.cards.items() if owner == holder]
        if own:
            with self.school.database.transaction() as db:
                service.revoke_card(db, self.cards.pop(own[0])[1].id, actor="system")

    def erase(self, gone: HolderRef) -> None:
        """Erase a person; somebody new has the place, on the same roster or on none."""
        at, is_due = now(), str(gone.id) in self.due
        today = local_date(at, self.school.settings.zone)
        with self.school.database.transaction() as db:
            erase_person(db, gone.id, reason="asked", actor="system", at=at, today=today)
        self.cards = {text: one for text, one in self.cards.items() if one[0] != gone}
        new = HolderRef(HolderKind.PERSON, self.school.person(on_roster=is_due))
        self.people[self.people.index(gone)] = new
        if is_due:
            self.due.add(str(new.id))

    def claim_again(self, _: HolderRef) -> None:
        """The kiosk was stolen and revoked, and another has its place: what it held is new."""
        let_in = {key: pin for key, pin in self.pins.items() if self._lets_in(pin)}
        school, kiosk_id = self.school, self.device.kiosk_id
        school.revoke(self.device)
        self.device = SimulatedKiosk(kiosk_id=kiosk_id)
        school.claim(self.device, school.code_for(school.id_of(self.device)))
        is_left = True
        while is_left:
            with school.database.transaction() as db:
                is_left = bool(renewal.renew_held(db, school.vault))
        self._read_pins()
        assert not [key for key, pin in let_in.items() if self.pins[key] == pin]

    def book(self) -> CredentialBook:
        """What the kiosk compares with after it has synced."""
        school, kiosk_id = self.school, self.device.kiosk_id
        with school.database.reading() as db:
            row = db.get_one(Kiosk, school.id_of(self.device))
        plan = sync.plan(school.database, school.vault, row, now())
        document = sync.build(school.vault, plan)
        pin_key, card_key = (
            sealing.unwrap_key(
                one.wrapped, self.device.sealing_key, kiosk_id=kiosk_id, key_id=one.key_id
            )
            for one in (document.pin_key, document.card_key)
        )
        content = (document.holders, document.used_codes, pin_key, card_key)
        assert self.contents.setdefault(document.version, content) == content
        return CredentialBook(document, pin_key, card_key)

    def _note_card(self, text: str, holder: HolderRef, card: CardRead) -> None:
        self.cards[text] = (holder, card)
        self.seen_cards.add(text)

    def in_scope(self, ids: set[str], scope: str) -> set[str]:
        return ids if scope == "school" else ids & self.due

    def _lets_in(self, pin: str) -> bool:
        return bool(self.book().holders_of_pin(pin, HolderKind.PERSON, None))

    def _read_pins(self) -> None:
        """Note each PIN as it would be printed, from whatever it came."""
        self.pins = {}
        with self.school.database.transaction() as db:
            for holder in self.people:
                read = service.credentials_of(db, self.school.vault, holder)
                if read.pin_state != "none":
                    pin = service.show_pin(db, self.school.vault, holder, actor="system")
                    self.pins[holder] = pin
        assert len(set(self.pins.values())) == len(self.pins)
        self.seen_pins |= set(self.pins.values())


@given(
    steps=st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 2)), min_size=1, max_size=6),
    ways=st.sets(st.sampled_from(list(Fallback))),
    scope=st.sampled_from(["room", "school"]),
)
@examples(12)
def test_property_exactly_the_holders_in_scope_pass(
    school: School,
    monkeypatch: pytest.MonkeyPatch,
    steps: list[tuple[str, int]],
    ways: set[Fallback],
    scope: str,
) -> None:
    # The kiosk's side computes each PIN once, not once for each look.
    monkeypatch.setattr(kiosk.domain.credentials, "pin_base", _known_base)
    with school.database.transaction() as db:
        document = {"kiosk": {"fallbacks": sorted(ways), "gallery": scope}}
        set_policy(db, SchoolPolicy.model_validate(document), actor="system")
    world = World(school, school.kiosk())
    world.add_people()
    for step in steps:
        world.take(*step)
    book = world.book()
    for pin in world.seen_pins:
        found = {one.id for one in book.holders_of_pin(pin, HolderKind.PERSON, None)}
        owners = {str(key.id) for key, own in world.pins.items() if own == pin}
        assert found == (world.in_scope(owners, scope) if ways & WITH_PINS else set())
    for text in world.seen_cards:
        holder = book.holder_of_card(text.upper())
        owners = {str(world.cards[text][0].id)} if text in world.cards else set()
        assert ({holder[0].id} if holder else set()) == (
            world.in_scope(owners, scope) if ways & WITH_CARDS else set()
        )


_known_base = functools.lru_cache(maxsize=None)(pin_base)
