"""The groups of the main menu."""

from uuid import uuid4

import pytest

from server.web.navigation import ENTRIES, entries_for, groups_for
from server.web.principal import Principal, Role


def _principal(role: Role) -> Principal:
    return Principal(uuid4(), "X", role)


@pytest.mark.parametrize("role", Role)
def test_each_entry_stands_in_one_group(role: Role) -> None:
    principal = _principal(role)
    grouped = [entry.path for group in groups_for(principal) for entry in group.entries]
    assert sorted(grouped) == sorted(entry.path for entry in entries_for(principal))


def test_long_menu_folds_its_last_groups_only() -> None:
    admin = groups_for(_principal(Role.ADMIN))
    assert [group.folds for group in admin] == [False, False, False, True, True]
    assert sum(len(group.entries) for group in admin) == len(ENTRIES)


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.ADMIN])
def test_short_menu_shows_all_of_its_entries(role: Role) -> None:
    assert not any(group.folds for group in groups_for(_principal(role)))


def test_nobody_has_no_menu() -> None:
    assert groups_for(None) == ()
