"""What is done with several accounts that were chosen in the list: one page to see, then to act."""

import uuid
from typing import Annotated

from fastapi import Form, Request
from pydantic import Field
from starlette.responses import Response

from server.accounts import administration, administration_bulk
from server.accounts.administration_bulk import accounts_by_name
from server.accounts.schemas import MOST_PASSWORDS
from server.db.dependencies import DBDep, ReadDBDep
from server.web.access import AdminDep
from server.web.pages import render, request_translator
from server.web.problems import problem_text
from server.web.routes import GuardedRouter
from server.web.state import ForgetIneligibleDep
from server.web.strict import StrictInput

router = GuardedRouter(prefix="/users/chosen", include_in_schema=False)
_MOST = 500


class ChosenAccountsForm(StrictInput):
    """Which accounts were chosen."""

    account_id: Annotated[list[uuid.UUID], Field(max_length=_MOST)] = Field(default_factory=list)


@router.post("")
def chosen_accounts_page(
    request: Request,
    principal: AdminDep,
    db: ReadDBDep,
    form: Annotated[ChosenAccountsForm, Form()],
) -> Response:
    """Show which accounts were chosen, and what can be done with them."""
    chosen = accounts_by_name(db, form.account_id)
    unused = {one.id for one in administration.without_sign_in(db)}
    others = [one for one in chosen if one.id != principal.account_id]
    context = {
        "accounts": chosen,
        "active": [one for one in others if one.is_active],
        "unused": [one for one in others if one.id in unused],
        "most_passwords": MOST_PASSWORDS,
    }
    return render(request, "accounts/chosen.html", context)


@router.post("/disable")
def disable_chosen(
    request: Request,
    principal: AdminDep,
    db: DBDep,
    forget: ForgetIneligibleDep,
    form: Annotated[ChosenAccountsForm, Form()],
) -> Response:
    """Disable them, and say who was skipped."""
    outcome = administration_bulk.disable_many(
        db, form.account_id, principal=principal, forget=forget
    )
    t = request_translator(request)
    skipped = accounts_by_name(db, outcome.skipped)
    context = {
        "count": len(outcome.done),
        "skipped": [(one, problem_text(t, outcome.skipped[one.id])) for one in skipped],
    }
    return render(request, "accounts/chosen_done.html", context)
