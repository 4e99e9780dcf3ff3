"""Pages of API tokens: one's own, making one, revoking one, and everybody's for admins."""

import uuid
from typing import Annotated

from fastapi import Form, Request
from pydantic import ValidationError
from sqlmodel import Session
from starlette.responses import Response

from server.accounts.origins import OriginDep
from server.accounts.pages import locked_words
from server.accounts.password_change import check_password
from server.db.dependencies import DatabaseDep, DBDep, ReadDBDep
from server.db.types import now
from server.errors import ConflictError, InvalidError, ServerError, TooManyAttemptsError
from server.tokens import service
from server.tokens.schemas import LIFETIMES_DAYS, TokenCreate, TokenForm
from server.web.access import AdminDep, SignedInDep
from server.web.pages import render, request_translator, see_other
from server.web.principal import Principal
from server.web.problems import problem_text
from server.web.routes import GuardedRouter
from server.web.scopes import by_area, offered_to
from server.web.state import SettingsDep
from server.web.threads import hashes_passwords

router = GuardedRouter(prefix="/tokens", include_in_schema=False)


@router.get("")
def tokens_page(request: Request, principal: SignedInDep, db: ReadDBDep) -> Response:
    """One's own tokens."""
    tokens = service.listed(db, now(), account_id=principal.account_id)
    return render(request, "tokens/tokens.html", {"tokens": tokens, "is_everybody": False})


@router.get("/everybody")
def everybody_page(request: Request, _: AdminDep, db: ReadDBDep) -> Response:
    """The tokens of all accounts."""
    tokens = service.listed(db, now())
    return render(request, "tokens/tokens.html", {"tokens": tokens, "is_everybody": True})


@router.get("/new")
def new_token_page(request: Request, principal: SignedInDep) -> Response:
    """The empty form."""
    return _form(request, principal, TokenForm(), {})


@router.post("/new")
@hashes_passwords
def create_token(
    request: Request,
    principal: SignedInDep,
    database: DatabaseDep,
    settings: SettingsDep,
    origin: OriginDep,
    form: Annotated[TokenForm, Form()],
) -> Response:
    """Make a token after the password was asked for, and show it this once."""
    try:
        wanted = TokenCreate.model_validate(form.model_dump(exclude={"password"}))
    except ValidationError as exc:
        return _form(request, principal, form, _unfit(request, exc))
    at = now()
    try:
        check_password(
            database,
            settings,
            account_id=principal.account_id,
            password=form.password,
            token=origin.token,
            at=at,
        )
    except (InvalidError, TooManyAttemptsError) as exc:
        return _form(request, principal, form, {"password": _password_words(request, exc)})
    try:
        with database.transaction() as db:
            token, text = service.create(
                db, wanted, principal=principal, sign_in=origin.token, at=at
            )
    except (InvalidError, ConflictError) as exc:
        words = problem_text(request_translator(request), exc)
        return _form(request, principal, form, {"form": words})
    return render(request, "tokens/shown.html", {"token": token, "text": text}, status_code=201)


@router.get("/{token_id}/revoke")
def revoke_page(
    request: Request, token_id: uuid.UUID, principal: SignedInDep, db: ReadDBDep
) -> Response:
    """Ask whether a token is to be revoked."""
    token = service.get_token(db, token_id, principal=principal)
    context = {"token": token, "back": _list_of(db, principal, token_id)}
    return render(request, "tokens/revoke.html", context)


@router.post("/{token_id}/revoke")
def revoke_token(token_id: uuid.UUID, principal: SignedInDep, db: DBDep) -> Response:
    """Revoke it."""
    service.revoke(db, token_id, principal=principal, at=now())
    return see_other(_list_of(db, principal, token_id))


def _list_of(db: Session, principal: Principal, token_id: uuid.UUID) -> str:
    """Return the page whose list the token is in: one's own, or everybody's."""
    token = service.get_token(db, token_id, principal=principal)
    return "/tokens" if token.account_id == principal.account_id else "/tokens/everybody"


def _form(
    request: Request, principal: Principal, form: TokenForm, problems: dict[str, str]
) -> Response:
    t = request_translator(request)
    context = {
        "form": form,
        "problems": problems,
        "areas": by_area(offered_to(principal.role)),
        "lifetimes": [(str(one), t("tokens.days_value", days=one)) for one in LIFETIMES_DAYS],
    }
    status_code = 400 if problems else 200
    return render(request, "tokens/new.html", context, status_code=status_code)


def _unfit(request: Request, exc: ValidationError) -> dict[str, str]:
    """Return the words for each field that cannot be read."""
    t = request_translator(request)
    fields = {str(one["loc"][0]) for one in exc.errors(include_input=False)}
    return {name: t(f"tokens.unfit.{name}") for name in sorted(fields)}


def _password_words(request: Request, exc: ServerError) -> str:
    if isinstance(exc, TooManyAttemptsError):
        return locked_words(request, exc)
    return request_translator(request)("accounts.password.wrong_password")
