"""When a kiosk that replays a clip has done its work, and with which exit status."""

from dataclasses import dataclass

DELIVERED = 0
FAILED = 1
EVENTS_REMAIN = 3
NEVER_READY = 4
REVOKED = 5
KEY_REFUSED = 6

_LINGER_S = 1.5


@dataclass(slots=True)
class Ending:
    """Watches for the end of a replay.

    Attributes:
        timeout_s: how long events may take to be delivered, and the kiosk to get ready.
        started_s: monotonic.
    """

    timeout_s: float
    started_s: float
    _over_since_s: float | None = None
    _broken_since_s: float | None = None
    _well_since_s: float | None = None

    def not_ready(self, now_s: float) -> int | None:
        """The exit status when the kiosk has not become ready in time, else None."""
        return NEVER_READY if now_s - self.started_s > self.timeout_s else None

    def unreadable(self, now_s: float, *, is_broken: bool) -> int | None:
        """The exit status when the clip cannot be read, else None. Asked again and again.

        A clip may break off once and be read from its beginning. One that breaks off anew within
        the timeout is as unreadable as one that cannot be opened.

        Args:
            now_s: monotonic.
            is_broken: the clip gives no pictures now, although it is not over.
        """
        if is_broken:
            self._well_since_s = None
            if self._broken_since_s is None:
                self._broken_since_s = now_s
            return NEVER_READY if now_s - self._broken_since_s > self.timeout_s else None
        if self._well_since_s is None:
            self._well_since_s = now_s
        if now_s - self._well_since_s > self.timeout_s:
            self._broken_since_s = None
        return None

    def after_replay(
        self, now_s: float, *, is_over: bool, is_idle: bool, undelivered: int
    ) -> int | None:
        """The exit status when it is time to end, else None.

        Args:
            now_s: monotonic.
            is_over: the clip came to its end.
            is_idle: nobody is being served.
            undelivered: events not at the server: waiting, refused or not even stored.
        """
        if not is_over:
            return None
        if self._over_since_s is None:
            self._over_since_s = now_s
        over_s = now_s - self._over_since_s
        if is_idle and undelivered == 0 and over_s >= _LINGER_S:
            return DELIVERED
        return EVENTS_REMAIN if over_s > self.timeout_s else None
