"""A small school for kiosk tests: keys, templates, pages and configuration."""

import base64
from collections.abc import Sequence
from datetime import timedelta

from protocol.v1 import messages as m
from protocol.v1 import sealing, signing, statements
from tests.fakes.kiosk_clock import START

KIOSK_ID = "kiosk-7"
KEY_ID = "key-1"
DATA_KEY = bytes(range(32))
PIN_KEY = bytes(range(64, 96))
CARD_KEY = bytes(range(96, 128))
MODEL_ID = "dlib-resnet-v1"
DIMENSION = 128
SIGNING_KEY = signing.private_key(bytes(range(32)))
SERVER_KEY = signing.private_key(bytes(range(32, 64)))
DEVICE_TOKEN = "device-token-of-kiosk-7"


def upsert(number: int, *, change: int | None = None, value: float = 0.5) -> m.TemplateUpsert:
    """Template `t<number>` of person `p<number>`, every value the same."""
    template_id = f"t{number}"
    packed = sealing.pack_values([value] * DIMENSION)
    return m.TemplateUpsert(
        template_id=template_id,
        person_id=f"p{number}",
        model_id=MODEL_ID,
        dimension=DIMENSION,
        sealed=sealing.seal_template(packed, DATA_KEY, template_id=template_id),
        change=number if change is None else change,
    )


def tombstone(number: int, change: int, reason: str = "scope") -> m.Tombstone:
    return m.Tombstone(
        template_id=f"t{number}", person_id=f"p{number}", reason=reason, change=change
    )


def page(
    since: int,
    upserts: Sequence[m.TemplateUpsert] = (),
    tombstones: Sequence[m.Tombstone] = (),
    *,
    next_: int | None = None,
    complete: bool = True,
    reset: bool = False,
    key_id: str = KEY_ID,
) -> m.GalleryPage:
    changes = [entry.change for entry in upserts] + [entry.change for entry in tombstones]
    return m.GalleryPage(
        since=since,
        next=max(changes, default=since) if next_ is None else next_,
        complete=complete,
        reset=reset,
        key_id=key_id,
        upserts=tuple(upserts),
        tombstones=tuple(tombstones),
    )


def config(
    version: str = "c1",
    roster: Sequence[str] = ("p1", "p2"),
    recognition: m.RecognitionPolicy | None = None,
) -> m.ConfigDocument:
    """One lesson in R12 from START for 45 minutes; p3 is due in R14 meanwhile."""
    ends_at = START + timedelta(minutes=45)
    return m.ConfigDocument(
        version=version,
        kiosk_id=KIOSK_ID,
        kiosk_name="Door of R12",
        school=m.SchoolRef(name="Hill School", time_zone="Europe/Berlin"),
        room=m.RoomRef(id="room-12", name="R12"),
        policy=m.Policy(version=3, recognition=recognition or m.RecognitionPolicy()),
        lessons=(
            m.LessonEntry(
                id="s1",
                course_code="BIO-9",
                course_title="Biology",
                room_id="room-12",
                starts_at=START,
                ends_at=ends_at,
                roster=tuple(roster),
            ),
        ),
        elsewhere=(
            m.ElsewhereEntry(person_id="p3", room_name="R14", starts_at=START, ends_at=ends_at),
        ),
        people=tuple(
            m.PersonName(
                id=f"p{number}",
                display_name=f"Given{number} Family{number}",
                limit_group=m.LimitGroup.ADULT,
            )
            for number in range(1, 5)
        ),
    )


def credentials(
    version: str = "v1", sealing_key: str = "", holders: Sequence[m.Holder] = ()
) -> m.CredentialDocument:
    """Return the credentials that the server gives; without a key nobody can open theirs."""
    recipient = sealing_key or sealing.sealing_public_text(sealing.make_sealing_key())
    return m.CredentialDocument(
        version=version,
        kiosk_id=KIOSK_ID,
        pin_salt=base64.b64encode(bytes(16)).decode(),
        pin_key=_wrapped(PIN_KEY, recipient, "pin-1"),
        card_key=_wrapped(CARD_KEY, recipient, "card-1"),
        holders=tuple(holders),
    )


def _wrapped(key: bytes, recipient: str, key_id: str) -> m.WrappedKey:
    wrapped = sealing.wrap_key(key, recipient, kiosk_id=KIOSK_ID, key_id=key_id)
    return m.WrappedKey(key_id=key_id, wrapped=wrapped)


def claim_response(
    sealing_key: str,
    *,
    broker: m.BrokerAccess | None = None,
    next_seq: int = 1,
    claim: int = 1,
) -> m.ClaimResponse:
    """What the server answers to a claim by the kiosk that holds this public sealing key."""
    wrapped = sealing.wrap_key(DATA_KEY, sealing_key, kiosk_id=KIOSK_ID, key_id=KEY_ID)
    return m.ClaimResponse(
        kiosk_id=KIOSK_ID,
        name="Door of R12",
        school="Hill School",
        room=m.RoomRef(id="room-12", name="R12"),
        broker=broker,
        device_token=DEVICE_TOKEN,
        server_key=signing.public_text(SERVER_KEY),
        gallery_key=m.WrappedKey(key_id=KEY_ID, wrapped=wrapped),
        next_seq=next_seq,
        chain_head=signing.GENESIS_HASH,
        server_time=START,
        claim=claim,
    )


CLAIM = claim_response(sealing.sealing_public_text(sealing.make_sealing_key()))
"""A claim of the kiosk, for tests that need its server's key and its token alone."""


def revocation(claim: int = 1, kiosk_id: str = KIOSK_ID) -> m.Revocation:
    """The server's signed word that a claim of the kiosk has ended."""
    unsigned = m.Revocation(
        kiosk_id=kiosk_id,
        claim=claim,
        revoked_at=START + timedelta(days=1),
        signature=base64.b64encode(bytes(64)).decode(),
    )
    return statements.sign_revocation(unsigned, SERVER_KEY)


def broker_access(port: int) -> m.BrokerAccess:
    return m.BrokerAccess(
        host="127.0.0.1",
        port=port,
        client_id=KIOSK_ID,
        username=KIOSK_ID,
        password="broker-password-of-kiosk-7",
    )
