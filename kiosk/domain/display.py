"""What is on the screen, and what waits for it: every result is up long enough to be read."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from kiosk.domain.events import EventDraft
from kiosk.domain.marks import Mark
from kiosk.domain.screens import Looking, NotRecognised, ProveAlive, Ready, Screen, Welcome

_MAX_WAITING = 8
_KEPT = 8
COVERED_S = 4.0
"""An answer that something else covered for longer is not shown any more: its person has gone."""
_GRACE_S = 0.5
"""A tap on "Not me" may be on its way for so long after the offer ended."""


@dataclass(frozen=True, slots=True)
class Offer:
    """What a tap on "Not me" takes back.

    Attributes:
        mark: that is on screen.
        draft: of the scan that led to it.
        earlier: the mark this person already had in the lesson; it may have been right.
        is_recorded: whether the scan itself is an event on disk.
        others: earlier events of this answer; they are taken back with the mark.
    """

    mark: Mark
    draft: EventDraft
    earlier: Mark | None = None
    is_recorded: bool = True
    others: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Result:
    """An answer to one face.

    Attributes:
        screen: what to show.
        track_id: whose answer it is.
        offer: what "Not me" would take back; None where it is not offered.
        person_id: who it is about; empty where that is nobody known.
    """

    screen: Screen
    track_id: int
    offer: Offer | None = None
    person_id: str = ""


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A result whose turn has not come.

    Attributes:
        since_s: when it was given.
        was_covered: whether something else was in front of the display then.
    """

    result: Result
    since_s: float
    was_covered: bool


class Display:
    """One screen at a time. Used by one thread; all times are monotonic seconds.

    Several people may be answered at once: what they did is on disk by then, and their results
    take turns here, each at least ``hold_s``.

    Args:
        ready: shown while nobody is there.
        hold_s: a result is not covered by another face's screen before this.
        looking_s: Looking ends when nothing was heard of the face for so long.
        now_s: the time.
        stands: whether what an answer offers to take back is still so; it is not shown otherwise.

    Attributes:
        screen: what is shown.
        is_covered: something else is in front of it: results wait until it is gone.
    """

    def __init__(
        self,
        ready: Ready,
        *,
        hold_s: float,
        looking_s: float,
        now_s: float,
        stands: Callable[[Offer], bool] = lambda _offer: True,
    ) -> None:
        self.screen: Screen = ready
        self._ready = ready
        self._hold_s = hold_s
        self._looking_s = looking_s
        self._stands = stands
        self._track_id = -1
        self._since_s = now_s
        self.is_covered = False
        self._cover_s: float | None = None
        self._waiting: deque[_Waiting] = deque(maxlen=_MAX_WAITING)
        self._shown: deque[tuple[Result, float]] = deque(maxlen=_KEPT)

    def answer(self, result: Result, now_s: float) -> None:
        """Show a result now, or in its turn."""
        if self.is_covered or self._is_held_against(result.track_id, now_s):
            self._waiting.append(_Waiting(result, now_s, self.is_covered))
        else:
            self._put(result, now_s)

    def look(self, looking: Looking | ProveAlive, track_id: int, now_s: float) -> None:
        """Show that a face is looked at, or what is asked of it, unless a result is being read."""
        is_free = not self._shows_result() or track_id != self._track_id
        if is_free and not self._waiting and not self._is_held_against(track_id, now_s):
            self._replace(looking, track_id, now_s)

    def nobody(self, now_s: float) -> None:
        """Nobody is in view: results stay, Looking goes."""
        if isinstance(self.screen, Looking | ProveAlive):
            self._replace(self._ready, -1, now_s)

    def turn(self, ready: Ready, now_s: float, *, stay_s: float) -> None:
        """Let time pass.

        Args:
            ready: what is shown from now on while nobody is there.
            now_s: the time.
            stay_s: a result stays so long when nothing else comes.
        """
        self._ready = ready
        age_s = now_s - self._since_s
        if self.is_covered:
            self._begin_cover(now_s)
            return
        self._end_cover(now_s)
        self._forget_what_is_old(now_s)
        if self._waiting and (not self._shows_result() or age_s >= self._hold_s):
            self._put(self._waiting.popleft().result, now_s)
        elif self._is_over(age_s, stay_s) or self._is_refuted():
            self._replace(ready, -1, now_s)
        elif isinstance(self.screen, Ready):
            self.screen = ready

    def offered(self, answer_id: str, now_s: float, offer_s: float) -> Result | None:
        """The result whose "Not me" was tapped, if the tap came in time.

        Args:
            answer_id: of its Welcome; empty for that on screen.
            now_s: the time.
            offer_s: how long "Not me" is offered.
        """
        for result, shown_s in reversed(self._shown):
            if result.offer is None or not self._is_meant(result, answer_id):
                continue
            grace_s = _GRACE_S if answer_id else 0.0
            return result if now_s - shown_s < offer_s + grace_s else None
        return None

    def take_back(
        self, result: Result, screen: Screen, now_s: float, offer: Offer | None = None
    ) -> None:
        """Show what a tap on a result led to, with its own offer; the tap counts once."""
        self._shown = deque((kept for kept in self._shown if kept[0] is not result), maxlen=_KEPT)
        person_id = result.person_id if offer is not None else ""
        self._put(Result(screen, result.track_id, offer, person_id), now_s)

    def shows(self, person_id: str) -> bool:
        """Whether the result on screen is about this person."""
        result = self._shown[-1][0] if self._shown else None
        return result is not None and result.screen is self.screen and result.person_id == person_id

    def is_free_for(self, track_id: int, now_s: float) -> bool:
        """Whether no other face's result is being read or waits."""
        return not self._waiting and not self._is_held_against(track_id, now_s)

    def drop_unsure(self, person_id: str) -> None:
        """Drop what waits to tell a person that the face did not do: it is marked now."""
        kept = (
            one
            for one in self._waiting
            if one.result.person_id != person_id or not isinstance(one.result.screen, NotRecognised)
        )
        self._waiting = deque(kept, maxlen=_MAX_WAITING)

    def _begin_cover(self, now_s: float) -> None:
        """Something came in front: what waits grows old from now on."""
        if self._cover_s is None:
            self._cover_s = now_s
            covered = (_Waiting(one.result, now_s, was_covered=True) for one in self._waiting)
            self._waiting = deque(covered, maxlen=_MAX_WAITING)

    def _end_cover(self, now_s: float) -> None:
        """What was in front is gone; the person of an answer behind it has gone too by now."""
        since_s, self._cover_s = self._cover_s, None
        if since_s is not None and now_s - since_s > COVERED_S:
            self._shown.clear()
            if self._shows_result():
                self._replace(self._ready, -1, now_s)

    def _forget_what_is_old(self, now_s: float) -> None:
        """Drop answers whose people have gone, and those that are no longer so."""
        kept = (
            one
            for one in self._waiting
            if not (one.was_covered and now_s - one.since_s > COVERED_S)
            if one.result.offer is None or self._stands(one.result.offer)
        )
        self._waiting = deque(kept, maxlen=_MAX_WAITING)

    def _is_refuted(self) -> bool:
        """Whether the answer on screen is no longer so."""
        result = self._shown[-1][0] if self._shown else None
        if result is None or result.screen is not self.screen or result.offer is None:
            return False
        return not self._stands(result.offer)

    def _is_meant(self, result: Result, answer_id: str) -> bool:
        if not answer_id:
            return result.screen is self.screen
        return isinstance(result.screen, Welcome) and result.screen.answer_id == answer_id

    def _put(self, result: Result, now_s: float) -> None:
        self._replace(result.screen, result.track_id, now_s)
        self._shown.append((result, now_s))

    def _replace(self, screen: Screen, track_id: int, now_s: float) -> None:
        self.screen, self._track_id, self._since_s = screen, track_id, now_s

    def _shows_result(self) -> bool:
        return not isinstance(self.screen, Ready | Looking | ProveAlive)

    def _is_held_against(self, track_id: int, now_s: float) -> bool:
        """Whether the result on screen must stay: it is another face's and not read yet."""
        is_others = self._shows_result() and track_id != self._track_id
        return is_others and now_s - self._since_s < self._hold_s

    def _is_over(self, age_s: float, stay_s: float) -> bool:
        if isinstance(self.screen, Looking | ProveAlive):
            return age_s >= self._looking_s
        return self._shows_result() and age_s >= stay_s
