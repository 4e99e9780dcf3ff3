"""Passwords are hashed at production cost here; tests that start servers hash them cheaply."""

import pytest
from argon2 import PasswordHasher, Type, extract_parameters

from server.accounts.passwords import hash_password, needs_rehash, verify_password

PASSWORD = "a password for tests"
OLDER = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


def test_passwords_are_hashed_with_the_parameters_that_owasp_recommends() -> None:
    found = extract_parameters(hash_password(PASSWORD))
    assert found.type is Type.ID
    assert (found.time_cost, found.memory_cost, found.parallelism) == (2, 19 * 1024, 1)
    assert (found.salt_len, found.hash_len) == (16, 32)


def test_the_right_password_is_verified_and_needs_no_new_hash() -> None:
    stored = hash_password(PASSWORD)
    assert verify_password(stored, PASSWORD)
    assert not needs_rehash(stored)


def test_a_wrong_password_fails() -> None:
    assert not verify_password(hash_password(PASSWORD), PASSWORD + "!")


def test_one_password_is_never_hashed_the_same_way_twice() -> None:
    assert hash_password(PASSWORD) != hash_password(PASSWORD)


def test_a_hash_with_cheaper_parameters_is_verified_and_needs_a_new_one() -> None:
    stored = OLDER.hash(PASSWORD)
    assert verify_password(stored, PASSWORD)
    assert not verify_password(stored, PASSWORD + "!")
    assert needs_rehash(stored)


@pytest.mark.parametrize("stored", [None, "", "x", "$argon2id$v=19$m=8,t=1,p=1$"])
def test_an_account_without_a_usable_hash_accepts_no_password(stored: str | None) -> None:
    assert not verify_password(stored, PASSWORD)
    assert not verify_password(stored, "")


@pytest.mark.usefixtures("fast_passwords")
def test_servers_inside_tests_hash_at_the_lowest_cost() -> None:
    found = extract_parameters(hash_password(PASSWORD))
    assert (found.time_cost, found.memory_cost, found.parallelism) == (1, 8, 1)
