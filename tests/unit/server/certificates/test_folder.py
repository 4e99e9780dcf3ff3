"""The rules by which the school's certificates are made and renewed."""

import ssl
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from cryptography import x509
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol.v1.trust import ca_fingerprint
from server.certificates.authority import Use, is_signed_by, names_of, read_signed
from server.certificates.folder import (
    AUTHORITY_RENEWED_BEFORE,
    HANDED_OVER_AFTER,
    LEAF_RENEWED_BEFORE,
    CertificateFolder,
)
from server.db.types import now
from server.errors import ConfigurationError
from tests.support.certificates import school

AT = now()
DAY = timedelta(days=1)


def _leaf(folder: CertificateFolder, use: Use = Use.SERVER) -> x509.Certificate:
    return read_signed(folder.leaf(use).read_text()).certificate


def _bundle(folder: CertificateFolder) -> list[x509.Certificate]:
    return x509.load_pem_x509_certificates(folder.authorities.read_bytes())


def test_second_run_changes_nothing(tmp_path: Path) -> None:
    folder = CertificateFolder(tmp_path)
    made = folder.ensure([Use.SERVER, Use.BROKER], names=lambda: ("school.example",), at=AT)
    before = {path: path.read_bytes() for path in folder.path.iterdir()}
    assert [change.what for change in made] == ["authority", "server", "broker"]
    assert folder.ensure([Use.SERVER, Use.BROKER], names=lambda: ("other.example",), at=AT) == []
    assert {path: path.read_bytes() for path in folder.path.iterdir()} == before


def test_files_are_for_their_owner_alone(tmp_path: Path) -> None:
    folder = school(tmp_path, *Use)
    assert folder.path.stat().st_mode & 0o777 == 0o700
    keys = [path for path in folder.path.iterdir() if path.name != "lock"]
    assert {path.stat().st_mode & 0o777 for path in keys} == {0o600}


def test_names_replace_the_present_ones_and_loopback_stays(tmp_path: Path) -> None:
    folder = school(tmp_path)
    changes = folder.ensure([Use.SERVER], must_have=("10.0.0.7", "school.example"), at=AT)
    assert [change.what for change in changes] == ["server"]
    wanted = {"localhost", "127.0.0.1", "::1", "10.0.0.7", "school.example"}
    assert set(names_of(_leaf(folder))) == wanted
    assert folder.ensure([Use.SERVER], must_have=("school.example", "10.0.0.7"), at=AT) == []


@pytest.mark.parametrize(("left", "is_renewed"), [(31 * DAY, False), (29 * DAY, True)])
def test_certificate_is_renewed_thirty_days_before_its_end(
    tmp_path: Path, left: timedelta, *, is_renewed: bool
) -> None:
    folder = school(tmp_path, Use.SERVER)
    before = _leaf(folder)
    changes = folder.ensure(at=before.not_valid_after_utc - left)
    assert [change.what for change in changes] == ["server"] * is_renewed
    assert names_of(_leaf(folder)) == names_of(before)


def test_next_authority_is_given_out_before_it_signs(tmp_path: Path) -> None:
    folder = school(tmp_path, Use.SERVER)
    (first,) = _bundle(folder)
    folder.ensure(at=AT, renew_authority=True)
    assert _bundle(folder)[0] == first
    following = _bundle(folder)[1]
    assert folder.ensure(at=AT + HANDED_OVER_AFTER - DAY, renew_authority=True) == []
    assert is_signed_by(_leaf(folder), first)

    changes = folder.ensure(at=AT + HANDED_OVER_AFTER + DAY)
    assert [change.what for change in changes] == ["hand-over", "server"]
    assert _bundle(folder) == [following, first]
    assert is_signed_by(_leaf(folder), following)
    assert (
        ca_fingerprint(folder.authorities.read_text())
        == following.fingerprint(following.signature_hash_algorithm or pytest.fail("no hash")).hex()
    )


def test_authority_renews_itself_a_year_before_its_end_and_the_old_one_goes(tmp_path: Path) -> None:
    folder = school(tmp_path, Use.SERVER)
    (first,) = _bundle(folder)
    at = first.not_valid_after_utc - AUTHORITY_RENEWED_BEFORE
    assert [change.what for change in folder.ensure(at=at)][:1] == ["next-authority"]
    folder.ensure(at=at + HANDED_OVER_AFTER + DAY)
    assert first in _bundle(folder)
    folder.ensure(at=first.not_valid_after_utc + DAY)
    assert first not in _bundle(folder)


def test_certificates_hold_at_the_start_of_a_device_without_a_clock(tmp_path: Path) -> None:
    folder = school(tmp_path, *Use)
    begins = {one.not_valid_before_utc.year for one in [*_bundle(folder), *map_leaves(folder)]}
    assert begins == {1970}


def map_leaves(folder: CertificateFolder) -> list[x509.Certificate]:
    return [_leaf(folder, use) for use in Use]


@pytest.mark.parametrize("name", ["authority-key.pem", "server.pem"])
@pytest.mark.parametrize("content", ["", "no certificate", ssl.PEM_HEADER])
def test_damaged_file_is_named_in_one_sentence(tmp_path: Path, name: str, content: str) -> None:
    folder = school(tmp_path)
    (folder.path / name).write_text(content)
    with pytest.raises(ConfigurationError, match=name):
        folder.ensure(at=AT)


class _Kiosk:
    """Trusts what it was given at its last sync, as a kiosk does."""

    def __init__(self, folder: CertificateFolder, at: datetime) -> None:
        self._folder = folder
        self.sync(at)

    def sync(self, at: datetime) -> None:
        self.trusted, self.synced_at = _bundle(self._folder), at

    def reaches_server(self, at: datetime) -> bool:
        leaf = _leaf(self._folder)
        valid = [one for one in self.trusted if one.not_valid_after_utc > at]
        is_signed = any(is_signed_by(leaf, authority) for authority in valid)
        return is_signed and leaf.not_valid_after_utc > at


@given(
    steps=st.lists(
        st.tuples(st.integers(1, 300), st.booleans(), st.booleans()), min_size=1, max_size=25
    )
)
@settings(max_examples=25, deadline=None)
def test_kiosk_away_for_less_than_the_hand_over_never_loses_its_server(
    steps: list[tuple[int, bool, bool]],
) -> None:
    """Days pass, admins renew the authority at will; the server looks at its files each day."""
    with TemporaryDirectory() as name:
        folder, at = school(Path(name), Use.SERVER, at=AT), AT
        kiosk = _Kiosk(folder, at)
        for days, renews, syncs in steps:
            at += days * DAY
            folder.ensure(at=at, renew_authority=renews)
            if at - kiosk.synced_at < HANDED_OVER_AFTER:
                assert kiosk.reaches_server(at)
            if syncs or at - kiosk.synced_at >= HANDED_OVER_AFTER:
                kiosk.sync(at)
            assert _leaf(folder).not_valid_after_utc - at > LEAF_RENEWED_BEFORE
            assert kiosk.reaches_server(at) or not syncs
