"""What a device may ask before it is a kiosk of this school: whose certificate, and a claim."""

from fastapi import Request
from sqlmodel import Session
from starlette.responses import Response

from protocol.v1.messages import BrokerAccess, ClaimRequest, ClaimResponse, RoomRef, TrustOffer
from protocol.v1.signing import public_text
from server.certificates.links import Links
from server.db.types import now
from server.db.vault import Vault
from server.kiosks import claiming
from server.kiosks.code_holders import note_wrong_code
from server.timetable.service import room_of
from server.web.access import PUBLIC
from server.web.errors import json_error
from server.web.routes import GuardedRouter
from server.web.state import LinksDep, ServicesDep

router = GuardedRouter(prefix="/api/v1/devices", tags=["kiosks"])
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost", "0.0.0.0", "::"})  # noqa: S104 - compared


@router.get("/trust", dependencies=[PUBLIC])
def trust(links: LinksDep) -> TrustOffer:
    """Say which authorities sign this server's certificate; a person compares before a claim."""
    return TrustOffer(ca_pem=links.offered_authorities())


@router.post("/claim", dependencies=[PUBLIC], response_model=ClaimResponse)
def claim(body: ClaimRequest, request: Request, services: ServicesDep) -> Response:
    """Exchange a claim code and the kiosk's public keys for its credentials."""
    database, vault, guesses = services.database, services.vault, services.claim_guesses
    with database.reading() as db:
        is_promising = claiming.is_promising(db, body, guesses, now())
    if is_promising:
        with database.transaction() as db:
            outcome = claiming.claim(db, vault, body, at=now())
            if isinstance(outcome, claiming.Claimed):
                answer = _welcome(db, request, services.links, vault, outcome)
        if isinstance(outcome, claiming.Claimed):
            services.admit_kiosk(outcome.kiosk.wire_id, outcome.kiosk.generation)
            return answer
    return json_error(note_wrong_code(request, services))


def _welcome(
    db: Session, request: Request, links: Links, vault: Vault, claimed: claiming.Claimed
) -> Response:
    """Record the claim, and answer with everything that the kiosk needs."""
    kiosk, progress = claimed.kiosk, claimed.progress
    room = room_of(db, kiosk.room_id)
    answer = ClaimResponse(
        kiosk_id=kiosk.wire_id,
        name=kiosk.name,
        school=links.settings.school.name,
        room=RoomRef(id=str(room.id), name=room.name),
        broker=_broker_access(request, links, claimed),
        device_token=claimed.device_token,
        server_key=public_text(claiming.server_signing_key(db, vault)),
        gallery_key=claimed.gallery_key,
        next_seq=progress.highest_seq + 1,
        chain_head=progress.highest_hash,
        server_time=now(),
        claim=kiosk.generation,
        ca_pem=links.offered_authorities(),
    )
    return Response(answer.to_json(), media_type="application/json")


def _broker_access(request: Request, links: Links, claimed: claiming.Claimed) -> BrokerAccess:
    settings = links.settings
    is_local = settings.broker_host in _LOOPBACK
    # A broker beside the server is reached by the address that the server is reached by.
    beside = request.url.hostname if is_local else None
    host = settings.broker_public_host or beside or settings.broker_host
    name = claimed.kiosk.wire_id
    return BrokerAccess(
        host=host,
        port=settings.broker_port,
        client_id=name,
        username=name,
        password=claimed.broker_password,
        tls=links.broker_has_tls,
        ca_pem=links.offered_broker_authorities(),
    )
