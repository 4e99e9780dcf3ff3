"""The policy's form: every setting with its range, read from the protocol's own schema."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from functools import cache
from typing import Any, Literal, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from server.errors import MalformedError
from server.policies import service
from server.policies.schemas import SchoolPolicy

Kind = Literal["rate", "number", "choice", "several"]
_SMALLEST = 0.001
_DISTANCES = frozenset({"fixed_distance", "limit_ceiling", "minimum_margin"})
#: What a rate may be chosen as, from seldom to often.
RATES = (1e-6, 1e-5, 1e-4, 1e-3, 1e-2)


@dataclass(frozen=True)
class Setting:
    """One setting of the form.

    Attributes:
        group: attribute of `SchoolPolicy` that holds it.
        name: attribute of the group, and the field's name.
        kind: how it is entered; several: any number of the options.
        options: of a choice.
        is_optional: whether it may be left empty.
        step: of a number.
        is_detail: whether it is a distance, which only experts set.
    """

    group: str
    name: str
    kind: Kind = "number"
    options: tuple[str, ...] = ()
    is_optional: bool = False
    step: str = "1"
    is_detail: bool = False

    def value_in(self, policy: SchoolPolicy) -> Any:
        """What the policy says."""
        return getattr(getattr(policy, self.group), self.name)

    def text_in(self, policy: SchoolPolicy) -> str:
        """The same as the form shows it."""
        return self.text_of(self.value_in(policy))

    def text_of(self, value: Any) -> str:
        """A value of it, as the form shows it."""
        if isinstance(value, tuple | list):
            return ",".join(one for one in self.options if one in value)
        return "" if value is None else plain(value)


def _settings() -> Iterator[Setting]:
    """Read every setting, in its order, from the schema of the policy itself."""
    for group, field in SchoolPolicy.model_fields.items():
        part = field.annotation
        if isinstance(part, type) and issubclass(part, BaseModel):
            for name, one in part.model_fields.items():
                if one.annotation is not None:
                    yield _setting(group, name, one)


def _setting(group: str, name: str, field: FieldInfo) -> Setting:
    extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
    options = extra.get("options")
    choices = tuple(map(str, options)) if isinstance(options, list) else ()
    if not choices and isinstance(field.default, StrEnum):
        choices = tuple(one.value for one in type(field.default))
    if field.annotation is bool:
        choices = ("true", "false")
    is_fraction = "float" in str(field.annotation)
    kind: Kind = "choice" if choices else "rate" if extra.get("kind") == "rate" else "number"
    return Setting(
        group,
        name,
        "several" if get_origin(field.annotation) is tuple else kind,
        choices,
        is_optional=field.default is None,
        step="any" if is_fraction else "1",
        is_detail=name in _DISTANCES,
    )


#: Every setting there is: one that is added to the schema has its place on the page.
SETTINGS = tuple(_settings())


class PolicyRefusedError(Exception):
    """The form cannot be a policy.

    Attributes:
        problems: names of the settings that cannot be, each with a key of its words.
    """

    def __init__(self, problems: Mapping[str, str]) -> None:
        super().__init__("the form is not a policy")
        self.problems = dict(problems)


def plain(value: object) -> str:
    """A value as people write it: `0.0001`, not `1e-04`; `5`, not `5.0`."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        digits = f"{Decimal(repr(value)):f}"
        return digits.rstrip("0").rstrip(".") if "." in digits else digits
    return str(value)


@cache
def bounds(setting: Setting) -> tuple[str, str]:
    """Least and most of a number, as the schema says."""
    group: type[BaseModel] = type(getattr(SchoolPolicy(), setting.group))
    schema = group.model_json_schema()["properties"][setting.name]
    number = next(iter(schema.get("anyOf", [schema])))
    least = number.get("minimum", _SMALLEST)
    return plain(least), plain(number.get("maximum", number.get("exclusiveMaximum", 0)))


def refuse_unknown(form: Mapping[str, str]) -> None:
    """Refuse a form with a field that is no setting.

    Raises:
        MalformedError: names the fields.
    """
    known = {"version", *(setting.name for setting in SETTINGS)}
    if unknown := sorted(form.keys() - known):
        raise MalformedError(fields=[{"field": name, "problem": "unknown"} for name in unknown])


def read(form: Mapping[str, str], current: SchoolPolicy) -> SchoolPolicy:
    """The policy that a form asks for; what it does not hold stays as it is.

    Raises:
        PolicyRefusedError: something is missing, out of range, or contradicts the rest.
    """
    document = current.model_dump(mode="json")
    for setting in SETTINGS:
        text = form.get(setting.name, setting.text_in(current)).strip()
        is_list = setting.kind == "several"
        document[setting.group][setting.name] = _words(text) if is_list else text or None
    problems = {
        one.name: "policies.problem.choice"
        for one in SETTINGS
        if one.kind == "choice" and document[one.group][one.name] not in one.options
    } | {
        one.name: "policies.problem.choice"
        for one in SETTINGS
        if one.kind == "several" and not set(document[one.group][one.name]) <= set(one.options)
    }
    try:
        policy = SchoolPolicy.model_validate(document, strict=False)
    except ValidationError as exc:
        out_of_range = {str(one["loc"][1]): "policies.problem.range" for one in exc.errors()}
        raise PolicyRefusedError(out_of_range | problems) from None
    if not service.is_sound(policy):
        problems["wide_fpir"] = "policies.problem.wide"
    if problems:
        raise PolicyRefusedError(problems)
    return policy


def _words(text: str) -> list[str]:
    return [word for word in text.split(",") if word]


def form_values(fields: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return the fields of a form by name; several of one name are joined by commas.

    An empty field stands beside checkboxes, so that none checked is told from none sent.
    """
    found: dict[str, str] = {}
    for name, value in fields:
        found[name] = ",".join(one for one in (found.get(name, ""), value) if one)
    return found


def rebased(form: Mapping[str, str], base: SchoolPolicy, current: SchoolPolicy) -> dict[str, str]:
    """Return a form that began with `base`, updated to the policy in force now.

    Settings that the user changed keep the user's value; all others get the current value.
    """
    values = {}
    for setting in SETTINGS:
        wish = form.get(setting.name, setting.text_in(base)).strip()
        values[setting.name] = wish if wish != setting.text_in(base) else setting.text_in(current)
    return values


def changes(old: SchoolPolicy, new: SchoolPolicy) -> list[tuple[Setting, str, str]]:
    """What differs: the setting, what it was, and what it is."""
    pairs = [(one, one.text_in(old), one.text_in(new)) for one in SETTINGS]
    return [(one, before, after) for one, before, after in pairs if before != after]


def grouped(settings: Iterable[Setting]) -> dict[str, list[Setting]]:
    """Return settings by group, in their order."""
    found: dict[str, list[Setting]] = {}
    for setting in settings:
        found.setdefault(setting.group, []).append(setting)
    return found


def opened_version(form: Mapping[str, str], current: int) -> int:
    """Return the version that a form was opened with; the current one where it says none."""
    text = form.get("version", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else current
