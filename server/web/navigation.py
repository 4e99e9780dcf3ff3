"""The entries of the main menu, the groups that they stand in, and who sees each."""

from collections.abc import Collection
from dataclasses import dataclass
from functools import cache

from server.web.principal import Principal, Role


@dataclass(frozen=True)
class NavigationEntry:
    """One entry of the main menu.

    Attributes:
        path: where it leads.
        text_key: its words, a key of the translations.
        icon: name of a symbol in the icon sprite.
        roles: who sees it, besides admins.
    """

    path: str
    text_key: str
    icon: str
    roles: frozenset[Role]


_EVERYONE = frozenset(Role)
_OFFICE = frozenset({Role.OFFICE})
_SCHOOL = frozenset({Role.OFFICE, Role.TEACHER})
_WATCHERS = frozenset({Role.OFFICE, Role.TECHNICIAN, Role.DPO})

ENTRIES = (
    NavigationEntry("/", "layout.nav.today", "today", _EVERYONE),
    NavigationEntry("/lessons", "layout.nav.lessons", "lesson", _EVERYONE),
    NavigationEntry("/timetable", "timetable.timetable", "timetable", _SCHOOL),
    NavigationEntry("/absences", "layout.nav.absences", "absence", _OFFICE),
    NavigationEntry("/reports", "layout.nav.reports", "reports", _SCHOOL),
    NavigationEntry("/recognitions", "layout.nav.recognitions", "recognitions", _SCHOOL),
    NavigationEntry("/on-site", "layout.nav.on_site", "on_site", _SCHOOL),
    NavigationEntry("/people", "layout.nav.people", "people", frozenset({Role.OFFICE, Role.DPO})),
    NavigationEntry("/courses", "layout.nav.courses", "course", _OFFICE),
    NavigationEntry("/rooms", "layout.nav.rooms", "room", _OFFICE),
    NavigationEntry("/imports", "layout.nav.imports", "upload", _OFFICE),
    NavigationEntry("/kiosks", "layout.nav.kiosks", "kiosk", _WATCHERS),
    NavigationEntry("/quarantine", "layout.nav.quarantine", "warning", _WATCHERS),
    NavigationEntry("/policy", "layout.nav.policy", "policy", frozenset({Role.DPO})),
    NavigationEntry("/accuracy", "layout.nav.accuracy", "accuracy", frozenset({Role.DPO})),
    NavigationEntry("/models", "layout.nav.models", "models", frozenset({Role.DPO})),
    NavigationEntry("/jobs", "layout.nav.jobs", "jobs", frozenset({Role.OFFICE, Role.DPO})),
    NavigationEntry("/audit", "layout.nav.audit", "audit", frozenset({Role.DPO})),
    NavigationEntry("/school", "layout.nav.school", "school", frozenset()),
    NavigationEntry("/users", "layout.nav.users", "users", frozenset()),
)

#: The groups of the menu, by the key of their headings; the first one has none.
_GROUPS = (
    ("", ("/",)),
    (
        "layout.group.registers",
        ("/lessons", "/timetable", "/absences", "/reports", "/recognitions", "/on-site"),
    ),
    ("layout.group.people", ("/people", "/courses", "/rooms", "/imports")),
    ("layout.group.devices", ("/kiosks", "/quarantine")),
    (
        "layout.group.system",
        ("/policy", "/accuracy", "/models", "/jobs", "/audit", "/school", "/users"),
    ),
)
#: Groups that a long menu folds, unless the page belongs to them.
_FOLDED = frozenset({"layout.group.devices", "layout.group.system"})
_LONG_MENU = 15


@dataclass(frozen=True)
class NavigationGroup:
    """Entries of the menu under one heading.

    Attributes:
        text_key: its heading, a key of the translations; empty for none.
        entries: in order.
        folds: whether its entries are shown when asked for, as the menu is long.
    """

    text_key: str
    entries: tuple[NavigationEntry, ...]
    folds: bool

    def holds(self, here: Collection[str]) -> bool:
        """Whether the page that is shown belongs to an entry of this group."""
        return any(entry.path in here for entry in self.entries)


def groups_for(principal: Principal | None) -> tuple[NavigationGroup, ...]:
    """Return the menu of one account in groups; see `entries_for`."""
    return _grouped(entries_for(principal))


def entries_for(principal: Principal | None) -> tuple[NavigationEntry, ...]:
    """The menu of one account; empty where nobody is signed in, or a step of it is missing."""
    if principal is None or principal.step is not None:
        return ()
    return _entries_of(principal.role)


def entries_at(path: str) -> tuple[str, ...]:
    """The paths of the entries that a page belongs to."""
    return tuple(
        one.path
        for one in ENTRIES
        if path == one.path or (one.path != "/" and path.startswith(one.path))
    )


@cache
def _grouped(entries: tuple[NavigationEntry, ...]) -> tuple[NavigationGroup, ...]:
    is_long = len(entries) >= _LONG_MENU
    found = (
        NavigationGroup(
            key, tuple(e for e in entries if e.path in paths), is_long and key in _FOLDED
        )
        for key, paths in _GROUPS
    )
    return tuple(one for one in found if one.entries)


@cache
def _entries_of(role: Role) -> tuple[NavigationEntry, ...]:
    return tuple(e for e in ENTRIES if role is Role.ADMIN or role in e.roles)
