"""The list of what doctor found, the worst first."""

from collections.abc import Sequence
from dataclasses import dataclass

from kiosk.domain.technician import FindingState, MachineFinding
from kiosk.ui.catalogue import Catalogue
from kiosk.ui.presenters.view import ViewPresenter

_ORDER = list(FindingState)


@dataclass(frozen=True, slots=True)
class FindingItem:
    """One row; what a newer or broken check says may be in English."""

    name: str
    state: str
    tone: str
    words: str
    fix: str


@dataclass(frozen=True, slots=True)
class FindingsView:
    """All rows, and how many problems there are in one line."""

    items: tuple[FindingItem, ...] = ()
    summary: str = ""


def findings_view(
    findings: Sequence[MachineFinding], words: Catalogue, *, is_checking: bool
) -> FindingsView:
    """Sort what was found; while the checks run, what they found before stays."""
    rows = sorted(findings, key=lambda one: _ORDER.index(one.state))
    return FindingsView(
        tuple(_item(one, words) for one in rows), _summary(findings, words, is_checking=is_checking)
    )


def _item(finding: MachineFinding, words: Catalogue) -> FindingItem:
    key = f"tech.check.{finding.check.replace(' ', '_')}"
    text = finding.text.in_language(words.code) or finding.text
    return FindingItem(
        name=words(key) if key in words.entries else finding.check,
        state=words(f"tech.state.{finding.state.value}"),
        tone=finding.state.value,
        words=text.words,
        fix=words("tech.fix", fix=text.fix) if text.fix else "",
    )


def _summary(findings: Sequence[MachineFinding], words: Catalogue, *, is_checking: bool) -> str:
    if is_checking:
        return words("tech.checking")
    bad = sum(one.state in (FindingState.FAIL, FindingState.WARN) for one in findings)
    return words.count("tech.problems", bad) if findings else ""


class FindingsPresenter(ViewPresenter[FindingsView]):
    """Keeps the list current."""

    def __init__(self, words: Catalogue) -> None:
        super().__init__(FindingsView(), words)
        self._findings: Sequence[MachineFinding] = ()
        self._is_checking = False

    @property
    def is_checking(self) -> bool:
        """Whether the checks run now."""
        return self._is_checking

    def begin(self) -> None:
        """Say that the checks run."""
        self._is_checking = True
        self._draw()

    def show(self, findings: Sequence[MachineFinding]) -> None:
        """Show what they found."""
        self._findings, self._is_checking = findings, False
        self._draw()

    def use_words(self, words: Catalogue) -> None:
        """See ``ViewPresenter.use_words``."""
        super().use_words(words)
        self._draw()

    def _draw(self) -> None:
        view = findings_view(self._findings, self._words, is_checking=self._is_checking)
        self.replace(view)
