"""What a check found: how bad it is, in one sentence, and what fixes it, in another."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from protocol.v1.findings import CodedText, coded


class CheckResult(StrEnum):
    """How a check ended. SKIPPED: it does not apply here, or could not look."""

    OK = "ok"
    SKIPPED = "skipped"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What one check found.

    Attributes:
        check: its name.
        result: how bad it is.
        text: what is wrong, or what was seen, and what to do; no names of people, no secrets.
    """

    check: str
    result: CheckResult
    text: CodedText

    @property
    def words(self) -> str:
        """What is wrong, or what was seen, in English."""
        return self.text.words

    @property
    def fix(self) -> str:
        """What to do, in English; empty where nothing has to be done."""
        return self.text.fix

    @property
    def code(self) -> str:
        """Names the sentences in every language."""
        return self.text.code

    @property
    def values(self) -> Mapping[str, str]:
        """What stands in the places of the sentences."""
        return self.text.values


def ok(check: str, code: str, **values: str | int | CodedText) -> Diagnosis:
    """Return that all is well."""
    return Diagnosis(check, CheckResult.OK, coded(code, **values))


def skipped(check: str, code: str, **values: str | int | CodedText) -> Diagnosis:
    """Return that the check did not look, and why."""
    return Diagnosis(check, CheckResult.SKIPPED, coded(code, **values))


def warn(check: str, code: str, **values: str | int | CodedText) -> Diagnosis:
    """Return something that works and will not do so for long, or not well."""
    return Diagnosis(check, CheckResult.WARN, coded(code, **values))


def fail(check: str, code: str, **values: str | int | CodedText) -> Diagnosis:
    """Return something that does not work."""
    return Diagnosis(check, CheckResult.FAIL, coded(code, **values))


def worst(findings: Iterable[Diagnosis]) -> CheckResult:
    """Return the worst result; a check that was skipped counts as well."""
    results = {finding.result for finding in findings} - {CheckResult.SKIPPED}
    return max(results, key=list(CheckResult).index, default=CheckResult.OK)
