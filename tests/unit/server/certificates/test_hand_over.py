"""A kiosk keeps its server through renewals, whatever happens to the server and its clock."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

from cryptography import x509
from hypothesis import example, given, settings
from hypothesis import strategies as st

from server.certificates.authority import AUTHORITY_LASTS, Use, is_signed_by, read_signed
from server.certificates.folder import AUTHORITY_RENEWED_BEFORE, CertificateFolder
from server.certificates.waiting import CONFIRMED_AFTER, HANDED_OVER_AFTER
from server.db.types import now
from tests.support.certificates import school

AT = now().replace(microsecond=0)
DAY = timedelta(days=1)
#: What happens, for how many days, by how many days the clock is wrong meanwhile.
Phase = tuple[str, int, int]
ON, OFF, RENEW = "on", "off", "renew"


class _School:
    """A server that looks at its files each day, and a kiosk that trusts what it last got.

    Attributes:
        at: the true time, which the kiosk has.
        unheard: days of the server since the kiosk's last contact, and one for each jump.
    """

    def __init__(self, data_dir: Path, days_left: int) -> None:
        self.folder = school(data_dir, Use.SERVER, at=AT)
        self.at = AT + AUTHORITY_LASTS - days_left * DAY
        self._days_on = self._jumps = 0
        self.look()
        self.contact()

    def look(self, clock: datetime | None = None, *, renews: bool = False) -> None:
        self.folder.ensure(at=clock or self.at, renew_authority=renews)

    def contact(self) -> None:
        self._trusted, self.unheard = _bundle(self.folder), 0

    def live(self, phase: Phase) -> Iterator[None]:
        """Let days pass; one step for each on which the server runs."""
        kind, days, wrong_by = phase
        if kind == OFF:
            self.at += days * DAY
            days = 0
        elif wrong_by:  # there and back, each counts as a day
            self._jumps += 2
            self.unheard += 2
            days = min(days, CONFIRMED_AFTER.days - 2)
        for day in range(days):
            self.at += DAY
            self.unheard += 1
            is_last_year = self._end() - self.at <= AUTHORITY_RENEWED_BEFORE
            self._days_on = self._days_on + 1 if is_last_year else 0
            self.look(self.at + wrong_by * DAY, renews=kind == RENEW and day == 0)
            yield
        self.look()

    def _end(self) -> datetime:
        return _bundle(self.folder)[0].not_valid_after_utc

    def check(self) -> None:
        """The kiosk reaches its server, but for an authority that ended while it was off."""
        if self._end() <= self.at:
            assert self._days_on < HANDED_OVER_AFTER.days + self._jumps
            return
        if self.unheard >= HANDED_OVER_AFTER.days:
            return
        leaf = read_signed(self.folder.leaf(Use.SERVER).read_text()).certificate
        assert leaf.not_valid_after_utc > self.at
        valid = [one for one in self._trusted if one.not_valid_after_utc > self.at]
        assert not valid or any(is_signed_by(leaf, one) for one in valid)


def _bundle(folder: CertificateFolder) -> list[x509.Certificate]:
    return x509.load_pem_x509_certificates(folder.authorities.read_bytes())


_PHASES = st.one_of(
    st.tuples(st.just(ON), st.integers(1, 95), st.just(0)),
    st.tuples(st.just(OFF), st.integers(1, 800), st.just(0)),
    st.tuples(st.just(ON), st.integers(1, 6), st.integers(-20_000, 5000)),
    st.tuples(st.just(RENEW), st.integers(1, 95), st.just(0)),
)


@given(
    days_left=st.integers(1, AUTHORITY_LASTS.days),
    contacts=st.integers(1, HANDED_OVER_AFTER.days - 1),
    phases=st.lists(_PHASES, min_size=1, max_size=4),
)
@example(AUTHORITY_RENEWED_BEFORE.days + 1, 89, [(ON, 95, 0), (ON, 95, 0)])
@example(AUTHORITY_LASTS.days, 89, [(ON, 1, AUTHORITY_LASTS.days + 5), (ON, 95, 0)])
@example(2000, 89, [(RENEW, 40, 0), (ON, 2, 2100), (ON, 45, 0)])
@example(2000, 89, [(ON, 1, 1700), (ON, 1, 1999), (ON, 30, 0)])
@example(300, 89, [(OFF, 500, 0), (ON, 30, 0)])
@example(20, 5, [(ON, 40, 0)])
@settings(max_examples=8, deadline=None)
def test_kiosk_away_for_less_than_the_hand_over_never_loses_its_server(
    days_left: int, contacts: int, phases: list[Phase]
) -> None:
    """Days pass, the server is off for years, its clock jumps ahead and back, admins renew."""
    with TemporaryDirectory() as name, patch("os.fsync"):
        place = _School(Path(name), days_left)
        for phase in phases:
            for _ in place.live(phase):
                place.check()
                if place.unheard >= contacts:
                    place.contact()
            place.check()
