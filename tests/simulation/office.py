"""The school's office: it works through a server, and does again what a restore undid."""

from datetime import datetime

from sqlalchemy.exc import OperationalError

from server.errors import ServerError
from tests.simulation.errors import Suspended
from tests.simulation.school import OfficeAction, School
from tests.simulation.server_host import ServerHost
from tests.simulation.world import World

_TRY_AGAIN_S = 60.0


class Office:
    """Carries actions out on a server that is up, and keeps a list of them."""

    def __init__(self, world: World, servers: list[ServerHost], school: School) -> None:
        self._world = world
        self._servers = servers
        self._done: list[tuple[datetime, str, OfficeAction]] = []
        self.school = school
        self.revoked: set[str] = set()

    def do(self, name: str, action: OfficeAction) -> None:
        """Carry an action out now, or as soon as a server is up."""
        server = next((one for one in self._servers if one.is_up), None)
        if server is None or not server.step(lambda: _commit(server, action)):
            self._world.later(_TRY_AGAIN_S, name, lambda: self.do(name, action))
            return
        self._world.note(f"office: {name}")
        self._done.append((self._world.now, name, action))
        server.poke()

    def do_again_after(self, moment: datetime) -> None:
        """Repeat what was done after a moment: a restore of the database undid it."""
        undone = [(name, action) for at, name, action in self._done if at > moment]
        self._done = [one for one in self._done if one[0] <= moment]
        for name, action in undone:
            self.do(name, action)


def _commit(server: ServerHost, action: OfficeAction) -> None:
    fuse, server.fuse = server.fuse, None  # an office clerk sees that it failed and repeats it
    try:
        with server.database.transaction() as db:
            action(db)
    except OperationalError as exc:
        raise Suspended from exc  # the disk is full: the clerk tries again later
    except ServerError as exc:
        server.world.note(f"office refused: {exc}")
    finally:
        server.fuse = fuse
