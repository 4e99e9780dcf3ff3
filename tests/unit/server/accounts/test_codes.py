"""Codes of the second step: each once, a step of drift either way, digits of any script."""

import uuid
from datetime import UTC, datetime, timedelta

import pyotp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.accounts.second_factor import PURPOSE, STEP_S, _digits, _is_fresh, _recovery_form
from server.accounts.tables import SecondFactor
from server.db.vault import Vault

AT = datetime(2026, 11, 27, 8, tzinfo=UTC)
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
VAULT = Vault({"one": bytes(32)}, "one")


def factor() -> SecondFactor:
    account_id = uuid.UUID(int=1)
    sealed = VAULT.seal(SECRET.encode(), purpose=PURPOSE, context=str(account_id))
    return SecondFactor(account_id=account_id, key_id=sealed.key_id, secret=sealed.data)


def code_at(offset_steps: int) -> str:
    return pyotp.TOTP(SECRET).at(AT + timedelta(seconds=STEP_S * offset_steps))


@given(st.integers(-5, 5))
def test_a_code_counts_in_its_own_step_and_the_ones_beside_it(offset: int) -> None:
    assert _is_fresh(VAULT, factor(), code_at(offset), AT) is (abs(offset) <= 1)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(-1, 1)), max_size=20))
def test_no_step_is_accepted_twice_and_none_before_it(tries: list[tuple[int, int]]) -> None:
    row, accepted, step = factor(), [], 0
    for passed, offset in tries:
        step += passed
        now = AT + timedelta(seconds=STEP_S * step)
        if _is_fresh(VAULT, row, code_at(step + offset), now):
            accepted.append(step + offset)
    assert accepted == sorted(set(accepted))


@pytest.mark.parametrize("typed", ["{}", " {} ", "{0[0]}{0[1]}{0[2]} {0[3]}{0[4]}{0[5]}"])
def test_spaces_are_ignored(typed: str) -> None:
    assert _is_fresh(VAULT, factor(), typed.format(code_at(0)), AT)


def test_arabic_digits_are_digits() -> None:
    arabic = code_at(0).translate(str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩"))
    assert _is_fresh(VAULT, factor(), arabic, AT)


@given(st.text(max_size=64))
def test_anything_else_is_no_code_and_no_error(text: str) -> None:
    found = _digits(text)
    assert found is None or (len(found) == 6 and found.isascii())
    assert _recovery_form(text) == _recovery_form(_recovery_form(text))


def test_a_secret_that_does_not_open_accepts_no_code() -> None:
    row = factor()
    row.secret = row.secret[:-1] + b"x"
    assert not _is_fresh(VAULT, row, code_at(0), AT)
