"""What a check found: how bad it is, in one sentence, and what fixes it, in another."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


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
        words: what is wrong, or what was seen; no names of people, no secrets.
        fix: what to do; empty where nothing has to be done.
    """

    check: str
    result: CheckResult
    words: str
    fix: str = ""


def ok(check: str, words: str) -> Diagnosis:
    """Return that all is well."""
    return Diagnosis(check, CheckResult.OK, words)


def skipped(check: str, words: str) -> Diagnosis:
    """Return that the check did not look, and why."""
    return Diagnosis(check, CheckResult.SKIPPED, words)


def warn(check: str, words: str, fix: str) -> Diagnosis:
    """Return something that works and will not do so for long, or not well."""
    return Diagnosis(check, CheckResult.WARN, words, fix)


def fail(check: str, words: str, fix: str) -> Diagnosis:
    """Return something that does not work."""
    return Diagnosis(check, CheckResult.FAIL, words, fix)


def worst(findings: Iterable[Diagnosis]) -> CheckResult:
    """Return the worst result; a check that was skipped counts as well."""
    results = {finding.result for finding in findings} - {CheckResult.SKIPPED}
    return max(results, key=list(CheckResult).index, default=CheckResult.OK)
