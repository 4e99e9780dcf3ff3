"""Names of answers: who says which one it has is told that it is still the same."""

from typing import Annotated

from fastapi import Header

IfNoneMatch = Annotated[str, Header(max_length=200)]


def is_known(etag: str, if_none_match: str) -> bool:
    """Whether a client has the answer of this name already.

    Args:
        etag: with its quotation marks.
        if_none_match: the header as sent; empty where there is none.

    Source: RFC 9110, section 13.1.2, with the weak comparison.
    """
    named = {part.strip().removeprefix("W/") for part in if_none_match.split(",")}
    return etag in named or "*" in named
