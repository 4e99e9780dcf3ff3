"""`commission`: guide the acceptance test of the kiosk that runs on this machine."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kiosk.config import UnusableSettingsError, load_settings
from protocol.v1.commissioning import CHOSEN_REASONS
from protocol.v1.messages import CommissionStepName, StepOutcome
from provisioning.commissioning.running_kiosk import CommissionState, RunningKiosk
from provisioning.errors import ProvisioningError
from provisioning.options import DEFAULT_FILE, add_command, add_dry_run
from provisioning.outcome import CommandOutcome

if TYPE_CHECKING:
    from provisioning.options import Commands

_FAILED = 4
_STATUSES = """exit status:
  0  no step failed; the report is signed
  1  the test could not be finished; one sentence on standard error explains it
  2  the command line is wrong
  4  the report is signed; a step failed
"""
_NOTES = """Run it with sudo on the kiosk, while the kiosk runs. Its screen shows the same test, and
nobody is recorded meanwhile. A test that was interrupted goes on where it stopped. With --json, or
without a terminal, no step waits for a key. Reasons for --skip: {reasons}.
"""
_DO = {
    CommissionStepName.LIGHT: "Switch the light on as on a school day.",
    CommissionStepName.FOCUS: "Stand about 60 cm in front of the camera.",
    CommissionStepName.DISTANCE: "Stand where students will stand and look at the camera for 6 s.",
    CommissionStepName.PRINT_ATTACK: "Hold a printed photo of a face before the camera for 12 s.",
    CommissionStepName.SCREEN_ATTACK: "Hold a phone with a photo of a face there for 12 s.",
    CommissionStepName.OFFLINE_DRILL: "The kiosk cuts its links for a minute. Nobody is recorded.",
}
_DELIVERY = {
    "waiting": "The report is signed and waits on the kiosk for the server.",
    "kept": "The report is signed and kept on the kiosk: the server is too old to take it.",
    "refused": "The server refused the report; it is kept on the kiosk.",
    "delivered": "The server has the report: it is on the kiosk's page.",
}


def add_to(commands: "Commands") -> None:
    """Add the command."""
    reasons = ", ".join(CHOSEN_REASONS)
    command = add_command(
        commands,
        "commission",
        run,
        words="test this kiosk on site step by step, and send a signed report",
        example="rollcall-provision commission --skip screen_attack=not_at_hand",
        statuses=f"{_STATUSES}\n{_NOTES.format(reasons=reasons)}",
    )
    command.add_argument(
        "--file", type=Path, default=DEFAULT_FILE, help=f"the kiosk's settings [{DEFAULT_FILE}]"
    )
    command.add_argument(
        "--skip",
        type=_skip,
        action="append",
        default=[],
        metavar="STEP=REASON",
        help=f"leave a step out; steps: {', '.join(CommissionStepName)}",
    )
    command.add_argument(
        "--start-again", action="store_true", help="throw away what an unfinished test found"
    )
    add_dry_run(command, "test nothing; print which steps are left")


def run(options: argparse.Namespace) -> CommandOutcome:
    """Guide the test until its report is signed; a dry run names the steps that are left."""
    try:
        settings = load_settings(options.file)
    except (UnusableSettingsError, OSError) as exc:
        raise ProvisioningError(f"The settings in {options.file} cannot be used: {exc}") from exc
    kiosk = RunningKiosk(settings.data_dir)
    try:
        if options.dry_run:
            return _planned(kiosk.ask("state"), dict(options.skip), again=options.start_again)
        is_asking = sys.stdin.isatty() and not options.json
        return GuidedTest(kiosk, dict(options.skip), is_asking=is_asking).run(
            again=options.start_again
        )
    finally:
        kiosk.close()


class GuidedTest:
    """One run through all steps.

    Args:
        kiosk: that is tested.
        skips: reasons of the steps to leave out.
        is_asking: a person at a terminal is asked before each step.
    """

    def __init__(self, kiosk: RunningKiosk, skips: dict[str, str], *, is_asking: bool) -> None:
        self._kiosk = kiosk
        self._skips = skips
        self._is_asking = is_asking

    def run(self, *, again: bool) -> CommandOutcome:
        """Test what is left, sign the report, and wait a while for the server."""
        state = self._kiosk.ask("open")
        if again:
            state = self._kiosk.ask("start_again")
        _check(state)
        while state.step is not None:
            state = self._step(state, state.step)
            _check(state)
        state = self._kiosk.ask("finish")
        _check(state)
        for _ in range(20):
            if state.delivery != "waiting":
                break
            state = self._kiosk.ask("wait")
        return _finished(state)

    def _step(self, state: CommissionState, step: str) -> CommissionState:
        if step in self._skips:
            return self._kiosk.ask("skip", reason=self._skips[step])
        reason = self._asked(step) if self._is_asking else ""
        if reason:
            return self._kiosk.ask("skip", reason=reason)
        state = self._kiosk.ask("run")
        while state.is_running:
            state = self._kiosk.ask("wait")
        found = state.result_of(step)
        if found is None:
            _check(state)
            raise ProvisioningError("The test was left on the kiosk's screen. Run it again.")
        if self._is_asking:
            sys.stdout.write(f"{_line(found)}\n")
            is_bad = found["outcome"] == StepOutcome.FAILED
            if is_bad and input("Enter: next step, t: test again: ").strip().lower() == "t":
                return state
        return self._kiosk.ask("go_on")

    def _asked(self, step: str) -> str:
        """Ask whether to test a step; returns the reason for which it is skipped, else ''."""
        name = step.replace("_", " ")
        what = _DO.get(CommissionStepName(step), "")
        sys.stdout.write(f"\n{name[0].upper()}{name[1:]}. {what}\n")
        while True:
            answer = input("Enter: test, s: skip: ").strip().lower()
            if answer == "":
                return ""
            if answer == "s":
                break
        reasons = dict(enumerate(CHOSEN_REASONS, start=1))
        listed = ", ".join(f"{number}: {reason}" for number, reason in reasons.items())
        while True:
            answer = input(f"Why? {listed}: ").strip()
            if answer.isascii() and answer.isdigit() and int(answer) in reasons:
                return reasons[int(answer)].value


def _skip(text: str) -> tuple[str, str]:
    step, _, reason = text.partition("=")
    if step not in set(CommissionStepName) or reason not in CHOSEN_REASONS:
        raise argparse.ArgumentTypeError(
            f"write STEP=REASON, with one of the reasons {', '.join(CHOSEN_REASONS)}"
        )
    return step, reason


def _check(state: CommissionState) -> None:
    if state.problem:
        raise ProvisioningError(state.problem)


def _planned(state: CommissionState, skips: dict[str, str], *, again: bool) -> CommandOutcome:
    done = set() if again else {one["name"] for one in state.results}
    left = [step.value for step in CommissionStepName if step not in done]
    lines = [
        f"would {'skip' if step in skips else 'test'}  {step}"
        + (f" ({skips[step]})" if step in skips else "")
        for step in left
    ]
    text = "\n".join(lines) or "all steps are done; the report would be signed and sent"
    return CommandOutcome(text, {"dry_run": True, "steps": left, "skip": skips})


def _finished(state: CommissionState) -> CommandOutcome:
    outcomes = [one["outcome"] for one in state.results]
    counts = ", ".join(f"{outcomes.count(one)} {one.value}" for one in StepOutcome)
    lines = [_line(one) for one in state.results]
    text = "\n".join([*lines, counts, _DELIVERY.get(state.delivery, state.delivery)])
    facts: dict[str, Any] = {
        "report": state.report_id,
        "steps": state.results,
        "delivery": state.delivery,
    }
    return CommandOutcome(text, facts, _FAILED if StepOutcome.FAILED in outcomes else 0)


def _line(found: dict[str, Any]) -> str:
    words = " ".join(filter(None, (found["reason"], found["problem"])))
    fix = f"\n{'':<24}fix: {found['fix']}" if found["fix"] else ""
    return f"{found['outcome']:<8} {found['name']:<14} {words}{fix}".rstrip()
