"""Keep what was answered to a key, and find it again.

Source: draft-ietf-httpapi-idempotency-key-header-07.
"""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session, col, delete, update

from server.db.upsert import insert_into
from server.errors import ConflictError, ServerError
from server.idempotency.tables import IdempotencyKey

#: How long a key and its answer are kept.
KEPT_FOR = timedelta(hours=24)


class KeyReusedError(ServerError):
    """The key was used for another request."""

    status_code = 422
    code = "idempotency_key_reused"
    default_message = "This Idempotency-Key was used for another request. Use a new key."


class RequestRunningError(ConflictError):
    """The request with this key has not been answered yet."""

    code = "idempotency_key_in_use"
    default_message = "The first request with this Idempotency-Key is still running. Ask again."
    retry_after_s = 1


class AnswerNotKeptError(ConflictError):
    """The request was done, but its answer is not kept."""

    code = "answer_not_kept"
    default_message = (
        "The request with this Idempotency-Key was done. Its answer held a secret or was deleted."
    )


@dataclass(frozen=True)
class KeyedRequest:
    """A request that has a key.

    Attributes:
        account_id: who sends it; keys of different accounts have nothing to do with each other.
        key: as sent.
        request_hash: of method, address and body, 32 bytes.
        is_kept: whether the answer is kept; not where it holds a secret.
    """

    account_id: uuid.UUID
    key: str
    request_hash: bytes
    is_kept: bool


@dataclass(frozen=True)
class KeptAnswer:
    """What was answered the first time."""

    status_code: int
    body: bytes


def claim(db: Session, request: KeyedRequest, at: datetime) -> KeptAnswer | None:
    """Claim a key for the caller's transaction; returns the first answer where there was one.

    A second request waits here on PostgreSQL, and for its turn on SQLite, until the first one has
    committed or failed.

    Raises:
        KeyReusedError: the key was used for another request.
        AnswerNotKeptError: it was done; the answer is not kept.
    """
    _forget_older(db, request, at)
    values = {
        "account_id": request.account_id,
        "key": request.key,
        "request_hash": request.request_hash,
        "status_code": 0,
        "created_at": at,
    }
    adding = insert_into(db, IdempotencyKey).values(values).on_conflict_do_nothing()
    if db.execute(adding.returning(col(IdempotencyKey.key))).first() is not None:
        return None
    first = db.get_one(IdempotencyKey, (request.account_id, request.key))
    if first.request_hash != request.request_hash:
        raise KeyReusedError
    if first.body is None:
        raise AnswerNotKeptError
    return KeptAnswer(first.status_code, first.body)


def keep(db: Session, request: KeyedRequest, answer: KeptAnswer) -> None:
    """Keep the answer, in the transaction that did the work."""
    row = db.get_one(IdempotencyKey, (request.account_id, request.key))
    row.status_code = answer.status_code
    row.body = answer.body if request.is_kept else None
    db.flush()


def release(db: Session, request: KeyedRequest) -> None:
    """Forget a key whose request was refused: it may be sent again."""
    db.delete(db.get_one(IdempotencyKey, (request.account_id, request.key)))
    db.flush()


def forget_answers(db: Session) -> None:
    """Delete all answers, because one may name a person who is erased now.

    The keys stay, so nothing is done twice.
    """
    db.exec(update(IdempotencyKey).values(body=None))


def sweep(db: Session, at: datetime) -> None:
    """Delete keys that are too old."""
    db.exec(delete(IdempotencyKey).where(col(IdempotencyKey.created_at) <= at - KEPT_FOR))


def _forget_older(db: Session, request: KeyedRequest, at: datetime) -> None:
    """Delete this key where it is too old, whether or not the hourly sweep came by."""
    db.exec(
        delete(IdempotencyKey).where(
            col(IdempotencyKey.account_id) == request.account_id,
            col(IdempotencyKey.key) == request.key,
            col(IdempotencyKey.created_at) <= at - KEPT_FOR,
        )
    )
