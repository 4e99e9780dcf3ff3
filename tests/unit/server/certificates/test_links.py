"""Which links have TLS, and what is refused without it."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from server.certificates.authority import AUTHORITY_LASTS, Use
from server.certificates.ending import endings
from server.certificates.links import Links, NetworkLink, refuse_plain
from server.config import load_settings
from server.db.types import now
from server.errors import ConfigurationError
from server.main import main
from server.web.links import link_signs, link_troubles
from server.web.translations import translator
from tests.support.certificates import ended, school

ANY = "0.0.0.0"
DAY_S = 24 * 3600


def _links(tmp_path: Path, **values: Any) -> Links:
    return Links.of(load_settings(data_dir=tmp_path, **values))


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
    links = _links(tmp_path, **values)
    assert links.plain() == [link]
    with pytest.raises(ConfigurationError, match=r"TLS|plain HTTP"):
        refuse_plain(links, *NetworkLink)
    name = "ml_service_allow_plain" if link is NetworkLink.ML_SERVICE else "allow_plain"
    refuse_plain(_links(tmp_path, **values, **{name: True}), *NetworkLink)


def test_allowing_plain_http_does_not_let_photos_out(tmp_path: Path) -> None:
    links = _links(tmp_path, ml_service_url="http://ml.example", allow_plain=True)
    with pytest.raises(ConfigurationError, match="Photos"):
        refuse_plain(links, *NetworkLink)


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


def test_certificates_of_the_command_switch_tls_on_at_the_next_start(tmp_path: Path) -> None:
    running = _links(tmp_path, host=ANY, broker_host=ANY)
    text = school(tmp_path).authorities.read_text()
    assert (running.is_https, running.broker_has_tls) == (False, False)
    assert (running.offered_authorities(), running.offered_broker_authorities()) == (None, None)
    assert running.plain() == [NetworkLink.SERVER, NetworkLink.BROKER]
    assert endings(running) == []
    assert running.transport_security_s is None

    started = _links(tmp_path, host=ANY, broker_host=ANY)
    assert (started.is_https, started.broker_has_tls) == (True, True)
    assert (started.offered_authorities(), started.offered_broker_authorities()) == (text, text)
    refuse_plain(started, *NetworkLink)


def test_broker_alone_leaves_the_server_to_its_proxy(tmp_path: Path) -> None:
    folder = school(tmp_path, Use.BROKER)
    links = _links(tmp_path, secure_cookies=True)
    assert links.offered_authorities() is None
    assert links.offered_broker_authorities() == folder.authorities.read_text()
    assert links.transport_security_s == 365 * DAY_S


def test_public_certificate_of_ones_own_offers_no_authority(tmp_path: Path) -> None:
    leaf = school(tmp_path / "elsewhere").leaf(Use.SERVER)
    links = _links(tmp_path, tls_certificate=leaf, broker_certificate=leaf)
    assert links.is_https
    assert (links.offered_authorities(), links.offered_broker_authorities()) == (None, None)


def test_browsers_remember_https_a_week_where_the_school_signs(tmp_path: Path) -> None:
    assert _links(tmp_path).transport_security_s is None
    school(tmp_path)
    assert _links(tmp_path).transport_security_s == 7 * DAY_S


def test_certificates_that_end_are_named_in_both_languages(tmp_path: Path) -> None:
    ended(tmp_path, Use.SERVER)
    links = _links(tmp_path, allow_plain=True, broker_host=ANY)
    for language in ("en", "ar"):
        found = link_troubles(links, translator(language), now())
        assert [one.tone for one in found] == ["bad", "warn"]
    assert "ended on" in link_signs(links)["link_problems"][0]


def test_certificate_is_named_a_fortnight_before_its_end(tmp_path: Path) -> None:
    school(tmp_path, Use.SERVER)
    links = _links(tmp_path)
    (one,) = endings(links)
    assert one.ends_at is not None
    assert link_troubles(links, translator("en"), now()) == []
    (trouble,) = link_troubles(links, translator("en"), one.ends_at - timedelta(days=13))
    assert trouble.tone == "warn"


@pytest.mark.parametrize(
    ("host", "days", "is_told"),
    [
        ("ml.school.example", 59, False),
        ("ml.school.example", 61, True),
        ("ml.school.example", 90, False),  # it signs
        ("127.0.0.1", 61, False),
    ],
)
def test_next_authority_must_be_copied_to_a_service_elsewhere(
    tmp_path: Path, host: str, days: int, *, is_told: bool
) -> None:
    folder, at = school(tmp_path, Use.ML_CLIENT), now()
    folder.ensure(at=at, renew_authority=True)
    for day in range(1, days + 1):
        folder.ensure(at=at + timedelta(days=day))
    links = _links(
        tmp_path,
        ml_service_url=f"https://{host}",
        ml_service_client_certificate=folder.leaf(Use.ML_CLIENT),
    )
    found = link_troubles(links, translator("en"), at + timedelta(days=days))
    assert [one.tone for one in found] == ["warn"] * is_told
    if is_told:
        assert "authority.pem" in found[0].text
        (folder.path / "next-authority-key.pem").write_text("damaged")
        assert link_troubles(links, translator("ar"), at + timedelta(days=days)) == []


def test_certificate_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    folder = school(tmp_path, Use.SERVER)
    folder.leaf(Use.SERVER).write_text("damaged")
    signs = link_signs(_links(tmp_path))
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
    assert "Restart server and broker" in first
    assert "Restart" not in second
    assert second.splitlines()[-1] == first.splitlines()[-1]
    assert main(["certificates", "--name", "https://school.example"]) == 1


@pytest.mark.parametrize(
    ("arguments", "restarts"),
    [
        ([], ""),
        (["--for", "ml-service"], ""),
        (["--for", "server"], "Restart server and broker"),
    ],
)
def test_command_asks_for_a_restart_only_where_tls_is_new(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    restarts: str,
) -> None:
    monkeypatch.setenv("ROLLCALL_SERVER_DATA_DIR", str(tmp_path))
    school(tmp_path, *([Use.BROKER] if restarts else [Use.SERVER, Use.BROKER]))
    assert main(["certificates", "--name", "school.example", *arguments]) == 0
    shown = capsys.readouterr().out
    assert "Made the " in shown
    assert ("Restart" in shown) == bool(restarts)


def test_command_says_what_to_do_with_an_authority_that_has_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ROLLCALL_SERVER_DATA_DIR", str(tmp_path))
    school(tmp_path, at=now() - AUTHORITY_LASTS - timedelta(days=1))
    assert main(["certificates"]) == 0
    assert "--renew-authority" in capsys.readouterr().out
    assert main(["certificates", "--renew-authority"]) == 0
    shown = capsys.readouterr().out
    assert "The next authority signs from now on" in shown
    assert "has ended" not in shown
