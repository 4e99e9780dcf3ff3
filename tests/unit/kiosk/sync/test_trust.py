"""A kiosk sends nothing to a server whose certificate it does not accept."""

import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from kiosk.domain.clock import ClockReading
from kiosk.domain.health import LinkHealth
from kiosk.domain.links import OLDEST, CertificateTime, LinkSecurity, certificate_time
from kiosk.domain.offset import ClockFacts
from kiosk.errors import UnreachableError, UntrustedLinkError
from kiosk.sync.clock import SystemClock
from kiosk.sync.http import ServerClient
from kiosk.sync.trust import LinkTrust, clock_time, dated_context
from protocol.v1.messages import ClockSource, EventBatch
from tests.fakes.kiosk_server import SchoolServer, serving
from tests.fakes.school import CLAIM, DEVICE_TOKEN, KIOSK_ID
from tests.support.authorities import Authority, Leaf
from tests.support.ports import free_port
from tests.support.tls_recorder import recording

SCHOOL = Authority("School")
OTHER = Authority("School")
NOW = datetime.now(UTC)
DAY = timedelta(days=1)
EXPIRED = SCHOOL.leaf(begins_at=NOW - 9 * DAY, ends_at=NOW - DAY)
EARLY = SCHOOL.leaf(begins_at=NOW + DAY)
BATCH = EventBatch(kiosk_id=KIOSK_ID, events=())


def client(url: str, trust: LinkTrust) -> ServerClient:
    kiosk = ServerClient(url, SystemClock(), trust=trust)
    kiosk.use_claim(CLAIM)
    return kiosk


def told(at: datetime, *, is_exact: bool = True) -> LinkTrust:
    return LinkTrust(SCHOOL.pem, time=lambda: CertificateTime(at, is_exact=is_exact))


def accepts(leaf: Leaf, folder: Path, trust: LinkTrust) -> bool:
    """Say whether a kiosk gets an answer from a server with this certificate."""
    with serving(SchoolServer(), context=leaf.server_context(folder)) as url:
        try:
            return client(url, trust).config("") is not None
        except UntrustedLinkError:
            return False


def test_the_schools_server_is_reached_over_tls(tmp_path: Path) -> None:
    with serving(SchoolServer(), context=SCHOOL.leaf().server_context(tmp_path)) as url:
        kiosk = client(url, LinkTrust(SCHOOL.pem))

        assert kiosk.send_events(BATCH).stored_through == 0
    assert (kiosk.health, kiosk.security) == (LinkHealth.UP, LinkSecurity.TLS)


@pytest.mark.parametrize(
    ("leaf", "trust", "fault"),
    [
        (OTHER.leaf(), LinkTrust(SCHOOL.pem), LinkSecurity.FOREIGN_AUTHORITY),
        (SCHOOL.leaf(), LinkTrust(), LinkSecurity.FOREIGN_AUTHORITY),
        (SCHOOL.leaf(), LinkTrust("damaged"), LinkSecurity.FOREIGN_AUTHORITY),
        (SCHOOL.leaf("school.example"), LinkTrust(SCHOOL.pem), LinkSecurity.WRONG_NAME),
        (EXPIRED, LinkTrust(SCHOOL.pem), LinkSecurity.EXPIRED),
        (EARLY, LinkTrust(SCHOOL.pem), LinkSecurity.NOT_YET_VALID),
        (None, LinkTrust(SCHOOL.pem), LinkSecurity.NO_TLS),
    ],
    ids=["foreign", "not public", "damaged", "name", "expired", "early", "no TLS"],
)
def test_a_server_in_the_middle_gets_nothing(
    tmp_path: Path, leaf: Leaf | None, trust: LinkTrust, fault: LinkSecurity
) -> None:
    with recording(leaf, tmp_path, b"HTTP/1.1 200 OK\r\n\r\n") as heard:
        kiosk = client(heard.url, trust)
        with pytest.raises(UntrustedLinkError) as caught:
            kiosk.send_events(BATCH)

    assert (caught.value.fault, kiosk.security, kiosk.health) == (fault, fault, LinkHealth.DOWN)
    assert heard.connections == 1
    assert DEVICE_TOKEN.encode() not in heard.plain
    assert b"POST" not in heard.plain


def test_every_fault_of_a_certificate_is_temporary() -> None:
    assert issubclass(UntrustedLinkError, UnreachableError)


def test_plain_http_to_another_machine_is_refused_before_anything_is_looked_up(
    caplog: pytest.LogCaptureFixture,
) -> None:
    kiosk = client("http://school.example:1", LinkTrust())
    with caplog.at_level(logging.WARNING), pytest.raises(UntrustedLinkError):
        kiosk.config("")

    assert kiosk.security is LinkSecurity.PLAIN_REFUSED
    assert "use TLS, or set allow_plain" in caplog.text


@pytest.mark.parametrize(
    ("url", "allows_plain", "expected"),
    [
        ("http://school.example", True, LinkSecurity.PLAIN),
        ("http://127.0.0.1:1", False, LinkSecurity.LOCAL),
        ("https://school.example", False, LinkSecurity.TLS),
    ],
)
def test_a_client_says_how_its_connection_is_protected(
    url: str, allows_plain: bool, expected: LinkSecurity
) -> None:
    trust = LinkTrust(allows_plain=allows_plain)

    assert ServerClient(url, SystemClock(), trust=trust).security is expected


def test_a_fault_is_over_when_the_server_does_not_answer_at_all(tmp_path: Path) -> None:
    with recording(OTHER.leaf(), tmp_path) as heard:
        kiosk = client(heard.url, LinkTrust(SCHOOL.pem))
        with pytest.raises(UntrustedLinkError):
            kiosk.config("")
    kiosk.use_address(f"https://127.0.0.1:{free_port()}")
    with pytest.raises(UnreachableError):
        kiosk.config("")

    assert kiosk.security is LinkSecurity.TLS


def test_no_other_authority_counts_beside_the_schools(tmp_path: Path) -> None:
    with serving(SchoolServer(), context=SCHOOL.leaf().server_context(tmp_path)) as url:
        kiosk = client(url, LinkTrust(SCHOOL.pem))
        kiosk.config("")
        adapter = kiosk._transport._http().get_adapter(url)
    trusted = adapter._context.get_ca_certs()  # type: ignore[attr-defined]

    assert [one["subject"] for one in trusted] == [((("commonName", "School"),),)]


def test_a_renewed_certificate_needs_nothing(tmp_path: Path) -> None:
    trust = LinkTrust(SCHOOL.pem)

    assert accepts(SCHOOL.leaf(), tmp_path, trust)
    assert accepts(SCHOOL.leaf(), tmp_path, trust)


def test_a_renewed_authority_is_followed_without_a_new_client(tmp_path: Path) -> None:
    trust, renewed = LinkTrust(SCHOOL.pem), Authority("School 2")
    with serving(SchoolServer(), context=SCHOOL.leaf().server_context(tmp_path)) as url:
        kiosk = client(url, trust)
        kiosk.config("")
        trust.use(SCHOOL.pem + renewed.pem)
        kiosk.config("")
    with serving(SchoolServer(), context=renewed.leaf().server_context(tmp_path)) as url:
        kiosk.use_address(url)
        kiosk.config("")
        trust.use(SCHOOL.pem)
        with pytest.raises(UntrustedLinkError):
            kiosk.config("")


@pytest.mark.parametrize(
    ("leaf", "at", "is_exact", "expected"),
    [
        (EARLY, NOW - 400 * DAY, False, True),
        (EARLY, NOW - 400 * DAY, True, False),
        (EARLY, NOW + 2 * DAY, True, True),
        (EXPIRED, NOW - 2 * DAY, True, True),
        (EXPIRED, NOW - 400 * DAY, False, True),
        (EXPIRED, NOW, False, False),
        (SCHOOL.leaf(), NOW + 900 * DAY, True, False),
    ],
    ids=["unset", "known early", "known later", "known before", "unset old", "bound", "ahead"],
)
def test_the_period_is_judged_by_what_the_kiosk_knows_of_the_time(
    tmp_path: Path, leaf: Leaf, at: datetime, is_exact: bool, expected: bool
) -> None:
    assert accepts(leaf, tmp_path, told(at, is_exact=is_exact)) is expected


@pytest.mark.parametrize("leaf", [OTHER.leaf(), SCHOOL.leaf("school.example")])
def test_a_clock_that_is_not_set_excuses_nothing_but_the_period(tmp_path: Path, leaf: Leaf) -> None:
    assert not accepts(leaf, tmp_path, told(OLDEST, is_exact=False))


def test_an_authority_that_ended_is_refused_too(tmp_path: Path) -> None:
    ended = Authority("Old", ends_at=NOW - DAY)
    trust = LinkTrust(ended.pem, time=lambda: CertificateTime(NOW, is_exact=False))

    assert not accepts(ended.leaf(), tmp_path, trust)


@pytest.mark.parametrize(
    ("reading", "expected"),
    [
        (ClockReading(datetime(1970, 1, 2, tzinfo=UTC), ClockSource.UNSYNCED), (OLDEST, False)),
        (ClockReading(NOW, ClockSource.UNSYNCED), (NOW, False)),
        (ClockReading(NOW, ClockSource.RTC), (NOW, False)),
        (ClockReading(NOW, ClockSource.RTC, -86_400_000, 1.0), (NOW - DAY, False)),
        (ClockReading(NOW, ClockSource.NTP), (NOW, True)),
        (ClockReading(NOW, ClockSource.NTP, 86_400_000, 1.0), (NOW, True)),
        (ClockReading(NOW, ClockSource.SERVER, 86_400_000, 1.0), (NOW, False)),
        (ClockReading(NOW, ClockSource.SERVER, -86_400_000, 1.0), (NOW - DAY, False)),
    ],
)
def test_only_the_time_of_ntp_is_exact(
    reading: ClockReading, expected: tuple[datetime, bool]
) -> None:
    found = certificate_time(reading)

    assert abs(found.at - expected[0]) < timedelta(seconds=1)
    assert found.is_exact is expected[1]


class Watch:
    """The clocks of a machine, set as a test says."""

    def __init__(self, wall: datetime, *, is_ntp: bool = False) -> None:
        self.wall, self.is_ntp, self.uptime_s = wall, is_ntp, 1000.0

    def look(self) -> ClockFacts:
        wall_s = self.wall.timestamp() + self.uptime_s - 1000
        return ClockFacts(wall_s, self.uptime_s, "b", self.is_ntp)

    def monotonic_s(self) -> float:
        return self.uptime_s


def taught(watch: Watch, by: timedelta) -> SystemClock:
    """A clock that has heard twice that the true time differs from today's."""
    clock = SystemClock(machine=watch)
    for _ in range(2):
        at = NOW + by + timedelta(seconds=watch.uptime_s - 1000)
        clock.compare(at, sent_at_s=watch.uptime_s, received_at_s=watch.uptime_s)
        watch.uptime_s += 5
    assert clock.reading().offset_ms == (NOW + by - watch.wall) / timedelta(milliseconds=1)
    return clock


def reaches(clock: SystemClock, folder: Path, leaf: Leaf) -> bool:
    """Say whether a claimed kiosk reaches its server, whose time is right."""
    with serving(SchoolServer(), context=leaf.server_context(folder)) as url:
        kiosk = ServerClient(url, clock, trust=LinkTrust(SCHOOL.pem, time=clock_time(clock)))
        kiosk.use_claim(CLAIM)
        try:
            return kiosk.config("") is not None
        except UntrustedLinkError:
            return False


@pytest.mark.parametrize("is_ntp", [True, False])
@pytest.mark.parametrize("days", [730, -300])
def test_a_server_whose_clock_was_wrong_is_reached_once_it_is_right(
    tmp_path: Path, is_ntp: bool, days: int
) -> None:
    clock = taught(Watch(NOW, is_ntp=is_ntp), days * DAY)

    assert certificate_time(clock.reading()).is_exact is is_ntp
    assert reaches(clock, tmp_path, SCHOOL.leaf())


@pytest.mark.parametrize("days", [800, -20000])
def test_a_clock_that_nothing_has_set_learns_the_time_from_its_server(
    tmp_path: Path, days: int
) -> None:
    clock = SystemClock(machine=Watch(NOW + days * DAY))

    assert reaches(clock, tmp_path, SCHOOL.leaf())


def test_a_server_that_is_not_known_yet_is_judged_by_the_clock_as_it_is(tmp_path: Path) -> None:
    clock = SystemClock(machine=Watch(NOW + 800 * DAY))
    trust = LinkTrust(SCHOOL.pem, time=clock_time(clock))
    with recording(SCHOOL.leaf(), tmp_path) as heard, pytest.raises(UntrustedLinkError):
        ServerClient(heard.url, clock, trust=trust).config("")


@pytest.mark.parametrize("is_ntp", [True, False])
def test_a_certificate_is_expired_where_every_clock_says_so(tmp_path: Path, is_ntp: bool) -> None:
    assert not reaches(taught(Watch(NOW, is_ntp=is_ntp), 0 * DAY), tmp_path, EXPIRED)


def test_contexts_demand_a_certificate_and_the_right_name() -> None:
    for pem in (None, SCHOOL.pem, "damaged"):
        context = dated_context(pem)
        assert (context.check_hostname, context.verify_mode.name) == (True, "CERT_REQUIRED")
