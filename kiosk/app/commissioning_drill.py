"""The offline drill: cuts the links, makes a message meanwhile, and waits until the server has it.

The message is no event. Nobody is marked, and the chain of events stays as it is.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from time import monotonic
from typing import Protocol

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from kiosk.app.commissioning_steps import StepTools, StepWatch, failed, passed, skipped
from kiosk.errors import RefusedError, SyncError, UnreachableError
from protocol.v1.commissioning import CommissionDrill, sign_commissioning, unsigned_signature
from protocol.v1.findings import coded
from protocol.v1.messages import CommissionStep, CommissionStepName, SkipReason

logger = logging.getLogger(__name__)

_NAME = CommissionStepName.OFFLINE_DRILL
_AGAIN_S = 2.0
_SPARE_S = 5.0
"""The cut ends this long after the drill should have ended it."""


class DrillLinks(Protocol):
    """The links of a kiosk at work."""

    @property
    def waiting(self) -> int:
        """Records that the server does not have yet."""
        ...

    def cut(self, seconds: float) -> None:
        """Cut server and broker off."""
        ...

    def restore(self) -> None:
        """End the cut, and deliver what waits."""
        ...

    def send_drill(self, drill: CommissionDrill) -> None:
        """Deliver the message; raises SyncError."""
        ...


@dataclass(frozen=True, slots=True)
class DrillSubject:
    """Whose drill it is."""

    report_id: str
    kiosk_id: str
    key: Ed25519PrivateKey


class OfflineDrill:
    """One drill.

    Args:
        tools: times and the clock.
        links: that are cut.
        subject: whose message is sent.
        monotonic_s: a clock that only grows.
    """

    def __init__(
        self,
        tools: StepTools,
        links: DrillLinks,
        subject: DrillSubject,
        monotonic_s: Callable[[], float] = monotonic,
    ) -> None:
        self._tools = tools
        self._links = links
        self._subject = subject
        self._monotonic_s = monotonic_s

    def run(self, watch: StepWatch) -> CommissionStep:
        """Cut, wait, restore, deliver."""
        tools, links = self._tools, self._links
        offline_s = tools.times.offline_s
        links.cut(offline_s + _SPARE_S)
        try:
            drill = self._message()
            if not self._is_cut_off(drill):
                return failed(tools, _NAME, coded("drill.still_reached"))
            watch.wait(offline_s)
        finally:
            links.restore()
        return self._deliver(drill, watch)

    def _message(self) -> CommissionDrill:
        unsigned = CommissionDrill(
            report_id=self._subject.report_id,
            kiosk_id=self._subject.kiosk_id,
            made_at=self._tools.at(),
            signature=unsigned_signature(),
        )
        return sign_commissioning(unsigned, self._subject.key)

    def _is_cut_off(self, drill: CommissionDrill) -> bool:
        try:
            self._links.send_drill(drill)
        except UnreachableError:
            return True
        except SyncError:
            return False
        return False

    def _deliver(self, drill: CommissionDrill, watch: StepWatch) -> CommissionStep:
        tools, begun_s = self._tools, self._monotonic_s()
        until_s = begun_s + tools.times.back_s
        is_older, is_delivered = False, False
        while not watch.is_ended and self._monotonic_s() < until_s:
            try:
                if not is_delivered:
                    self._links.send_drill(drill)
                    is_delivered = True
            except RefusedError as exc:
                is_older = exc.status == HTTPStatus.NOT_FOUND
                if not is_older:
                    break
                is_delivered = True
            except SyncError as exc:
                logger.debug("drill message not delivered yet: %s", exc)
            if is_delivered and self._links.waiting == 0:
                break
            watch.wait(_AGAIN_S)
        return self._judged(self._monotonic_s() - begun_s, (is_delivered, is_older))

    def _judged(self, back_s: float, state: tuple[bool, bool]) -> CommissionStep:
        tools, (is_delivered, is_older) = self._tools, state
        waiting = self._links.waiting
        offline_s = tools.times.offline_s
        measures = {"offline_s": offline_s, "back_s": round(back_s, 1), "waiting": waiting}
        if not is_delivered:
            return failed(tools, _NAME, coded("drill.not_delivered"), measures)
        if waiting:
            return failed(tools, _NAME, coded("drill.waiting", count=waiting), measures)
        if is_older:
            seen = coded("drill.older_server")
            return skipped(tools.at(), _NAME, SkipReason.NOT_CHECKED, seen)
        seen = coded("drill.good", back_s=f"{back_s:.0f}", offline_s=f"{offline_s:.0f}")
        return passed(tools, _NAME, seen, measures)
