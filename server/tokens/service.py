"""API tokens: made, looked up, revoked, and deleted when they are long over."""

import uuid
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlmodel import Session, col, delete, or_, select, update

from server.accounts.service import get_account
from server.accounts.sessions import is_open, step_of
from server.accounts.tables import Account, SecondFactor, SecondFactorRole
from server.audit.service import record
from server.audit.tables import subject_of
from server.db.lock import SIGN_IN_LOCK, lock_until_commit
from server.errors import ConflictError, InvalidError, NotFoundError, NotSignedInError
from server.tokens.schemas import TokenCreate
from server.tokens.tables import APIToken
from server.tokens.text import digest, new_token
from server.web.principal import Principal, Role, TokenGrant
from server.web.scopes import SCOPES_OF_ROLE, TokenScope, by_area

#: Tokens that an account may have at a time.
MOST_TOKENS = 20
#: How long a token that is over stays in the lists, and in the database.
KEPT_FOR = timedelta(days=90)


@dataclass(frozen=True)
class ListedToken:
    """A token as lists show it.

    Attributes:
        token: the row.
        owner: display name of its account.
        is_live: whether it still works.
        has_expired: whether its days are over.
    """

    token: APIToken
    owner: str
    is_live: bool
    has_expired: bool

    @property
    def areas(self) -> list[tuple[str, list[str]]]:
        """What it may do, by area."""
        return by_area(TokenScope(one) for one in self.token.scopes)


@dataclass(frozen=True)
class FoundToken:
    """A token that a request came with.

    Attributes:
        token: the row.
        principal: its account; None where the token is over.
    """

    token: APIToken
    principal: Principal | None


def create(
    db: Session, wanted: TokenCreate, *, principal: Principal, sign_in: str, at: datetime
) -> tuple[APIToken, str]:
    """Make a token; returns it with its text, which is kept nowhere.

    Args:
        db: the caller's.
        wanted: its name, scopes and days.
        principal: whose it is.
        sign_in: the sign-in that asks, whose password was asked for just now.
        at: now, UTC.

    Raises:
        NotSignedInError: the sign-in was ended meanwhile.
        InvalidError: a scope is not for this role.
        ConflictError: the account has as many tokens as it may have.
    """
    lock_until_commit(db, SIGN_IN_LOCK)
    if not is_open(db, sign_in):
        raise NotSignedInError
    account = get_account(db, principal.account_id)
    if not wanted.scopes <= SCOPES_OF_ROLE[Role(account.role)]:
        raise InvalidError("Your role cannot use one of these scopes.", problem="scope_of_role")
    if _count_live(db, account, at) >= MOST_TOKENS:
        raise ConflictError(
            f"An account has at most {MOST_TOKENS} API tokens.",
            problem="too_many_tokens",
            most=MOST_TOKENS,
        )
    text = new_token()
    token = APIToken(
        account_id=account.id,
        token_hash=digest(text),
        name=wanted.name,
        scopes=[one.value for one in TokenScope if one in wanted.scopes],
        created_at=at,
        expires_at=at + timedelta(days=wanted.days),
    )
    db.add(token)
    db.flush()
    details = {"scopes": token.scopes, "expires": token.expires_at.date().isoformat()}
    subject = subject_of("token", token.id)
    record(db, actor=principal.actor, action="token.create", subject=subject, details=details)
    return token, text


def find(db: Session, text: str, at: datetime) -> FoundToken | None:
    """Return whose token a text is; None: nobody ever had it, or it is long over."""
    query = (
        select(APIToken, Account, SecondFactorRole.role, SecondFactor.confirmed_at)
        .join(Account, col(Account.id) == col(APIToken.account_id))
        .outerjoin(SecondFactorRole, col(SecondFactorRole.role) == col(Account.role))
        .outerjoin(SecondFactor, col(SecondFactor.account_id) == col(Account.id))
        .where(col(APIToken.token_hash) == digest(text))
    )
    found = db.exec(query).first()
    if found is None:
        return None
    token, account, required_of, confirmed_at = found
    if not _is_live(token, account, at):
        return FoundToken(token, None)
    lacks_factor = bool(required_of) and confirmed_at is None
    step = step_of(account, needs_code=False, lacks_factor=lacks_factor)
    grant = TokenGrant(token.id, frozenset(token.scopes))
    principal = Principal(account.id, account.display_name, Role(account.role), step, grant)
    return FoundToken(token, principal)


def note_use(db: Session, token: APIToken, day: date) -> None:
    """Write on which day a token was last used; its first use goes to the audit trail."""
    this = col(APIToken.id) == token.id
    never = col(APIToken.last_used_on).is_(None)
    first = db.exec(update(APIToken).where(this, never).values(last_used_on=day))
    if first.rowcount:
        actor, subject = f"account:{token.account_id}", subject_of("token", token.id)
        record(db, actor=actor, action="token.first_use", subject=subject)
        return
    db.exec(update(APIToken).where(this).values(last_used_on=day))


def get_token(db: Session, token_id: uuid.UUID, *, principal: Principal) -> APIToken:
    """Return a token that this account may revoke: its own, or any for admins.

    Raises:
        NotFoundError: there is none.
    """
    token = db.get(APIToken, token_id)
    if token is None or (
        principal.role is not Role.ADMIN and token.account_id != principal.account_id
    ):
        raise NotFoundError("There is no such API token.", problem="no_token")
    return token


def revoke(db: Session, token_id: uuid.UUID, *, principal: Principal, at: datetime) -> APIToken:
    """Revoke a token. Nothing happens where it was revoked already.

    Raises:
        NotFoundError: there is none that this account may revoke.
    """
    lock_until_commit(db, SIGN_IN_LOCK)
    token = get_token(db, token_id, principal=principal)
    db.refresh(token)
    if token.revoked_at is None:
        token.revoked_at = at
        db.flush()
        subject = subject_of("token", token.id)
        record(db, actor=principal.actor, action="token.revoke", subject=subject)
    return token


def listed(db: Session, at: datetime, *, account_id: uuid.UUID | None = None) -> list[ListedToken]:
    """Return the tokens of an account, or of all; live ones first, the newest first."""
    query = select(APIToken, Account).join(Account, col(Account.id) == col(APIToken.account_id))
    if account_id is not None:
        query = query.where(col(APIToken.account_id) == account_id)
    rows = db.exec(query.order_by(col(APIToken.created_at).desc())).all()
    found = [
        ListedToken(one, owner.display_name, _is_live(one, owner, at), one.expires_at <= at)
        for one, owner in rows
    ]
    return sorted(found, key=lambda one: not one.is_live)


def sweep(db: Session, at: datetime) -> None:
    """Delete tokens that have been over for long."""
    before = at - KEPT_FOR
    is_over = or_(col(APIToken.expires_at) <= before, col(APIToken.revoked_at) <= before)
    db.exec(delete(APIToken).where(is_over))


def _is_live(token: APIToken, account: Account, at: datetime) -> bool:
    is_cut_off = account.tokens_from is not None and token.created_at <= account.tokens_from
    is_over = token.revoked_at is not None or token.expires_at <= at
    return account.is_active and not is_cut_off and not is_over


def _count_live(db: Session, account: Account, at: datetime) -> int:
    own = db.exec(select(APIToken).where(col(APIToken.account_id) == account.id))
    return sum(_is_live(one, account, at) for one in own)
