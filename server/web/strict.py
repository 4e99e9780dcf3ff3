"""What people and their programs send: keys and words that nobody knows are refused."""

from fastapi import Request
from fastapi.dependencies.models import Dependant
from pydantic import BaseModel, ConfigDict

from server.errors import MalformedError

#: What kiosks call; these stay open for parameters of later versions.
_OF_KIOSKS = ("/api/v1/sync/", "/api/v1/kiosk/", "/api/v1/devices/")


class StrictInput(BaseModel):
    """Base of every body and form that people or their programs send.

    A key that is misspelt would otherwise be ignored without a word, and the answer would say that
    it worked. What kiosks send has no such base: it stays open for later versions.
    """

    model_config = ConfigDict(extra="forbid")


def is_of_people(path: str) -> bool:
    """Return whether an address of the API is called by people's programs, not by kiosks."""
    return path.startswith("/api/") and not path.startswith(_OF_KIOSKS)


def query_names(dependant: Dependant) -> frozenset[str]:
    """Return the query parameters that an endpoint and its dependencies take."""
    own = {param.alias for param in dependant.query_params}
    return frozenset(own.union(*(query_names(one) for one in dependant.dependencies)))


def refuse_unknown_query(request: Request, known: frozenset[str]) -> None:
    """Refuse a query parameter that the endpoint does not take.

    A filter with a typing error would otherwise return everything.

    Raises:
        MalformedError: names the parameters.
    """
    if unknown := sorted(set(request.query_params) - known):
        fields = [{"field": f"query.{name[:80]}", "problem": "unknown"} for name in unknown[:20]]
        raise MalformedError(fields=fields)
