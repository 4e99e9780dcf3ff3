"""Two-step sign-in: codes of an authenticator app (TOTP, RFC 6238), and recovery codes."""

import secrets
import unicodedata
import uuid
from dataclasses import dataclass
from datetime import datetime
from hmac import compare_digest

import pyotp
from sqlmodel import Session, col, delete, func, select

from server.accounts.sessions import end_sign_ins, has_second_factor
from server.accounts.tables import Account, RecoveryCode, SecondFactor, SecondFactorRole
from server.accounts.throttle import digest
from server.audit.service import record
from server.audit.tables import subject_of
from server.db.lock import SIGN_IN_LOCK, lock_until_commit
from server.db.vault import Sealed, Vault
from server.errors import ConflictError, SealBrokenError
from server.web.principal import Role

PURPOSE = "second-factor"
# Source: RFC 6238 section 5.2, steps of 30 s and at most one step of drift either way.
STEP_S = 30
_DRIFT = (0, -1, 1)
_DIGITS = 6
RECOVERY_CODES = 10
# Crockford's alphabet: nothing that is misread from a screen or paper.
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_MISREAD = str.maketrans("oil", "011")


@dataclass(frozen=True)
class Setup:
    """What a person enters into an authenticator app.

    Attributes:
        secret: in base 32, to type.
        uri: the same for a QR code, `otpauth://`.
    """

    secret: str
    uri: str


def start(db: Session, vault: Vault, account: Account, at: datetime) -> None:
    """Make a new secret. It counts once a code has confirmed it.

    Raises:
        ConflictError: the account has a second step already.
    """
    lock_until_commit(db, SIGN_IN_LOCK)
    if has_second_factor(db, account.id):
        raise ConflictError("Two-step sign-in is on already.", problem="on_already")
    secret = pyotp.random_base32().encode()
    sealed = vault.seal(secret, purpose=PURPOSE, context=str(account.id))
    row = db.get(SecondFactor, account.id) or SecondFactor(
        account_id=account.id, key_id="", secret=b""
    )
    row.key_id, row.secret, row.created_at = sealed.key_id, sealed.data, at
    db.add(row)
    db.flush()
    _note(db, account, "account.start_second_factor")


def setup_of(db: Session, vault: Vault, account: Account, *, issuer: str) -> Setup | None:
    """Return the secret that waits for its first code; None: none does.

    A confirmed one is never shown again.
    """
    row = db.get(SecondFactor, account.id)
    if row is None or row.confirmed_at is not None:
        return None
    secret = _secret(vault, row)
    uri = pyotp.TOTP(secret).provisioning_uri(name=account.username, issuer_name=issuer)
    return Setup(secret, uri)


def confirm(
    db: Session, vault: Vault, account: Account, *, code: str, at: datetime, keep_token: str
) -> list[str] | None:
    """Switch two-step sign-in on with the app's first code; all other sign-ins end.

    Returns:
        The recovery codes, which are shown this once; None: the code was wrong.

    Raises:
        ConflictError: there is no secret that waits for a code.
    """
    row = db.get(SecondFactor, account.id)
    if row is None or row.confirmed_at is not None:
        raise ConflictError("Start setting up two-step sign-in first.", problem="not_started")
    if not _is_fresh(vault, row, code, at):
        return None
    row.confirmed_at = at
    end_sign_ins(db, account.id, except_token=keep_token)
    _note(db, account, "account.add_second_factor")
    return _new_recovery_codes(db, account)


def forget_unconfirmed(db: Session, account_id: uuid.UUID) -> None:
    """Delete a secret that waits for its code: who knew the old password may have seen it."""
    waiting = col(SecondFactor.confirmed_at).is_(None)
    db.exec(delete(SecondFactor).where(col(SecondFactor.account_id) == account_id, waiting))


def verify(db: Session, vault: Vault, account: Account, *, code: str, at: datetime) -> bool:
    """Check a code of the app, or a recovery code. Each is accepted once."""
    lock_until_commit(db, SIGN_IN_LOCK)
    row = db.get(SecondFactor, account.id)
    if row is None or row.confirmed_at is None:
        return False
    db.refresh(row)
    if _is_fresh(vault, row, code, at):
        return True
    used = db.get(RecoveryCode, digest(_recovery_form(code)))
    if used is None or used.account_id != account.id:
        return False
    db.delete(used)
    _note(db, account, "account.use_recovery_code")
    return True


def renew_recovery_codes(db: Session, account: Account) -> list[str]:
    """Replace the recovery codes; the new ones are shown this once."""
    _note(db, account, "account.renew_recovery_codes")
    return _new_recovery_codes(db, account)


def recovery_codes_left(db: Session, account_id: uuid.UUID) -> int:
    """Return how many recovery codes are unused."""
    query = select(func.count()).where(col(RecoveryCode.account_id) == account_id)
    return db.exec(query).one()


def remove(db: Session, account: Account, *, actor: str, action: str, keep_token: str = "") -> bool:
    """Switch two-step sign-in off and end the account's other sign-ins; returns whether it was on.

    Args:
        db: the caller's.
        account: whose.
        actor: who does it.
        action: how the audit trail calls it.
        keep_token: of the one sign-in that stays.
    """
    lock_until_commit(db, SIGN_IN_LOCK)
    was_on = has_second_factor(db, account.id)
    db.exec(delete(RecoveryCode).where(col(RecoveryCode.account_id) == account.id))
    db.exec(delete(SecondFactor).where(col(SecondFactor.account_id) == account.id))
    if was_on:
        end_sign_ins(db, account.id, except_token=keep_token)
        record(db, actor=actor, action=action, subject=subject_of("account", account.id))
    return was_on


def accounts_with_one(db: Session) -> frozenset[uuid.UUID]:
    """Return the accounts whose sign-ins need a code."""
    query = select(SecondFactor.account_id).where(col(SecondFactor.confirmed_at).is_not(None))
    return frozenset(db.exec(query))


def required_roles(db: Session) -> frozenset[Role]:
    """Return the roles of which the school requires two-step sign-in."""
    return frozenset(Role(role) for role in db.exec(select(SecondFactorRole.role)))


def require_of(db: Session, roles: frozenset[Role], *, actor: str) -> None:
    """Require two-step sign-in of these roles, and of no others, from the next request on."""
    lock_until_commit(db, SIGN_IN_LOCK)
    if roles == required_roles(db):
        return
    db.exec(delete(SecondFactorRole))
    db.add_all(SecondFactorRole(role=role.value) for role in roles)
    db.flush()
    record(
        db,
        actor=actor,
        action="account.require_second_factor",
        subject="accounts",
        details={"roles": sorted(role.value for role in roles)},
    )


def _is_fresh(vault: Vault, row: SecondFactor, code: str, at: datetime) -> bool:
    """Check a code of the app, and note its step: neither it nor an older one counts again."""
    digits = _digits(code)
    if digits is None:
        return False
    try:
        totp = pyotp.TOTP(_secret(vault, row), interval=STEP_S)
    except SealBrokenError:  # the vault logs it; recovery codes still work
        return False
    now = int(at.timestamp()) // STEP_S
    for step in (now + drift for drift in _DRIFT):
        is_new = row.last_step is None or step > row.last_step
        if is_new and compare_digest(totp.generate_otp(step), digits):
            row.last_step = step
            return True
    return False


def _digits(code: str) -> str | None:
    """Return six digits of any script as ASCII, without spaces between them; None: no such code."""
    kept = [one for one in code if not one.isspace() and one != "-"]
    if len(kept) != _DIGITS or not all(one.isdecimal() for one in kept):
        return None
    return "".join(str(unicodedata.decimal(one)) for one in kept)


def _recovery_form(code: str) -> str:
    kept = "".join(one for one in code.casefold() if not one.isspace() and one != "-")
    return kept.translate(_MISREAD)


def _new_recovery_codes(db: Session, account: Account) -> list[str]:
    """Make ten codes of 80 bits, so that a plain hash keeps them secret."""
    db.exec(delete(RecoveryCode).where(col(RecoveryCode.account_id) == account.id))
    codes = ["".join(secrets.choice(_ALPHABET) for _ in range(16)) for _ in range(RECOVERY_CODES)]
    db.add_all(RecoveryCode(code_hash=digest(one), account_id=account.id) for one in codes)
    db.flush()
    return ["-".join(one[at : at + 4] for at in range(0, 16, 4)) for one in codes]


def _secret(vault: Vault, row: SecondFactor) -> str:
    sealed = Sealed(row.key_id, row.secret)
    return vault.open(sealed, purpose=PURPOSE, context=str(row.account_id)).decode()


def _note(db: Session, account: Account, action: str) -> None:
    actor = subject_of("account", account.id)
    record(db, actor=actor, action=action, subject=actor)
