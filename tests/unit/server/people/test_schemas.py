"""What names and numbers a person may have."""

import pytest
from pydantic import ValidationError

from server.people.schemas import ConsentCreate, PersonCreate

NAMES = {"student_number": "S9", "given_name": "Ada", "family_name": "Byron"}


def _problems(body: dict[str, str]) -> list[tuple[tuple[int | str, ...], str]]:
    with pytest.raises(ValidationError) as refused:
        PersonCreate.model_validate(body)
    return [(one["loc"], one["type"]) for one in refused.value.errors()]


@pytest.mark.parametrize("field", [*NAMES, "display_name"])
@pytest.mark.parametrize("character", ["\u202e", "\u2066", "\u0007", "\n", "\ufffe"])
def test_characters_that_mislead_are_refused(field: str, character: str) -> None:
    body = NAMES | {field: f"a{character}b"}
    assert _problems(body) == [((field,), "misleading_character")]


@pytest.mark.parametrize(
    "nothing",
    [
        *["", " ", "\u200b", "\u2060\u00ad", "\u3164"],
        *["\u2800", "\u0301", "\ufffc", "\u00a0\u2800\u3000", "-", "'", "\u2026", "\ufffd"],
    ],
)
def test_a_name_and_a_number_have_a_letter_or_a_digit(nothing: str) -> None:
    body = {"student_number": nothing, "given_name": f"\u200b{nothing}"}
    assert _problems(body) == [
        (("student_number",), "string_too_short"),
        (("given_name",), "string_too_short"),
    ]


@pytest.mark.parametrize("name", ["\u674e", "X", "\u02bbOkina", "\u0e01", "\u0905", "4", "D'"])
def test_one_letter_or_digit_is_enough(name: str) -> None:
    made = PersonCreate(student_number=name, given_name=name)
    assert (made.student_number, made.given_name) == (name, name)


def test_a_person_has_at_least_one_name() -> None:
    assert _problems({"student_number": "1", "given_name": " "}) == [((), "name_missing")]
    assert PersonCreate(student_number="1", family_name="Sukarno").given_name == ""


def test_names_are_kept_composed_and_trimmed() -> None:
    person = PersonCreate(student_number="1", given_name=" Jose\u0301\n")
    assert person.given_name == "José"


def test_a_name_is_measured_as_it_is_kept() -> None:
    longest = NAMES | {"given_name": "e\u0301" * 80}
    assert len(PersonCreate.model_validate(longest).given_name) == 80
    longer = NAMES | {"given_name": "e\u0301" * 81}
    assert _problems(longer) == [(("given_name",), "string_too_long")]


def test_who_gave_consent_is_a_name_too() -> None:
    with pytest.raises(ValidationError, match="direction of text"):
        ConsentCreate.model_validate(
            {"given_by": "A\u202eB", "role": "parent", "text_version": "1"}
        )
