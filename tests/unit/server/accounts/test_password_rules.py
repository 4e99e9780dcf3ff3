"""Which new passwords are refused: common ones, patterns, and those made of names."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.accounts.password_rules import refuse_weak
from server.accounts.passwords import MAX_LENGTH, MIN_LENGTH, one_time_password
from server.errors import InvalidError

NAMES = ("Mara Weber", "Lindenhof School")


def problem_of(password: str) -> object:
    with pytest.raises(InvalidError) as caught:
        refuse_weak(password, username="m.weber", names=NAMES)
    return caught.value.details["problem"]


@pytest.mark.parametrize(
    "password",
    [
        "passwordpassword",
        "Password2026!",
        "passwortpasswort",
        "p4ssw0rdp4ssw0rd",
        "qwertyuiop12",
        "1qaz2wsx3edc",
        "123456789012",
        "iloveyou1234",
        "Welcome12345",
        "football2026",
        "aaaaaaaaaaaa",
        "abcabcabcabc",
        "password" * 8,
    ],
)
def test_common_passwords_and_patterns_are_refused(password: str) -> None:
    assert problem_of(password) == "common_password"


@pytest.mark.parametrize(
    "password",
    [
        "LindenhofSchool",
        "lindenhof-2026",
        "lindenhofschool1",
        "Lindenhof School!",
        "maraweber1234",
        "WeberMaraWeber",
        "mweber-mweber",
    ],
)
def test_passwords_made_of_the_names_of_person_or_school_are_refused(password: str) -> None:
    assert problem_of(password) == "common_password"


@pytest.mark.parametrize("password", ["M.Weber and the sea", "short", "x" * (MAX_LENGTH + 1), ""])
def test_a_password_of_the_wrong_length_or_with_the_user_name_is_refused(password: str) -> None:
    assert problem_of(password) == "weak_password"


@pytest.mark.parametrize(
    "password",
    [
        "kein passwort mehr",
        "correct horse battery staple",
        "kaffee tisch lampe",
        "مرحبا بالعالم الجميل",
        "h7$kq0-Zp2vx",
        "Lindenhof brown otter tuesday",
    ],
)
def test_a_few_unrelated_words_and_random_ones_are_accepted(password: str) -> None:
    refuse_weak(password, username="m.weber", names=NAMES)


def test_our_own_one_time_passwords_would_do() -> None:
    refuse_weak(one_time_password(), username="m.weber", names=NAMES)


@given(st.text(min_size=MIN_LENGTH, max_size=MAX_LENGTH), st.text(max_size=40))
def test_any_text_is_judged_and_never_an_error(password: str, school: str) -> None:
    with suppress(InvalidError):
        refuse_weak(password, username="m.weber", names=("", school))
