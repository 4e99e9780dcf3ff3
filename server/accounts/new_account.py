"""What a new account consists of. No web framework here: a file of accounts needs it too."""

from typing import Annotated

from pydantic import StringConstraints

from server.web.principal import Role
from server.web.strict import StrictInput


class AccountCreate(StrictInput):
    """An account to add."""

    username: Annotated[
        str,
        StringConstraints(
            strip_whitespace=True,
            to_lower=True,
            min_length=2,
            max_length=64,
            pattern=r"^[^\s\x00-\x1f\x7f]+$",
        ),
    ]
    display_name: Annotated[
        str,
        StringConstraints(
            strip_whitespace=True, min_length=1, max_length=120, pattern=r"^[^\x00-\x1f\x7f]+$"
        ),
    ]
    role: Role
