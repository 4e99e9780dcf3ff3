"""`rollcall-server broker --verify`: try the running broker as a server, a stranger and a kiosk."""

import secrets
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass

from protocol.v1 import topics
from server.certificates.links import Links
from server.certificates.names import reachable
from server.config import Settings
from server.mqtt.accounts import BrokerAccount, BrokerError, DynamicSecurityAccounts
from server.mqtt.mosquitto import CONFIG_NAME, PACKET_LIMIT_BYTES
from server.mqtt.secret import broker_folder, server_password
from server.mqtt.security import RESPONSE_TOPIC, SHARED
from server.mqtt.trial import TrialClient

#: Lines of `server.mqtt.mosquitto.configuration` whose lack would lose or show something.
_EXPECTED = {
    "allow_anonymous false": "refuses clients without a password",
    "persistence true": "keeps sessions and accounts over a restart",
    f"max_packet_size {PACKET_LIMIT_BYTES}": "refuses messages that no kiosk sends",
    "max_queued_messages 10000": "keeps a bounded number of messages",
}


@dataclass(frozen=True)
class Check:
    """One thing that was tried.

    Attributes:
        words: what was found.
        is_passed: whether it is as it should be; None: it could not be tried here.
    """

    words: str
    is_passed: bool | None

    def line(self) -> str:
        """Return it as a line for a person."""
        mark = {True: "ok", False: "FAILED", None: "not checked"}[self.is_passed]
        return f"{mark:<12}{self.words}\n"


def verify_broker(settings: Settings) -> int:
    """Try the running broker, and say in a line each how it is.

    Returns:
        The exit status: 0 where nothing failed.
    """
    found = []
    for check in _checks(Links.of(settings)):
        sys.stdout.write(check.line())
        sys.stdout.flush()
        found.append(check.is_passed)
    return 1 if False in found else 0


def _checks(links: Links) -> Iterator[Check]:
    settings = links.settings
    name = f"{settings.broker_username}-verify-{secrets.token_hex(4)}"
    server = TrialClient(links, name, settings.broker_username, server_password(settings))
    with closing(server):
        reached = _reached(links, server)
        yield reached
        if not reached.is_passed:
            return
        yield _stranger(links, None, "A client without a password")
        yield _stranger(links, secrets.token_hex(8), "A client with a wrong password")
        yield _sharing(server)
        try:
            with _two_kiosks(links, server) as (one, other):
                yield from _as_kiosk(server, one, other)
        except BrokerError as exc:
            yield Check(
                f"The server cannot keep the kiosks' accounts: {exc.message}", is_passed=False
            )
    yield from _file(settings)


def _reached(links: Links, server: TrialClient) -> Check:
    settings = links.settings
    where = f"{reachable(settings.broker_host)}:{settings.broker_port}"
    try:
        is_in = server.connect()
    except OSError as exc:  # errors of TLS are among them
        return Check(
            f"The broker at {where} cannot be reached, or is not trusted: {exc}", is_passed=False
        )
    if not is_in:
        return Check(f"The broker at {where} refuses the server's account.", is_passed=False)
    how = "with TLS; its certificate is trusted" if links.broker_has_tls else "without TLS"
    return Check(f"The server's account is let in at {where}, {how}.", is_passed=True)


def _stranger(links: Links, password: str | None, who: str) -> Check:
    name = f"stranger-{secrets.token_hex(4)}"
    stranger = TrialClient(links, name, name if password else None, password)
    with closing(stranger):
        is_in = stranger.connect()
    return Check(f"{who} is {'let in' if is_in else 'refused'}.", is_passed=not is_in)


def _sharing(server: TrialClient) -> Check:
    if server.subscribe(f"{SHARED}{topics.from_all_kiosks(topics.RESULT)}"):
        return Check("Several servers would share the events.", is_passed=True)
    return Check(
        "This broker cannot share events: each of several servers would store all.", is_passed=None
    )


@contextmanager
def _two_kiosks(links: Links, server: TrialClient) -> Iterator[tuple[TrialClient, TrialClient]]:
    """Make accounts of two kiosks for the block; they are removed after it."""
    server.subscribe(RESPONSE_TOPIC)
    accounts = DynamicSecurityAccounts(server.control)
    names = [f"verify-{secrets.token_hex(8)}" for _ in range(2)]
    kiosks: list[TrialClient] = []
    try:
        for name in names:
            password = secrets.token_urlsafe(32)
            accounts.add(BrokerAccount(name, password, "verify"))
            kiosks.append(TrialClient(links, name, name, password))
        yield kiosks[0], kiosks[1]
    finally:
        for kiosk in kiosks:
            kiosk.close()
        for name in names:
            accounts.remove(name)


def _as_kiosk(server: TrialClient, one: TrialClient, other: TrialClient) -> Iterator[Check]:
    """Try what a kiosk may do. Statuses of unknown kiosks are ignored by servers."""
    if not (one.connect() and other.connect()):
        yield Check("A new kiosk is refused.", is_passed=False)
        return
    own, foreign = topics.status(one.name), topics.status(other.name)
    server.subscribe(topics.from_all_kiosks(topics.STATUS))
    hears_own = one.subscribe(topics.ack(one.name))
    one.subscribe(topics.ack(other.name))
    one.subscribe(f"{topics.ROOT}/#")
    server.publish(topics.ack(other.name), b"foreign")
    server.publish(topics.ack(one.name), b"own")
    heard = one.heard_until(topics.ack(one.name))
    yield Check(
        "A kiosk hears its own topics.",
        is_passed=hears_own and heard[-1:] == [topics.ack(one.name)],
    )
    yield Check("A kiosk hears no other's topics.", is_passed=topics.ack(other.name) not in heard)
    one.publish(foreign, b"forged")  # first: a broker may end the connection for it
    if one.lost.is_set():
        one.connect()
    one.publish(own, b"own")
    written = server.heard_until(own)
    yield Check("A kiosk writes to its own topics.", is_passed=written[-1:] == [own])
    yield Check("A kiosk writes to no other's topics.", is_passed=foreign not in written)
    other.publish(foreign, bytes(PACKET_LIMIT_BYTES + 1))
    one.publish(own, b"after it")
    words = f"Messages over {PACKET_LIMIT_BYTES} bytes are dropped."
    yield Check(words, is_passed=server.heard_until(own) == [own])


def _file(settings: Settings) -> Iterator[Check]:
    path = broker_folder(settings) / CONFIG_NAME
    try:
        lines = set(path.read_text(encoding="utf-8").splitlines())
    except FileNotFoundError:
        yield Check(
            f"Persistence and limits: {path} is not there, so another broker runs.", is_passed=None
        )
        return
    for line, meaning in _EXPECTED.items():
        yield Check(f"{path.name}: `{line}` {meaning}.", is_passed=line in lines)
