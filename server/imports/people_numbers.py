"""Find the people that the rows of a file mean, by student number."""

from collections.abc import Iterable

from sqlmodel import Session

from server.people.bulk import KnownPerson, numbers_as_typed, people_by_number


class PeopleByNumber:
    """People by the number of a row; one for each run, as it remembers what does not change."""

    def __init__(self) -> None:
        self._as_typed: dict[str, str] | None = None

    def find(self, db: Session, numbers: Iterable[str], *, lock: bool) -> dict[str, KnownPerson]:
        """Return people by number, also those whose number an upgrade kept as it was typed.

        Args:
            db: the caller's.
            numbers: as `comparable_number` returns them.
            lock: lock the people until the commit, as they will be changed.
        """
        if self._as_typed is None:
            self._as_typed = numbers_as_typed(db)
        stored = {number: self._as_typed.get(number, number) for number in numbers}
        known = people_by_number(db, set(stored.values()), lock=lock)
        return {number: known[kept] for number, kept in stored.items() if kept in known}
