"""The acceptance test on the kiosk's screen: its steps, what to do, and what was found."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import ceil

from PySide6.QtCore import Signal, Slot

from kiosk.domain.commissioning import COMMISSION_STEPS, CommissionView, ReportDelivery
from kiosk.ui.catalogue import Catalogue
from kiosk.ui.presenters.view import ViewPresenter
from protocol.v1.commissioning import CHOSEN_REASONS
from protocol.v1.findings import CodedText
from protocol.v1.messages import CommissionStep, CommissionStepName, StepOutcome

_IDLE_S = 900.0
"""A test that nobody touches closes; what was found stays."""
_TONES = {"passed": "ok", "failed": "fail", "skipped": "skipped"}


@dataclass(frozen=True, slots=True)
class CommissionItem:
    """One step in the list."""

    name: str
    tone: str
    is_current: bool


@dataclass(frozen=True, slots=True)
class ReasonItem:
    """One reason for which a step may be skipped."""

    code: str
    label: str


@dataclass(frozen=True, slots=True)
class CommissioningScreenView:
    """The screen.

    Attributes:
        found: what the step found; empty: nothing yet.
        main: label of the main button; empty: there is none. `action` says what it does.
        second: label of the button beside it; `second_action` says what it does.
        reasons: shown instead of buttons, while a reason is asked for.
    """

    is_open: bool = False
    title: str = ""
    items: tuple[CommissionItem, ...] = ()
    step: str = ""
    body: str = ""
    state: str = ""
    tone: str = "skipped"
    found: str = ""
    fix: str = ""
    main: str = ""
    action: str = ""
    second: str = ""
    second_action: str = ""
    reasons: tuple[ReasonItem, ...] = ()
    ask: str = ""
    close: str = ""


class CommissioningPresenter(ViewPresenter[CommissioningScreenView]):
    """Shows the test and takes its buttons. Lives in the GUI thread.

    Signals:
        begin_wanted, left, run_wanted, go_on_wanted, finish_wanted, start_again_wanted: a button.
        skip_wanted: a reason was chosen (str).
        touched: a person is at it, or a step runs.
    """

    begin_wanted = Signal()
    left = Signal()
    run_wanted = Signal()
    go_on_wanted = Signal()
    finish_wanted = Signal()
    start_again_wanted = Signal()
    skip_wanted = Signal(str)
    touched = Signal()

    def __init__(self, words: Catalogue, *, monotonic_s: Callable[[], float]) -> None:
        super().__init__(CommissioningScreenView(), words)
        self._monotonic_s = monotonic_s
        self._shown = CommissionView()
        self._is_open = False
        self._asks_reason = False
        self._touched_s = 0.0

    def show(self, shown: CommissionView) -> None:
        """Show how far the test is."""
        if shown.current != self._shown.current or shown.is_running:
            self._asks_reason = False
        if shown != self._shown:
            self._touch()
        self._shown = shown
        self._draw()

    def use_words(self, words: Catalogue) -> None:
        """See ``ViewPresenter.use_words``."""
        super().use_words(words)
        self._draw()

    def tick(self) -> None:
        """Keep the screen open while the test is; close one that nobody touches."""
        if not self._is_open:
            return
        if self._monotonic_s() - self._touched_s > _IDLE_S and not self._shown.is_running:
            self.close()
        else:
            self.touched.emit()

    @Slot()
    def open(self) -> None:
        """Begin, or go on where it stopped."""
        if not self._is_open:
            self._is_open, self._asks_reason = True, False
            self._touch()
            self._draw()
            self.begin_wanted.emit()

    @Slot()
    def close(self) -> None:
        """Go back; what was found stays."""
        if self._is_open:
            self._is_open = False
            self._draw()
            self.left.emit()

    @Slot(str)
    def press(self, action: str) -> None:
        """Do what a button says."""
        self._touch()
        if action == "skip":
            self._asks_reason = True
            self._draw()
        elif action == "back":
            self._asks_reason = False
            self._draw()
        elif action in _ACTIONS:
            getattr(self, _ACTIONS[action]).emit()

    @Slot(str)
    def choose(self, reason: str) -> None:
        """Skip the step for this reason."""
        self._touch()
        self._asks_reason = False
        self.skip_wanted.emit(reason)
        self._draw()

    def _touch(self) -> None:
        self._touched_s = self._monotonic_s()

    def _draw(self) -> None:
        if self._is_open:
            self.replace(commissioning_view(self._shown, self._words, self._asks_reason))
        else:
            self.replace(CommissioningScreenView())


_ACTIONS = {
    "run": "run_wanted",
    "go_on": "go_on_wanted",
    "finish": "finish_wanted",
    "start_again": "start_again_wanted",
}


def commissioning_view(
    shown: CommissionView,
    words: Catalogue,
    asks_reason: bool,
) -> CommissioningScreenView:
    """Put the test into words."""
    view = CommissioningScreenView(
        is_open=True,
        title=words("commission.title"),
        items=_items(shown, words),
        close=words("tech.close"),
    )
    if shown.progress is None:
        return replace(view, step=view.title, found=_in_words(shown.problem, words).words)
    if shown.current is None:
        return _end(view, shown, words)
    return _step(view, shown, words, asks_reason=asks_reason)


def _items(shown: CommissionView, words: Catalogue) -> tuple[CommissionItem, ...]:
    if shown.progress is None:
        return ()
    results = ((name, shown.progress.result_of(name)) for name in COMMISSION_STEPS)
    return tuple(
        CommissionItem(_name(name, words), _tone(result), name is shown.current)
        for name, result in results
    )


def _name(name: CommissionStepName, words: Catalogue) -> str:
    return words(f"commission.step.{name.value}")


def _tone(result: CommissionStep | None) -> str:
    return "" if result is None else _TONES.get(result.outcome, "skipped")


def _end(
    view: CommissioningScreenView, shown: CommissionView, words: Catalogue
) -> CommissioningScreenView:
    """All steps have a result: send the report, or say where it is."""
    progress, delivery = shown.progress, shown.delivery
    counts = (
        ()
        if progress is None
        else tuple(
            words.count(f"commission.count.{one.value}", progress.count(one))
            for one in StepOutcome
            if progress.count(one)
        )
    )
    is_open = delivery is ReportDelivery.NONE
    return replace(
        view,
        step=words("commission.end"),
        body=words(f"commission.delivery.{delivery.value}"),
        state=" · ".join(counts),
        tone="fail" if progress and progress.count(StepOutcome.FAILED) else "ok",
        found=_in_words(shown.problem, words).words,
        main=words("commission.finish") if is_open else words("commission.start_again"),
        action="finish" if is_open else "start_again",
        second=words("commission.start_again") if is_open else "",
        second_action="start_again" if is_open else "",
    )


def _step(
    view: CommissioningScreenView, shown: CommissionView, words: Catalogue, *, asks_reason: bool
) -> CommissioningScreenView:
    name, result = shown.current, shown.result
    if name is None:
        return view
    view = replace(
        view,
        step=_name(name, words),
        body=words(f"commission.do.{name.value}"),
        found=_in_words(shown.problem, words).words,
    )
    if shown.is_running:
        left_s = shown.left_s
        running = words("commission.running")
        if left_s is not None:
            running = words.count("commission.left", ceil(left_s))
        return replace(view, state=running, tone="warn")
    if asks_reason:
        reasons = tuple(
            ReasonItem(one.value, words(f"commission.reason.{one.value}")) for one in CHOSEN_REASONS
        )
        return replace(
            view,
            ask=words("commission.why"),
            reasons=reasons,
            second=words("commission.back"),
            second_action="back",
        )
    if result is None:
        return replace(
            view,
            main=words("commission.run"),
            action="run",
            second=words("commission.skip"),
            second_action="skip",
        )
    return _with_result(view, shown, result, words)


def _with_result(
    view: CommissioningScreenView, shown: CommissionView, result: CommissionStep, words: Catalogue
) -> CommissioningScreenView:
    reason = words(f"commission.reason.{result.reason}") if result.reason else ""
    text = _in_words(result.text, words)
    return replace(
        view,
        state=words(f"commission.outcome.{result.outcome}"),
        tone=_tone(result),
        found="\n".join(filter(None, (view.found or reason, text.words))),
        fix=words("tech.fix", fix=text.fix) if text.fix else "",
        main=words("commission.next"),
        action="go_on",
        second=words("commission.run_again"),
        second_action="run",
    )


def _in_words(text: CodedText, words: Catalogue) -> CodedText:
    """Return a text in the screen's language; in English where it has no other words."""
    return text.in_language(words.code) or text
