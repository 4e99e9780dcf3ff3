"""What the register's form sends."""

from typing import Annotated

from pydantic import BaseModel, StringConstraints

Text = Annotated[str, StringConstraints(strip_whitespace=True, max_length=600)]


class CorrectionForm(BaseModel):
    """Somebody's status, and why."""

    status: Text = ""
    reason: Text = ""


class ErasureForm(BaseModel):
    """The erasure page's form, before anything about it is checked."""

    student_number: str = ""
    reason: str = ""
