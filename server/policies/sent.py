"""What a policy's form sent, as a dependency of its pages."""

from typing import Annotated

from fastapi import Depends, Request

from server.policies.forms import form_values


async def _values(request: Request) -> dict[str, str]:
    form = await request.form(max_fields=100)
    return form_values((key, str(value)) for key, value in form.multi_items())


#: The fields by name; several of one name are joined by commas.
SentForm = Annotated[dict[str, str], Depends(_values)]
