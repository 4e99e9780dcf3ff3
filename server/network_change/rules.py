"""Which scans may become templates of the next network. Pure: nothing is read here."""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from protocol.v1.messages import EventKind, EventMethod, ScanTemplate
from server.networks.scans import KEPT
from server.networks.service import Networks

#: The liveness verdict that counts. Source: kiosk.domain.liveness.LivenessVerdict.
LIVE = "live"
#: Event and scan carry one clock; a visit to the door is shorter.
_VISIT = timedelta(minutes=5)
#: How far a kiosk's clock may be ahead of the server's.
_AHEAD = timedelta(minutes=5)


class ScanRefusal(StrEnum):
    """Why a scan never becomes a template; the kiosk deletes it."""

    FORGED = "forged"
    NOT_COLLECTED = "not_collected"
    OTHER_NETWORK = "other_network"
    NOT_CLEAR = "not_clear"
    IMPLAUSIBLE_TIME = "implausible_time"
    NO_CONSENT = "no_consent"
    NOT_IN_GALLERY = "not_in_gallery"
    NOT_NEEDED = "not_needed"
    OTHER_EVENT = "other_event"
    NOT_LIVE = "not_live"
    TAKEN_BACK = "taken_back"
    UNREADABLE = "unreadable"
    ENOUGH_TODAY = "enough_today"


@dataclass(frozen=True)
class Collecting:
    """What the school asks kiosks for.

    Attributes:
        networks: of the school.
        started_at: when the change started, UTC; None without one.
        is_live_checked: whether the policy in force has kiosks check for live faces.
    """

    networks: Networks
    started_at: datetime | None
    is_live_checked: bool


@dataclass(frozen=True)
class EventFacts:
    """What the record says about the attendance event of a scan.

    Attributes:
        person_id: the person that the kiosk marked.
        kind: of the event.
        method: of the event.
        model_id: the network that decided; None where an older kiosk did not say.
        verdict: of the liveness check; None where there was none.
        counted_at: its time, corrected by the kiosk's clock offset, as scans carry it, UTC.
        is_taken_back: whether the person said "not me".
    """

    person_id: uuid.UUID | None
    kind: str
    method: str
    model_id: str | None
    verdict: str | None
    counted_at: datetime
    is_taken_back: bool


@dataclass(frozen=True)
class PersonFacts:
    """What the server knows of the person that a scan names.

    Attributes:
        has_consent: whether face recognition is allowed today.
        is_in_gallery: whether this kiosk was given templates of the person.
        is_covered: whether there is a template of the next network already.
    """

    has_consent: bool
    is_in_gallery: bool
    is_covered: bool


def refusal_before_event(
    scan: ScanTemplate, collecting: Collecting, person: PersonFacts, at: datetime
) -> ScanRefusal | None:
    """Return why a scan is refused whatever its event says; None: its event decides."""
    networks = collecting.networks
    checks = (
        (ScanRefusal.NOT_COLLECTED, not (networks.collects_scans and collecting.is_live_checked)),
        (
            ScanRefusal.OTHER_NETWORK,
            (scan.decided_by, scan.model_id) != (networks.current, networks.next),
        ),
        (ScanRefusal.NOT_CLEAR, not scan.distance <= scan.strict_limit or scan.frames < 1),
        (ScanRefusal.IMPLAUSIBLE_TIME, not _is_plausible(scan, collecting, at)),
        (ScanRefusal.NO_CONSENT, not person.has_consent),
        (ScanRefusal.NOT_IN_GALLERY, not person.is_in_gallery),
        (ScanRefusal.NOT_NEEDED, person.is_covered),
    )
    return next((reason for reason, applies in checks if applies), None)


def refusal_by_event(scan: ScanTemplate, event: EventFacts) -> ScanRefusal | None:
    """Return why a scan is refused because of its attendance event; None: it is accepted."""
    is_other = (
        event.kind != EventKind.SEEN
        or event.method != EventMethod.FACE
        or event.person_id is None
        or str(event.person_id) != scan.person_id
        or event.model_id not in {None, scan.decided_by}
        or abs(event.counted_at - scan.captured_at) > _VISIT
    )
    checks = (
        (ScanRefusal.OTHER_EVENT, is_other),
        (ScanRefusal.NOT_LIVE, event.verdict != LIVE),
        (ScanRefusal.TAKEN_BACK, event.is_taken_back),
    )
    return next((reason for reason, applies in checks if applies), None)


def _is_plausible(scan: ScanTemplate, collecting: Collecting, at: datetime) -> bool:
    if collecting.started_at is None:
        return False
    earliest = max(collecting.started_at - _AHEAD, at - KEPT)
    return earliest <= scan.captured_at <= at + _AHEAD
