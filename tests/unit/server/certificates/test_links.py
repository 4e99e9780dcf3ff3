"""Which links have TLS, and what is refused without it."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from server.certificates.authority import Use
from server.certificates.ending import endings
from server.certificates.links import (
    NetworkLink,
    broker_has_tls,
    is_https,
    offered_authorities,
    offered_broker_authorities,
    plain_links,
    refuse_plain,
    transport_security_s,
)
from server.config import Settings, load_settings
from server.db.types import now
from server.errors import ConfigurationError
from server.main import main
from server.web.links import link_signs, link_troubles
from server.web.translations import translator
from tests.support.certificates import ended, school

ANY = "0.0.0.0"
DAY_S = 24 * 3600


def _settings(tmp_path: Path, **values: Any) -> Settings:
    return load_settings(data_dir=tmp_path, **values)


@pytest.mark.parametrize(
    ("values", "link"),
    [
        ({"host": ANY}, NetworkLink.SERVER),
        ({"host": "10.0.0.7"}, NetworkLink.SERVER),
        ({"broker_host": ANY}, NetworkLink.BROKER),
        ({"broker_host": "broker.school.example"}, NetworkLink.BROKER),
        ({"ml_service_url": "http://ml.school.example:8001"}, NetworkLink.ML_SERVICE),
        ({"ml_service_url": "http://127.0.0.1.school.example"}, NetworkLink.ML_SERVICE),
    ],
)
def test_plain_link_to_elsewhere_is_refused_unless_a_setting_allows_it(
    tmp_path: Path, values: dict[str, Any], link: NetworkLink
) -> None:
    settings = _settings(tmp_path, **values)
    assert plain_links(settings) == [link]
    with pytest.raises(ConfigurationError, match=r"TLS|plain HTTP"):
        refuse_plain(settings, *NetworkLink)
    name = "ml_service_allow_plain" if link is NetworkLink.ML_SERVICE else "allow_plain"
    refuse_plain(_settings(tmp_path, **values, **{name: True}), *NetworkLink)


def test_allowing_plain_http_does_not_let_photos_out(tmp_path: Path) -> None:
    settings = _settings(tmp_path, ml_service_url="http://ml.example", allow_plain=True)
    with pytest.raises(ConfigurationError, match="Photos"):
        refuse_plain(settings, *NetworkLink)


@pytest.mark.parametrize("command", ["serve", "broker"])
def test_command_ends_with_a_sentence_where_others_could_read(
    command: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("ROLLCALL_SERVER_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("ROLLCALL_SERVER_BROKER_HOST", ANY)
    assert main([command]) == 1
    error = capsys.readouterr().err
    assert "rollcall-server certificates" in error
    assert error.count("\n") == 1


def test_certificates_of_the_command_switch_tls_on_everywhere(tmp_path: Path) -> None:
    before = _settings(tmp_path, host=ANY, broker_host=ANY)
    assert (is_https(before), broker_has_tls(before)) == (False, False)
    assert (offered_authorities(before), offered_broker_authorities(before)) == (None, None)
    text = school(tmp_path).authorities.read_text()
    assert (is_https(before), broker_has_tls(before)) == (True, True)
    assert (offered_authorities(before), offered_broker_authorities(before)) == (text, text)
    refuse_plain(before, *NetworkLink)


def test_broker_alone_leaves_the_server_to_its_proxy(tmp_path: Path) -> None:
    folder = school(tmp_path, Use.BROKER)
    settings = _settings(tmp_path, secure_cookies=True)
    assert offered_authorities(settings) is None
    assert offered_broker_authorities(settings) == folder.authorities.read_text()
    assert transport_security_s(settings) == 365 * DAY_S


def test_public_certificate_of_ones_own_offers_no_authority(tmp_path: Path) -> None:
    leaf = school(tmp_path / "elsewhere").leaf(Use.SERVER)
    settings = _settings(tmp_path, tls_certificate=leaf, broker_certificate=leaf)
    assert is_https(settings)
    assert (offered_authorities(settings), offered_broker_authorities(settings)) == (None, None)


def test_browsers_remember_https_a_week_where_the_school_signs(tmp_path: Path) -> None:
    assert transport_security_s(_settings(tmp_path)) is None
    school(tmp_path)
    assert transport_security_s(_settings(tmp_path)) == 7 * DAY_S


def test_certificates_that_end_are_named_in_both_languages(tmp_path: Path) -> None:
    ended(tmp_path, Use.SERVER)
    settings = _settings(tmp_path, allow_plain=True, broker_host=ANY)
    for language in ("en", "ar"):
        found = link_troubles(settings, translator(language), now())
        assert [one.tone for one in found] == ["bad", "warn"]
    assert "ended on" in link_signs(settings)["link_problems"][0]


def test_certificate_is_named_a_fortnight_before_its_end(tmp_path: Path) -> None:
    school(tmp_path, Use.SERVER)
    settings = _settings(tmp_path)
    (one,) = endings(settings)
    assert one.ends_at is not None
    assert link_troubles(settings, translator("en"), now()) == []
    (trouble,) = link_troubles(settings, translator("en"), one.ends_at - timedelta(days=13))
    assert trouble.tone == "warn"


def test_certificate_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    folder = school(tmp_path, Use.SERVER)
    folder.leaf(Use.SERVER).write_text("damaged")
    signs = link_signs(_settings(tmp_path))
    assert "cannot be read" in signs["link_problems"][0]


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("TLS_CERTIFICATE", "absent.pem", "absent.pem"),
        ("TLS_CA", "absent.pem", "absent.pem"),
        ("BROKER_TLS", "true", "no certificate"),
        ("TLS_KEY", "key.pem", "tls_key needs a tls_certificate"),
        ("PUBLIC_URL", "https://school.example/rollcall", "scheme, host and port alone"),
    ],
)
def test_what_cannot_work_stops_the_start_in_one_sentence(
    name: str,
    value: str,
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("ROLLCALL_SERVER_DATA_DIR", str(tmp_path))
    monkeypatch.setenv(f"ROLLCALL_SERVER_{name}", value)
    assert main(["broker" if name == "BROKER_TLS" else "serve"]) in (1, 2)
    error = capsys.readouterr().err
    assert words in error
    assert error.count("\n") == 1


def test_names_that_settings_give_to_kiosks_are_always_in_the_certificate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ROLLCALL_SERVER_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("ROLLCALL_SERVER_BROKER_PUBLIC_HOST", "mqtt.school.example")
    monkeypatch.setenv("ROLLCALL_SERVER_PUBLIC_URL", "https://rollcall.school.example:8443")
    assert main(["certificates", "--name", "10.0.0.7"]) == 0
    shown = capsys.readouterr().out
    assert "10.0.0.7, rollcall.school.example, mqtt.school.example)" in shown


def test_command_says_what_it_did_and_the_six_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ROLLCALL_SERVER_DATA_DIR", str(tmp_path))
    assert main(["certificates", "--name", "school.example"]) == 0
    first = capsys.readouterr().out
    assert "Made the school's authority" in first
    assert "Made the server's certificate (localhost, 127.0.0.1, ::1, school.example)" in first
    assert main(["certificates"]) == 0
    second = capsys.readouterr().out
    assert second.startswith("Nothing to do")
    assert second.splitlines()[-1] == first.splitlines()[-1]
    assert main(["certificates", "--name", "https://school.example"]) == 1
