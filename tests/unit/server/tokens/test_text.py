"""The text of a token: random, recognisable, and checked without a database."""

import re

from hypothesis import given
from hypothesis import strategies as st

from server.tokens.text import LENGTH, PREFIX, digest, is_token, new_token

SCANNED = re.compile(r"rck_[0-9A-Za-z]{49}")
TOKEN = new_token()
places = st.integers(len(PREFIX), LENGTH - 1)


def test_a_token_is_what_a_scanner_looks_for_and_never_the_same_twice() -> None:
    made = {new_token() for _ in range(200)}
    assert len(made) == 200
    assert all(SCANNED.fullmatch(one) and is_token(one) for one in made)
    assert len({digest(one) for one in made}) == 200


@given(places, st.sampled_from("0123456789ABCDEFXYZabcdefxyz"))
def test_a_token_with_one_wrong_character_has_a_wrong_checksum(place: int, other: str) -> None:
    changed = TOKEN[:place] + other + TOKEN[place + 1 :]
    assert is_token(changed) is (changed == TOKEN)


@given(st.text(max_size=80) | st.text(min_size=49, max_size=49).map(lambda text: PREFIX + text))
def test_any_other_text_is_no_token(text: str) -> None:
    assert not is_token(text)
