"""The rules by which the school's certificates are made and renewed."""

import os
import ssl
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from protocol.v1.trust import ca_fingerprint
from server.certificates.authority import AUTHORITY_LASTS, Use, is_signed_by, names_of, read_signed
from server.certificates.folder import (
    AUTHORITY_RENEWED_BEFORE,
    CertificateFolder,
)
from server.certificates.waiting import CONFIRMED_AFTER, HANDED_OVER_AFTER
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


def _look_daily(folder: CertificateFolder, at: datetime, days: int) -> list[str]:
    """Look on each of so many days after a time; return what was changed."""
    looks = [folder.ensure(at=at + day * DAY) for day in range(1, days + 1)]
    return [change.what for changes in looks for change in changes]


def test_next_authority_is_given_out_before_it_signs(tmp_path: Path) -> None:
    folder = school(tmp_path, Use.SERVER)
    (first,) = _bundle(folder)
    folder.ensure(at=AT, renew_authority=True)
    assert _bundle(folder)[0] == first
    following = _bundle(folder)[1]
    assert _look_daily(folder, AT, HANDED_OVER_AFTER.days - 1) == []
    at = AT + HANDED_OVER_AFTER - DAY
    assert folder.ensure(at=at, renew_authority=True) == []
    assert is_signed_by(_leaf(folder), first)

    changes = folder.ensure(at=at + DAY)
    assert [change.what for change in changes] == ["hand-over", "server"]
    assert _bundle(folder) == [following, first]
    assert is_signed_by(_leaf(folder), following)
    assert (
        ca_fingerprint(folder.authorities.read_text())
        == following.fingerprint(following.signature_hash_algorithm or pytest.fail("no hash")).hex()
    )


def test_days_on_which_the_server_is_off_do_not_count(tmp_path: Path) -> None:
    folder = school(tmp_path, Use.SERVER)
    folder.ensure(at=AT, renew_authority=True)
    changes = folder.ensure(at=AT + 5 * HANDED_OVER_AFTER)
    assert [change.what for change in changes] == ["server"]


def test_authority_renews_itself_a_year_before_its_end_and_goes_with_the_next_renewal(
    tmp_path: Path,
) -> None:
    folder = school(tmp_path, Use.SERVER)
    (first,) = _bundle(folder)
    at = first.not_valid_after_utc - AUTHORITY_RENEWED_BEFORE
    assert [change.what for change in folder.ensure(at=at)][:1] == ["next-authority"]
    assert "hand-over" in _look_daily(folder, at, HANDED_OVER_AFTER.days)
    at = first.not_valid_after_utc + DAY
    folder.ensure(at=at, renew_authority=True)
    assert first in _bundle(folder)
    assert "hand-over" in _look_daily(folder, at, HANDED_OVER_AFTER.days)
    assert first not in _bundle(folder)
    assert len(_bundle(folder)) == 2


def test_next_authority_says_when_it_signs(tmp_path: Path) -> None:
    folder = school(tmp_path, Use.SERVER)
    (first,) = _bundle(folder)
    assert folder.next_signs_at(AT) is None
    folder.ensure(at=AT, renew_authority=True)
    _look_daily(folder, AT, 30)
    at = AT + 30 * DAY
    assert folder.next_signs_at(at) == AT + HANDED_OVER_AFTER
    near = first.not_valid_after_utc - 10 * DAY
    assert folder.next_signs_at(near) == first.not_valid_after_utc - CONFIRMED_AFTER


def test_next_authority_that_a_wrong_clock_made_signs_at_no_time(tmp_path: Path) -> None:
    folder = school(tmp_path, Use.SERVER)
    folder.ensure(at=AT + AUTHORITY_LASTS)
    assert folder.next_signs_at(AT) is None


@pytest.mark.parametrize("past_end", [-29 * DAY, DAY, 3650 * DAY])
def test_clock_that_was_ahead_takes_nothing_from_kiosks(
    tmp_path: Path, past_end: timedelta
) -> None:
    folder = school(tmp_path, Use.SERVER)
    (first,) = _bundle(folder)
    ahead = first.not_valid_after_utc + past_end
    _look_daily(folder, ahead, CONFIRMED_AFTER.days - 1)
    assert _look_daily(folder, AT, 2 * HANDED_OVER_AFTER.days) == []
    assert _bundle(folder)[0] == first
    assert is_signed_by(_leaf(folder), first)
    assert _leaf(folder).not_valid_after_utc > AT


def test_clock_that_is_ahead_while_the_next_authority_waits_hands_nothing_over(
    tmp_path: Path,
) -> None:
    folder = school(tmp_path, Use.SERVER)
    (first,) = _bundle(folder)
    folder.ensure(at=AT, renew_authority=True)
    _look_daily(folder, AT, 30)
    folder.ensure(at=first.not_valid_after_utc + DAY)
    folder.ensure(at=AT + 31 * DAY)
    assert is_signed_by(_leaf(folder), first)


def test_former_key_is_kept_and_can_be_put_back(tmp_path: Path) -> None:
    folder = school(tmp_path, Use.SERVER)
    (first,) = _bundle(folder)
    over = first.not_valid_after_utc + DAY
    assert "hand-over" in _look_daily(folder, over, CONFIRMED_AFTER.days + 1)
    second = _bundle(folder)[0]
    (folder.path / "former-authority-key.pem").replace(folder.path / "authority-key.pem")
    folder.ensure(at=AT)
    assert _bundle(folder) == [first, second]
    assert is_signed_by(_leaf(folder), first)


def test_authority_that_has_ended_is_replaced_at_once_where_a_person_says_so(
    tmp_path: Path,
) -> None:
    folder = school(tmp_path, Use.SERVER)
    (first,) = _bundle(folder)
    over = first.not_valid_after_utc + DAY
    assert "hand-over" not in [change.what for change in folder.ensure(at=over)]
    changes = folder.ensure(at=over, renew_authority=True)
    assert [change.what for change in changes] == ["hand-over", "server"]
    assert _leaf(folder).not_valid_after_utc > over


def test_authority_near_its_end_makes_no_certificate_at_each_look(tmp_path: Path) -> None:
    folder = school(tmp_path, Use.SERVER)
    (first,) = _bundle(folder)
    near = first.not_valid_after_utc - 20 * DAY
    made = [change.what for change in folder.ensure(at=near)]
    assert made == ["next-authority", "server"]
    assert folder.ensure(at=near + DAY) == []


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"looked_at": "2026-01-01", "counted_s": 0, "near_end_s": 0}']
)
def test_damaged_count_begins_from_the_start(tmp_path: Path, content: str) -> None:
    folder = school(tmp_path, Use.SERVER)
    folder.ensure(at=AT, renew_authority=True)
    (folder.path / "next-authority-waiting.json").write_text(content)
    assert _look_daily(folder, AT, HANDED_OVER_AFTER.days) == []
    assert _look_daily(folder, AT + HANDED_OVER_AFTER, 1) == ["hand-over", "server"]


def test_damaged_bundle_is_written_again_from_the_keys(tmp_path: Path) -> None:
    folder = school(tmp_path, Use.SERVER)
    folder.ensure(at=AT, renew_authority=True)
    _look_daily(folder, AT, HANDED_OVER_AFTER.days)
    before = _bundle(folder)
    folder.authorities.write_bytes(b"\xff damaged")
    folder.ensure(at=AT + HANDED_OVER_AFTER)
    assert _bundle(folder) == before


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


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes files for another account")
@pytest.mark.parametrize("has_folder", [False, True])
def test_command_of_root_leaves_files_to_the_servers_account(
    tmp_path: Path, *, has_folder: bool
) -> None:
    os.chown(tmp_path, 12345, 23456)
    if has_folder:
        (tmp_path / "certificates").mkdir(mode=0o700)
        os.chown(tmp_path / "certificates", 12345, 23456)
    folder = school(tmp_path, *Use)
    folder.ensure(at=AT, renew_authority=True)
    _look_daily(folder, AT, HANDED_OVER_AFTER.days)
    for path in [folder.path, *folder.path.iterdir()]:
        assert (path.stat().st_uid, path.stat().st_gid) == (12345, 23456)
        assert path.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("name", ["lock", ".server.pem.draft"])
def test_file_is_not_written_where_a_link_points(tmp_path: Path, name: str) -> None:
    other = tmp_path / "other"
    other.write_text("of another account")
    folder = CertificateFolder(tmp_path)
    folder.path.mkdir(mode=0o700)
    (folder.path / name).symlink_to(other)
    with pytest.raises(OSError, match="symbolic links"):
        folder.ensure([Use.SERVER], school="School", at=AT)
    assert other.read_text() == "of another account"
