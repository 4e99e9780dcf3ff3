"""Query parameters of the API: one that the endpoint does not take is refused."""

from fastapi import Request
from fastapi.dependencies.models import Dependant

from server.errors import MalformedError

#: What kiosks call; these stay open for parameters of later versions.
_OF_KIOSKS = ("/api/v1/sync/", "/api/v1/kiosk/", "/api/v1/devices/")
_MOST_NAMED = 20
_LONGEST_NAME = 80


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
    if unknown := sorted(set(request.query_params) - known)[:_MOST_NAMED]:
        fields = [
            {"field": f"query.{name[:_LONGEST_NAME]}", "problem": "unknown"} for name in unknown
        ]
        raise MalformedError(fields=fields)
