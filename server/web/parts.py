"""Small pieces of HTML that stand in every row or page, made once for equal values.

Templates draw most of them; a piece that names a person is made each time, and never kept.
"""

import uuid
from collections.abc import Callable, Iterable
from datetime import datetime
from functools import lru_cache, partial
from typing import Any, Protocol

from jinja2 import Environment
from markupsafe import Markup, escape

from server.web.today_content import TodayLesson
from server.web.translations import Translator

#: Pieces of one kind that are kept: the lessons of some days, and a few hundred others.
_KEPT = 1024
_TINTS = 6


class FullName(Protocol):
    """Who has the two parts of a name."""

    @property
    def given_name(self) -> str:
        """First name."""

    @property
    def family_name(self) -> str:
        """Last name."""


def add_parts(environment: Environment) -> None:
    """Give templates the pieces, by name."""
    names = ("icon", "badge", "menu", "preferences", "lesson", "search")
    parts = {f"{name}_part": remembered(environment, f"drawn_{name}") for name in names}
    environment.globals.update(parts, avatar_part=avatar, listed_name_part=listed_name)
    environment.globals["lesson_parts"] = partial(_lessons, parts["lesson_part"])


def remembered(environment: Environment, macro: str) -> Callable[..., Markup]:
    """Return a macro of `web/parts.html` that is rendered once for equal values.

    The types of the values count too: text that is safe already equals the same text that is not.
    """

    @lru_cache(maxsize=_KEPT, typed=True)
    def part(*values: Any) -> Markup:
        module = environment.get_template("web/parts.html").module
        return Markup(getattr(module, macro)(*values))  # noqa: S704 - the macro has escaped

    return part


def _lessons(
    part: Callable[..., Markup],
    lessons: Iterable[TodayLesson],
    clock: Callable[[datetime], Markup],
    t: Translator,
) -> Markup:
    """Draw the lessons of the first page, one after the other; a template takes longer."""
    drawn = (part(one, clock(one.starts_at), clock(one.ends_at), t) for one in lessons)
    return Markup().join(drawn)


def avatar(name: str, key: uuid.UUID, size: str = "") -> Markup:
    """Draw initials in a disc, tinted by the person's id: no photo is ever shown."""
    words = name.split()
    initials = "".join(word[0] for word in (words[:1] + words[1:][-1:]))
    # The last digit of the id.
    tint = key.int % 16 % _TINTS
    return Markup(  # noqa: S704 - both are escaped
        f'<span class="avatar avatar-{tint} {escape(size)}" aria-hidden="true">'
        f"{escape(initials)}</span>"
    )


def listed_name(person: FullName) -> Markup:
    """Write a name in a list sorted by family name; a person of one name has no comma."""
    first = escape(person.family_name or person.given_name)
    rest = f", {escape(person.given_name)}" if person.family_name and person.given_name else ""
    return Markup(f"<bdi><strong>{first}</strong>{rest}</bdi>")  # noqa: S704 - both are escaped
