"""What a finding says on the technician screen and in the acceptance test, in each language."""

from dataclasses import replace
from datetime import UTC, datetime

from kiosk.domain.commissioning import CommissionProgress, CommissionView
from kiosk.domain.technician import FindingState, MachineFinding
from kiosk.ui.catalogue import Catalogue
from kiosk.ui.presenters.commissioning import CommissioningScreenView, commissioning_view
from kiosk.ui.presenters.technician_findings import FindingItem, findings_view
from protocol.v1.findings import CodedText, coded
from protocol.v1.messages import CommissionStep, CommissionStepName

AT = datetime(2026, 11, 28, 14, 0, tzinfo=UTC)
NEWER = CodedText("The fan is stuck.", "Clean it.", "fan.stuck", {"rpm": "0"})
WEAK = coded("network.wifi_weak", percent=23)


def row(text: CodedText, words: Catalogue) -> FindingItem:
    finding = MachineFinding("network", FindingState.WARN, text)
    (item,) = findings_view([finding], words, is_checking=False).items
    return item


def step(text: CodedText, words: Catalogue) -> CommissioningScreenView:
    name = CommissionStepName.FOCUS
    found = CommissionStep(name=name, outcome="failed", at=AT).saying(text)
    progress = CommissionProgress("", "kiosk-7", "R12", AT).with_step(found)
    return commissioning_view(CommissionView(progress, name), words, asks_reason=False)


def test_a_finding_is_in_the_language_of_the_screen(words: Catalogue, arabic: Catalogue) -> None:
    assert row(WEAK, words).words == "The Wi-Fi is weak (23 %)."
    assert row(WEAK, words).fix.startswith("Fix: Use a network cable")
    assert "الشبكة اللاسلكية ضعيفة" in row(WEAK, arabic).words
    assert "استخدم كابل شبكة" in row(WEAK, arabic).fix


def test_what_a_newer_check_says_stays_english(arabic: Catalogue) -> None:
    item = row(NEWER, arabic)
    assert (item.words, "Clean it." in item.fix) == ("The fan is stuck.", True)


def test_a_step_is_in_the_language_of_the_screen(words: Catalogue, arabic: Catalogue) -> None:
    soft = coded("focus.soft")
    assert step(soft, words).found == "The picture is not sharp."
    assert step(soft, arabic).found == "الصورة غير واضحة."
    assert "نظّف العدسة" in step(soft, arabic).fix


def test_a_step_that_a_newer_kiosk_stored_stays_english(arabic: Catalogue) -> None:
    assert step(NEWER, arabic).found == "The fan is stuck."


def test_why_a_test_cannot_go_on_is_in_the_language_of_the_screen(arabic: Catalogue) -> None:
    unclaimed = CommissionView(problem=coded("step.unclaimed"))
    view = commissioning_view(unclaimed, arabic, asks_reason=False)
    assert view.found.startswith("اربط هذا الكشك أولاً")


def test_a_disk_that_refuses_is_named_beside_the_older_result(arabic: Catalogue) -> None:
    shown = CommissionView(
        CommissionProgress("", "kiosk-7", "R12", AT).with_step(
            CommissionStep(name=CommissionStepName.FOCUS, outcome="failed", at=AT).saying(WEAK)
        ),
        CommissionStepName.FOCUS,
    )
    view = commissioning_view(
        replace(shown, problem=coded("step.not_stored")), arabic, asks_reason=False
    )
    first, second = view.found.splitlines()
    assert (first.startswith("رفض القرص"), "ضعيفة" in second) == (True, True)
