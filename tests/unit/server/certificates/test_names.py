"""Names and addresses that a certificate may hold."""

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.certificates.names import is_loopback, parse_name, reachable
from server.errors import ConfigurationError


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("School.Example.", "school.example"),
        ("[fd00::7]", "fd00::7"),
        ("FD00:0:0:0:0:0:0:7", "fd00::7"),
        ("10.0.0.7", "10.0.0.7"),
        ("rollcall", "rollcall"),
    ],
)
def test_name_has_one_form(text: str, name: str) -> None:
    assert parse_name(text) == name


@pytest.mark.parametrize(
    "text",
    ["", "https://school.example", "school.example:8000", "a b", "*.example", "schüle.example"],
)
def test_what_is_no_name_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ConfigurationError, match="Give one like"):
        parse_name(text)


@given(st.text(max_size=300))
def test_any_text_is_a_name_or_refused_and_a_name_stays_itself(text: str) -> None:
    try:
        name = parse_name(text)
    except ConfigurationError:
        return
    assert parse_name(name) == name


def test_names_of_this_machine_are_names_and_not_loopback() -> None:
    # Another process: tests may not touch the network, not even without sending.
    code = "from server.certificates.names import machine_names; print(*machine_names())"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    names = found.stdout.split()
    assert names
    assert [parse_name(name) for name in names] == list(names)
    assert not [name for name in names if is_loopback(name)]


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True),
        ("127.8.9.1", True),
        ("::1", True),
        ("[::1]", True),
        ("LOCALHOST", True),
        ("0.0.0.0", False),
        ("::", False),
        ("10.0.0.7", False),
        ("localhost.school.example", False),
        ("", False),
    ],
)
def test_only_this_machine_is_loopback(host: str, *, expected: bool) -> None:
    assert is_loopback(host) is expected


def test_address_that_means_all_is_reached_on_loopback() -> None:
    hosts = ("0.0.0.0", "::", "broker.example")
    assert [reachable(host) for host in hosts] == ["127.0.0.1", "::1", "broker.example"]
