"""Errors: codes are unique and 422 means malformed, nothing else."""

from server import errors
from server.errors import ServerError
from server.idempotency.service import KeyReusedError


def family(kind: type[ServerError]) -> list[type[ServerError]]:
    return [kind, *(found for child in kind.__subclasses__() for found in family(child))]


def test_codes_are_unique() -> None:
    codes = [vars(kind)["code"] for kind in set(family(ServerError)) if "code" in vars(kind)]
    assert sorted(codes) == sorted(set(codes))


def test_only_malformed_payloads_are_422() -> None:
    malformed = {kind for kind in family(ServerError) if kind.status_code == 422}
    reused = {KeyReusedError}  # the draft of the header asks for 422
    assert malformed == set(family(errors.MalformedError)) | {errors.MalformedError} | reused


def test_every_error_says_something_to_people() -> None:
    assert all(kind().message.endswith(".") for kind in family(ServerError))
