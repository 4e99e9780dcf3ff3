"""One sample of every message, made from fixed keys; the golden files hold their wire form."""

import base64
from datetime import UTC, datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from protocol.v1 import messages as m
from protocol.v1 import signing, statements
from protocol.v1.commissioning import sign_commissioning, unsigned_signature
from protocol.v1.findings import coded

KIOSK_KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
SERVER_KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32, 64)))
SEALING_KEY = X25519PrivateKey.from_private_bytes(bytes(range(64, 96)))
DATA_KEY = bytes(range(96, 128))
AT = datetime(2026, 11, 23, 8, 0, 0, 123000, tzinfo=UTC)
LATER = datetime(2026, 11, 23, 8, 45, 0, tzinfo=UTC)
KIOSK = "kiosk-7"
EVENT_ID = "019ab0c0-0000-7000-8000-000000000001"
SECOND_ID = "019ab0c0-0000-7000-8000-000000000002"
THIRD_ID = "019ab0c0-0000-7000-8000-000000000003"
BOOT = "4b1f2a52-55b0-4d6c-9b8c-6a3e1c1f7d10"
SEALING_PUBLIC = base64.b64encode(SEALING_KEY.public_key().public_bytes_raw()).decode()


def seen(event_id: str = EVENT_ID, seq: int = 1) -> m.UnsignedEvent:
    """A full event: every field has a value."""
    return m.UnsignedEvent(
        id=event_id,
        kiosk_id=KIOSK,
        seq=seq,
        occurred_at=AT,
        clock=m.ClockStamp(
            source=m.ClockSource.NTP, offset_ms=-12.25, age_s=31.5, boot_id=BOOT, uptime_s=812.5
        ),
        lesson_id="lesson-1",
        person_id="person-1",
        kind=m.EventKind.SEEN,
        method=m.EventMethod.FACE,
        distance=0.41000000000000003,
        margin=0.1,
        threshold=0.5,
        quality=1e-7,
        liveness=m.Liveness(verdict="live", score=0.999, method="passive"),
        model_id="dlib-resnet-v1",
        policy_version=3,
    )


def not_me() -> m.UnsignedEvent:
    """A sparse event: what is unknown is null."""
    return m.UnsignedEvent(
        id=SECOND_ID,
        kiosk_id=KIOSK,
        seq=2,
        occurred_at=LATER,
        clock=m.ClockStamp(source=m.ClockSource.UNSYNCED),
        kind=m.EventKind.NOT_ME,
        method=m.EventMethod.FACE,
        refers_to=EVENT_ID,
    )


def code_seen() -> m.UnsignedEvent:
    """A person who was checked in by the QR on a phone."""
    return m.UnsignedEvent(
        id=THIRD_ID,
        kiosk_id=KIOSK,
        seq=3,
        occurred_at=LATER,
        clock=m.ClockStamp(source=m.ClockSource.NTP),
        lesson_id="lesson-1",
        person_id="person-1",
        kind=m.EventKind.SEEN,
        method=m.EventMethod.QR,
        second=m.EventMethod.PIN,
        shown="late",
        code_id="00112233445566778899",
    )


def roll_call() -> m.UnsignedEvent:
    """A teacher's tap."""
    return code_seen().model_copy(
        update={
            "kind": m.EventKind.ROLL_CALL,
            "method": m.EventMethod.TEACHER,
            "second": None,
            "code_id": None,
            "by": "account-1",
        }
    )


def leaving() -> m.UnsignedEvent:
    """A person who leaves."""
    return seen(THIRD_ID, 3).model_copy(update={"shown": "late", "direction": m.Direction.OUT})


def credentials() -> m.CredentialDocument:
    """What a kiosk holds of PINs and cards."""
    key = m.WrappedKey(key_id="pin-1", wrapped=base64.b64encode(bytes(80)).decode())
    return m.CredentialDocument(
        version="v1",
        kiosk_id=KIOSK,
        pin_salt=base64.b64encode(bytes(16)).decode(),
        pin_key=key,
        card_key=key.model_copy(update={"key_id": "card-1"}),
        holders=(
            m.Holder(id="person-1", pin="ab" * 32, cards=(m.CardEntry(hash="cd" * 32),)),
            m.Holder(id="account-1", kind=m.HolderKind.STAFF, name="Mrs Okafor", pin="ef" * 32),
        ),
    )


def gap() -> m.UnsignedEvent:
    """The kiosk's word that two events are lost."""
    return m.UnsignedEvent(
        id=THIRD_ID,
        kiosk_id=KIOSK,
        seq=5,
        occurred_at=LATER,
        clock=m.ClockStamp(source=m.ClockSource.NTP),
        kind=m.EventKind.GAP,
        method=m.EventMethod.NONE,
        gap=m.GapSpan(first=3, last=4, from_at=AT, through_at=LATER, reason=m.GapReason.DAMAGED),
    )


def _watermark() -> m.Watermark:
    unsigned = m.Watermark(
        kiosk_id=KIOSK,
        through=LATER,
        seq=2,
        head=events()[1].hash,
        boot_id=BOOT,
        made_at=LATER,
        uptime_s=3300.25,
        clock_source=m.ClockSource.NTP,
        signature=base64.b64encode(bytes(64)).decode(),
    )
    return statements.sign_watermark(unsigned, KIOSK_KEY)


def _ack() -> m.Ack:
    unsigned = m.Ack(
        kiosk_id=KIOSK,
        stored_through=2,
        stored_beyond=(m.SeqRange(first=4, last=9),),
        refused=(m.EventRefusal(id=EVENT_ID, seq=3, reason=m.RefusalReason.BAD_SIGNATURE),),
        lost=(m.SeqRange(first=5, last=6),),
        server_time=AT,
    )
    return statements.sign_ack(unsigned, SERVER_KEY)


def _revocation() -> m.Revocation:
    unsigned = m.Revocation(
        kiosk_id=KIOSK,
        claim=3,
        revoked_at=LATER,
        signature=base64.b64encode(bytes(64)).decode(),
    )
    return statements.sign_revocation(unsigned, SERVER_KEY)


def events() -> tuple[m.AttendanceEvent, m.AttendanceEvent]:
    """Two chained, signed events."""
    first = signing.sign_event(seen(), prev_hash=signing.GENESIS_HASH, key=KIOSK_KEY)
    second = signing.sign_event(not_me(), prev_hash=first.hash, key=KIOSK_KEY)
    return first, second


def _claim_request() -> m.ClaimRequest:
    body = {
        "claim_code": "7ZK4M2QX",
        "signing_key": signing.public_text(KIOSK_KEY),
        "sealing_key": SEALING_PUBLIC,
        "software_version": "0.1.0",
        "hardware": "Raspberry Pi 5",
    }
    proof = signing.sign_document(body, KIOSK_KEY, context="claim")
    return m.ClaimRequest.model_validate(body | {"proof": proof})


def _claim_response() -> m.ClaimResponse:
    return m.ClaimResponse(
        kiosk_id=KIOSK,
        name="Door of R12",
        school="Grünwald School",
        room=m.RoomRef(id="room-12", name="R12"),
        broker=m.BrokerAccess(
            host="broker.example",
            port=8883,
            tls=True,
            ca_pem="-----BEGIN CERTIFICATE-----",
            client_id=KIOSK,
            username=KIOSK,
            password="p" * 32,
        ),
        device_token="t" * 43,
        server_key=signing.public_text(SERVER_KEY),
        gallery_key=m.WrappedKey(key_id="key-1", wrapped=base64.b64encode(bytes(80)).decode()),
        next_seq=1,
        chain_head=signing.GENESIS_HASH,
        server_time=AT,
        claim=3,
        ca_pem="-----BEGIN CERTIFICATE-----",
    )


def _status() -> m.Status:
    return m.Status(
        online=True,
        at=AT,
        software_version="0.1.0",
        uptime_s=12.5,
        backlog=3,
        last_seq=2,
        set_aside=1,
        watermark=_watermark(),
        gallery_version=9,
        gallery_size=30,
        embedder="dlib-resnet-v1",
        shadow=m.ShadowCounts(model_id="sface-2021dec", since=AT, agreed=40, missed=1, nobody=2),
        config_version="c1",
        clock_source=m.ClockSource.NTP,
        clock_offset_ms=-1.5,
        parts={"camera": m.PartHealth(state=m.PartState.OK, detail="640x480 30 fps", since=AT)},
    )


def _command() -> m.Command:
    body = {
        "id": EVENT_ID,
        "kiosk_id": KIOSK,
        "kind": "sync_now",
        "arguments": {"what": "gallery"},
        "issued_at": "2026-11-23T08:00:00.123Z",
        "expires_at": "2026-11-23T08:45:00.000Z",
    }
    signature = signing.sign_document(body, SERVER_KEY, context="command")
    return m.Command.model_validate(body | {"signature": signature})


def _erasure() -> m.Erasure:
    body = {
        "id": EVENT_ID,
        "kiosk_id": KIOSK,
        "person_id": "person-1",
        "templates": ["template-1"],
        "erased_at": "2026-11-23T08:00:00.123Z",
    }
    signature = signing.sign_document(body, KIOSK_KEY, context="erasure")
    return m.Erasure.model_validate(body | {"signature": signature})


def _gallery() -> m.GalleryPage:
    return m.GalleryPage(
        since=4,
        next=6,
        complete=True,
        key_id="key-1",
        upserts=(
            m.TemplateUpsert(
                template_id="template-1",
                person_id="person-1",
                model_id="dlib-resnet-v1",
                dimension=128,
                sealed=base64.b64encode(bytes(284)).decode(),
                change=5,
            ),
        ),
        tombstones=(
            m.Tombstone(
                template_id="template-2",
                person_id="person-2",
                reason=m.TombstoneReason.ERASED,
                change=6,
            ),
        ),
    )


def _config() -> m.ConfigDocument:
    return m.ConfigDocument(
        version="c1",
        kiosk_id=KIOSK,
        kiosk_name="Door of R12",
        school=m.SchoolRef(name="Grünwald School", time_zone="Europe/Berlin"),
        room=m.RoomRef(id="room-12", name="R12"),
        policy=m.Policy(version=3),
        lessons=(
            m.LessonEntry(
                id="lesson-1",
                course_code="BIO-9",
                course_title="Biology",
                room_id="room-12",
                starts_at=AT,
                ends_at=LATER,
                roster=("person-1",),
            ),
        ),
        elsewhere=(
            m.ElsewhereEntry(person_id="person-2", room_name="R14", starts_at=AT, ends_at=LATER),
        ),
        people=(m.PersonName(id="person-1", display_name="Zoë K.", limit_group=m.LimitGroup.TEEN),),
        look_alikes=(("person-1", "person-2"),),
        network=m.NetworkChoice(
            current="dlib-resnet-v1", next="sface-2021dec", collects_scans=True
        ),
        measured_limits=(m.MeasuredLimit(model_id="dlib-resnet-v1", distance=0.43, people=312),),
        holidays=("2026-12-25",),
        ca_pem="-----BEGIN CERTIFICATE-----",
        broker_ca_pem="-----BEGIN CERTIFICATE-----",
    )


def _scans() -> m.ScanTemplateBatch:
    body = {
        "id": EVENT_ID,
        "kiosk_id": KIOSK,
        "person_id": "person-1",
        "event_id": EVENT_ID,
        "decided_by": "dlib-resnet-v1",
        "distance": 0.31,
        "strict_limit": 0.39,
        "model_id": "sface-2021dec",
        "dimension": 3,
        "frames": 5,
        "captured_at": "2026-11-23T08:00:00.123Z",
        "key_id": "key-1",
        "sealed": "AAAA",
    }
    signature = signing.sign_document(body, KIOSK_KEY, context="scan")
    return m.ScanTemplateBatch(
        scans=(m.ScanTemplate.model_validate(body | {"signature": signature}),)
    )


def commission_report() -> m.CommissionReport:
    """A signed report with one step of each outcome."""
    steps = (
        m.CommissionStep(
            name="light", outcome="passed", at=AT, measures={"brightness_percent": 52.5}
        ),
        m.CommissionStep(
            name="focus", outcome="failed", at=AT, problem="It is not sharp.", fix="Clean the lens."
        ),
        m.CommissionStep(name="clock", outcome="failed", at=AT).saying(
            coded("clock.behind_minutes", count=7)
        ),
        m.CommissionStep(name="mqtt", outcome="skipped", at=AT, reason="not_fitted"),
    )
    report = m.CommissionReport(
        id=EVENT_ID,
        kiosk_id=KIOSK,
        room="R12",
        started_at=AT,
        finished_at=AT,
        software_version="0.1.0",
        steps=steps,
        signature=unsigned_signature(),
    )
    return sign_commissioning(report, KIOSK_KEY)


def _drill() -> m.CommissionDrill:
    drill = m.CommissionDrill(
        report_id=EVENT_ID, kiosk_id=KIOSK, made_at=AT, signature=unsigned_signature()
    )
    return sign_commissioning(drill, KIOSK_KEY)


def all_samples() -> dict[str, m.Message]:
    """Every message by the name of its golden file."""
    first, second = events()
    return {
        "event": first,
        "event-sparse": second,
        "event-batch": m.EventBatch(
            kiosk_id=KIOSK,
            events=(signing.to_raw(first), signing.to_raw(second)),
            watermark=_watermark(),
            last_seq=2,
        ),
        "event-gap": signing.sign_event(gap(), prev_hash=second.hash, key=KIOSK_KEY),
        "event-code": signing.sign_event(code_seen(), prev_hash=second.hash, key=KIOSK_KEY),
        "event-roll-call": signing.sign_event(roll_call(), prev_hash=second.hash, key=KIOSK_KEY),
        "event-leaving": signing.sign_event(leaving(), prev_hash=second.hash, key=KIOSK_KEY),
        "credentials": credentials(),
        "watermark": _watermark(),
        "ack": _ack(),
        "revocation": _revocation(),
        "hint": m.VersionHint(gallery=9, config="c1", models=None, issued_at=AT),
        "status": _status(),
        "status-will": m.Status(online=False),
        "command": _command(),
        "command-result": m.CommandResult(command_id=EVENT_ID, outcome="done", at=AT),
        "claim-request": _claim_request(),
        "claim-response": _claim_response(),
        "trust-offer": m.TrustOffer(ca_pem="-----BEGIN CERTIFICATE-----"),
        "too-many-events": m.TooManyEvents(retry_after_s=20),
        "gallery-page": _gallery(),
        "config": _config(),
        "erasure": _erasure(),
        "scan-templates": _scans(),
        "commission-report": commission_report(),
        "commission-drill": _drill(),
        "commission-receipt": m.CommissionReceipt(id=EVENT_ID),
        "scan-receipt": m.ScanTemplateReceipt(accepted=(EVENT_ID,)),
    }
