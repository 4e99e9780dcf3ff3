"""Pages of long lists: which rows a page shows, and the links to the others."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Generic, TypeVar

from fastapi import Query

Row = TypeVar("Row")
#: Nobody pages further; beyond it the database has no number for the rows before.
LAST_PAGE = 1_000_000
PageNumber = Annotated[int, Query(ge=1, le=LAST_PAGE)]


@dataclass(frozen=True)
class Pager(Generic[Row]):
    """One page of a list.

    Attributes:
        rows: of this page.
        total: how many rows there are on all pages.
        page: from 1.
        size: rows on a full page.
    """

    rows: Sequence[Row]
    total: int
    page: int
    size: int

    @property
    def pages(self) -> int:
        """How many pages there are; at least one."""
        return max(1, -(-self.total // self.size))

    @property
    def first(self) -> int:
        """Number of the first row of this page, from 1."""
        return (self.page - 1) * self.size + 1

    @property
    def last(self) -> int:
        """Number of its last row."""
        return self.first + len(self.rows) - 1

    @property
    def numbers(self) -> list[int | None]:
        """The pages to link to: the first, the last and those around this one; None is a gap."""
        near = range(max(1, self.page - 1), min(self.pages, self.page + 1) + 1)
        wanted = sorted({1, *near, self.pages})
        found: list[int | None] = []
        for number, before in zip(wanted, [0, *wanted], strict=False):
            if number - before > 1:
                found.append(None)
            found.append(number)
        return found


def page_of(rows: Sequence[Row], page: int, size: int) -> Pager[Row]:
    """Return a page of a list that is here as a whole; the last one where the list is shorter."""
    shown = min(page, max(1, -(-len(rows) // size)))
    return Pager(rows[(shown - 1) * size : shown * size], len(rows), shown, size)


def read_page(
    read: Callable[[int, int], tuple[Sequence[Row], int]], page: int, size: int
) -> Pager[Row]:
    """Read a page of a list from the database; the last one where the list is shorter.

    Args:
        read: takes limit and offset; returns rows and the length of the whole list.
        page: from 1.
        size: rows on a page.
    """
    rows, total = read(size, (page - 1) * size)
    found = Pager(rows, total, page, size)
    if page <= found.pages:
        return found
    rows, total = read(size, (found.pages - 1) * size)
    return Pager(rows, total, found.pages, size)
