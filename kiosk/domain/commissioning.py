"""A kiosk's acceptance test on site: its steps, how far it is, and what is shown of it."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from protocol.v1.findings import CodedText
from protocol.v1.messages import CommissionStep, CommissionStepName, StepOutcome

COMMISSION_STEPS = tuple(CommissionStepName)


@dataclass(frozen=True, slots=True)
class CommissionProgress:
    """How far an acceptance test is; written to disk after each step.

    Attributes:
        report_id: of the report that it becomes.
        kiosk_id: that is tested.
        room: where it stands.
        started_at: UTC.
        steps: what was found, in the order of the steps.
    """

    report_id: str
    kiosk_id: str
    room: str
    started_at: datetime
    steps: tuple[CommissionStep, ...] = ()

    @property
    def next_step(self) -> CommissionStepName | None:
        """The first step without a result; None: all have one."""
        done = {step.name for step in self.steps}
        return next((name for name in COMMISSION_STEPS if name not in done), None)

    def result_of(self, name: CommissionStepName) -> CommissionStep | None:
        """What a step found; None: nothing yet."""
        return next((step for step in self.steps if step.name == name), None)

    def with_step(self, step: CommissionStep) -> "CommissionProgress":
        """Take in a result; an earlier one of the same step is replaced."""
        found = {one.name: one for one in self.steps} | {step.name: step}
        ordered = tuple(found[name] for name in COMMISSION_STEPS if name in found)
        return replace(self, steps=ordered)

    def count(self, outcome: StepOutcome) -> int:
        """How many steps ended so."""
        return sum(step.outcome == outcome for step in self.steps)


class ReportDelivery(StrEnum):
    """Where the finished report is. KEPT: the server is older and does not take reports."""

    NONE = "none"
    WAITING = "waiting"
    KEPT = "kept"
    REFUSED = "refused"
    DELIVERED = "delivered"


@dataclass(frozen=True, slots=True)
class CommissionView:
    """What is shown of an acceptance test.

    Attributes:
        progress: None: none has begun, or this kiosk is not claimed yet.
        current: the step in front of the technician; None: all are done.
        is_running: it is being tested now.
        left_s: how long it still takes; None: not known.
        delivery: of the finished report.
        problem: why the test cannot go on; without words: it can.
    """

    progress: CommissionProgress | None = None
    current: CommissionStepName | None = None
    is_running: bool = False
    left_s: float | None = None
    delivery: ReportDelivery = ReportDelivery.NONE
    problem: CodedText = field(default_factory=CodedText)

    @property
    def result(self) -> CommissionStep | None:
        """What the current step found."""
        if self.progress is None or self.current is None:
            return None
        return self.progress.result_of(self.current)
