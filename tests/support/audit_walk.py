"""Call one route after the other, and look whether each left its entry in the audit trail."""

from typing import Any

from sqlmodel import col, select
from starlette.testclient import TestClient

from server.audit.tables import AuditEntry
from server.db.engine import Database
from tests.support.office_desk import OfficeDesk

#: What every form and body that asks for a reason is given.
REASON = {"reason": "It was so"}


class Walk:
    """A client that is signed in and keeps which routes left an entry.

    Attributes:
        covered: method and template of each route that was called.
    """

    def __init__(self, client: TestClient, database: Database) -> None:
        self.client = client
        self.database = database
        self.covered: set[tuple[str, str]] = set()

    def do(
        self,
        method: str,
        route: str,
        action: str,
        *ids: str,
        client: TestClient | None = None,
        **request: Any,
    ) -> Any:
        """Call a route; it must work and leave an entry of an account with this action.

        Args:
            method: of HTTP.
            route: the template of its address.
            action: which entry it must leave.
            ids: for the places of the template, in order.
            client: another one than the admin's.
            request: body or form.
        """
        before = self.newest_seq()
        answer = (client or self.client).request(method, _filled(route, ids), **request)
        assert answer.status_code < 400, (method, route, answer.status_code, answer.text[:400])
        left = [one.action for one in self.since(before) if one.actor.startswith("account:")]
        assert action in left, (method, route, left)
        self.covered.add((method, route))
        return answer

    def newest_seq(self) -> int:
        """Return the number of the newest entry."""
        with self.database.reading() as db:
            query = select(AuditEntry.seq).order_by(col(AuditEntry.seq).desc()).limit(1)
            return db.exec(query).first() or 0

    def since(self, seq: int) -> list[AuditEntry]:
        """Return the entries after one."""
        with self.database.reading() as db:
            return list(db.exec(select(AuditEntry).where(col(AuditEntry.seq) > seq)))


def _filled(route: str, ids: tuple[str, ...]) -> str:
    parts = route.split("/")
    places = [at for at, part in enumerate(parts) if part.startswith("{")]
    for at, value in zip(places, ids, strict=True):
        parts[at] = value
    return "/".join(parts)


class Places:
    """What the walk needs: a small school, and who walks."""

    def __init__(self, walk: Walk, desk: OfficeDesk, teacher: str) -> None:
        self.walk, self.desk, self.teacher = walk, desk, teacher
        self.database = desk.database
