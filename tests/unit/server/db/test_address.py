"""No part of the database's password gets into a message, whatever is in it."""

import string
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from sqlalchemy.exc import DBAPIError

from server.config import load_settings
from server.db.address import parsed_address, without_password
from server.db.engine import make_engine
from server.errors import ConfigurationError
from server.main import main
from tests.support.ports import free_port

SECRETS = st.text(alphabet=string.ascii_letters, min_size=6, max_size=12).map("zq{}".format)
BETWEEN = st.sampled_from(
    ["@", "#", "%", "/", ":", "?", "%40", "%zz", "[", "]", " ", "=", "&", "\\"]
)
PLACES = st.sampled_from(["@127.0.0.1:{port}/rollcall", "@[::1]:{port}/rollcall", "@127.0.0.1", ""])


@st.composite
def addresses(draw: st.DrawFn) -> tuple[str, list[str]]:
    """An address with a password of several words, and these words.

    Without a user's name what is meant as the password is the name, which messages repeat.
    """
    words = draw(st.lists(SECRETS, min_size=1, max_size=3, unique=True))
    password = "".join(word + draw(BETWEEN) for word in words[:-1]) + words[-1]
    scheme = draw(st.sampled_from(["postgresql+psycopg", "postgresql", "postgres", "psql+x", "x"]))
    place = draw(PLACES).format(port=free_port())
    assume(place or "@" not in password)  # what follows is a host to any reader
    user = draw(st.sampled_from(["rollcall:", "", ":", "roll/call:"]))
    return f"{scheme}://{user}{password}{place}", words if user else []


def said_of(address: str) -> str:
    """Everything that a command would print or log about this address."""
    try:
        engine = make_engine(address)
        with engine.connect():
            return ""
    except ConfigurationError as exc:
        return exc.message
    except DBAPIError as exc:
        return without_password(str(exc.orig), parsed_address(address))


@given(addresses())
def test_no_part_of_a_password_is_ever_said(address: tuple[str, list[str]]) -> None:
    text, words = address
    said = said_of(text)

    assert said
    assert [word for word in words if word in said] == []


@given(st.text(min_size=1, max_size=20).filter(lambda one: "\0" not in one))
def test_encoded_password_comes_through(password: str) -> None:
    encoded = quote(password, safe="")
    url = parsed_address(f"postgresql://rollcall:{encoded}@db.school.example:5433/rollcall")

    assert (url.password, url.host, url.port) == (password, "db.school.example", 5433)
    assert url.drivername == "postgresql+psycopg"


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://u:p@ss@host/db",
        "postgresql://u:p/a@ss@host/db",
        "postgresql://u:p@ss?word@host/db",
        "postgresql://u/x:secret@host/db",
        "postgresql://u:secret",
        "postgresql://u:p@host:99999/db",
        "postgresql://u:p@host:port/db",
        "mysql://u:secret@host/db",
        "secret",
        "",
    ],
)
def test_address_that_can_be_misread_is_refused_in_words_without_it(address: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        parsed_address(address)

    assert not {"secret", "ss@", "word", "99999"} & set(refused.value.message.split())
    assert "postgresql+psycopg://user:password@host/name" in refused.value.message


@pytest.mark.parametrize("name", ["a@b", "a%41b", "a#b", "a b", "a:b@c", "%", "schön"])
def test_data_folder_may_be_called_anything(name: str, tmp_path: Path) -> None:
    url = parsed_address(load_settings(data_dir=tmp_path / name).sqlalchemy_url)

    assert url.database == str(tmp_path / name / "rollcall.sqlite3")


@pytest.mark.parametrize("command", ["serve", "migrate", "reset-password", "verify-audit"])
@pytest.mark.parametrize("password", ["Hidden#Word", "Hidden%Word", "Hidden@Word", "Hidden/Word"])
def test_no_command_says_a_part_of_the_password(
    command: str,
    password: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    address = f"postgresql+psycopg://rollcall:{password}@127.0.0.1:{free_port()}/rollcall"
    monkeypatch.setenv("ROLLCALL_SERVER_DATABASE_URL", address)
    monkeypatch.setenv("ROLLCALL_SERVER_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("ROLLCALL_SERVER_PORT", "0")

    assert main([command]) == 1

    said = "".join(capsys.readouterr())
    assert "Hidden" not in said
    assert "Word" not in said
    assert "Traceback" not in said
    last = said.strip().splitlines()[-1]
    assert last.startswith("rollcall-server: ")


def test_settings_and_engine_never_show_it() -> None:
    address = "postgresql+psycopg://rollcall:HiddenWord@127.0.0.1/rollcall"
    settings = load_settings(database_url=address)
    engine = make_engine(address)

    assert "HiddenWord" not in f"{settings!r} {settings} {engine} {engine.url}"
