"""The form of a room's or a course's policy: each setting follows the school or has its own."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from server.errors import MalformedError
from server.policies import forms
from server.policies.effective import Own, PolicySet
from server.policies.forms import Setting
from server.policies.schemas import SchoolPolicy
from server.policies.scopes import PolicyPlace, Scope, may_differ
from server.policies.service import Version


@dataclass(frozen=True)
class SettingChange:
    """What a version changed in one setting.

    Attributes:
        before: as the form shows it; None where the room or course had no own value.
        after: the same, since then.
    """

    setting: Setting
    before: str | None
    after: str | None


@dataclass(frozen=True)
class OwnLine:
    """One setting as the page shows it.

    Attributes:
        is_own: whether the room or course has an own value, or the form asks for one.
        value: what the field holds.
        school: what the school has.
        in_force: what holds in the room or course now.
        source: where that comes from.
        elsewhere: for a course, rooms of it in which another value holds, each with its name.
        problem: key of what is wrong with the typed value.
    """

    setting: Setting
    is_own: bool
    value: str
    school: str
    in_force: str
    source: Scope
    elsewhere: tuple[tuple[str, str], ...] = ()
    problem: str = ""


@cache
def settings_of(scope: Scope) -> tuple[Setting, ...]:
    """Return the settings that rooms, or courses, may have of their own, in their order."""
    return tuple(one for one in forms.SETTINGS if may_differ(scope, one.group, one.name))


def read_own(form: Mapping[str, str], school: SchoolPolicy, scope: Scope) -> Own:
    """Return what a form asks for: only settings that are marked as own count.

    Raises:
        MalformedError: it has a field that is no setting of rooms, or of courses.
        PolicyRefusedError: a value is missing or out of range.
    """
    settings = {one.name: one for one in settings_of(scope)}
    chosen = chosen_names(form)
    unknown = (form.keys() - settings.keys() - {"version", "own"}) | (chosen - settings.keys())
    if unknown:
        fields = [{"field": name, "problem": "unknown"} for name in sorted(unknown)]
        raise MalformedError(fields=fields)
    wanted = forms.read({name: form[name] for name in chosen if name in form}, school)
    document = wanted.model_dump(mode="json")
    own: dict[str, dict[str, Any]] = {}
    for name, setting in settings.items():
        if name in chosen:
            own.setdefault(setting.group, {})[name] = document[setting.group][name]
    return own


def chosen_names(form: Mapping[str, str]) -> set[str]:
    """Return the settings that a form marks as own."""
    return {name for name in form.get("own", "").split(",") if name}


def own_form(policies: PolicySet, place: PolicyPlace) -> dict[str, str]:
    """Return the form of what a room or course has now."""
    own = policies.own_of(place)
    values = policies.of(place).policy
    settings = settings_of(place.scope)
    fields = {one.name: one.text_in(values) for one in settings}
    return fields | {
        "own": ",".join(one.name for one in settings if one.name in own.get(one.group, {}))
    }


def own_lines(
    policies: PolicySet,
    place: PolicyPlace,
    form: Mapping[str, str],
    *,
    problems: Mapping[str, str],
    rooms: Mapping[str, SchoolPolicy],
) -> list[OwnLine]:
    """Return the lines of the page.

    Args:
        policies: in force.
        place: the room or course.
        form: what the fields hold.
        problems: keys of what is wrong with typed values, by name.
        rooms: for a course, what holds for it in rooms with their own settings, by room name.
    """
    found = policies.of(place)
    chosen = chosen_names(form)
    lines = []
    for one in settings_of(place.scope):
        in_force = one.text_in(found.policy)
        there = ((name, one.text_in(policy)) for name, policy in rooms.items())
        lines.append(
            OwnLine(
                one,
                is_own=one.name in chosen,
                value=form.get(one.name, in_force),
                school=one.text_in(policies.school),
                in_force=in_force,
                source=found.source(one.group, one.name),
                elsewhere=tuple((name, text) for name, text in there if text != in_force),
                problem=problems.get(one.name, ""),
            )
        )
    return lines


def version_changes(version: Version) -> list[SettingChange]:
    """Return what a version changed, of the school's settings or of one room's or course's."""
    place = version.place
    if place is None:
        changed = forms.changes(version.before.school, version.policies.school)
        return [SettingChange(*one) for one in changed]
    before, after = version.before.own_of(place), version.policies.own_of(place)
    pairs = [(one, _text(one, before), _text(one, after)) for one in settings_of(place.scope)]
    return [SettingChange(*one) for one in pairs if one[1] != one[2]]


def _text(setting: Setting, own: Own) -> str | None:
    values = own.get(setting.group, {})
    return setting.text_of(values[setting.name]) if setting.name in values else None
