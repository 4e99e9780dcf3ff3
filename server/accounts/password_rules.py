"""Which new passwords are refused: too short, too easy to guess, or made of names.

How easy is estimated from zxcvbn's lists of common passwords, words and names, and from patterns
such as repeats and rows of keys.
"""

import re

from zxcvbn import zxcvbn

from server.accounts.passwords import MAX_LENGTH, MIN_LENGTH
from server.errors import InvalidError

#: Guesses that an attacker needs on average.
#: Source: zxcvbn, score 3, "safely unguessable": from 10^8 guesses on.
_FEWEST_GUESSES = 10**8
#: Letters and digits that a password needs beside the names in it.
_FEWEST_OTHERS = MIN_LENGTH // 2
#: zxcvbn's time grows with the length: half a second at 32 characters of the worst kind. Only what
#: these alone are worth counts.
_ESTIMATED_LENGTH = 32


def refuse_weak(new: str, *, username: str, names: tuple[str, ...]) -> None:
    """Refuse a new password that is too easy to guess.

    Args:
        new: the password.
        username: of its account.
        names: further names that attackers know: of the person, of the school.

    Raises:
        InvalidError: says in `details["problem"]` why: weak_password or common_password.
    """
    if not MIN_LENGTH <= len(new) <= MAX_LENGTH:
        raise InvalidError(
            f"A password needs {MIN_LENGTH} to {MAX_LENGTH} characters.", problem="weak_password"
        )
    if username in new.casefold():
        raise InvalidError(
            "The new password must not contain the user name.", problem="weak_password"
        )
    known = sorted({part for name in (username, *names) for part in _forms(name)})
    if _is_made_of(new, known) or _guesses(new, known) < _FEWEST_GUESSES:
        raise InvalidError(
            "This password is too easy to guess. A few unrelated words work well.",
            problem="common_password",
        )


def _is_made_of(password: str, known: list[str]) -> bool:
    """Whether little is left of a password without these names."""
    left = password.casefold()
    for name in sorted(known, key=len, reverse=True):
        left = left.replace(name, " ")
    is_changed = left != password.casefold()
    return is_changed and sum(one.isalnum() for one in left) < _FEWEST_OTHERS


def _guesses(password: str, known: list[str]) -> float:
    found = zxcvbn(password[:_ESTIMATED_LENGTH], user_inputs=known)
    return float(found["guesses"])


def _forms(name: str) -> set[str]:
    """A name as people write it into a password: whole, without spaces, and word by word."""
    words = re.findall(r"\w+", name.casefold())
    return {form for form in (name.casefold(), "".join(words), *words) if len(form) > 2}
