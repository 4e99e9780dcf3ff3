"""Runs all checks at the same time, within a few seconds, whatever hangs."""

import logging
import queue
import threading
from collections.abc import Callable, Sequence
from time import monotonic

from kiosk.doctor.accelerator import accelerator
from kiosk.doctor.camera import camera, focus, light
from kiosk.doctor.clock import clock
from kiosk.doctor.data import claim, outbox, permissions
from kiosk.doctor.disk import space, wear
from kiosk.doctor.examination import Examination
from kiosk.doctor.findings import Diagnosis, fail
from kiosk.doctor.links import http, mqtt, tls
from kiosk.doctor.network import dns, network
from kiosk.doctor.power import temperature, undervoltage
from kiosk.doctor.software import models, versions

logger = logging.getLogger(__name__)

LIMIT_S = 13.0
Check = Callable[[Examination], Diagnosis]
_CHECKS: dict[str, Check] = {
    "camera": camera,
    "light": light,
    "focus": focus,
    "accelerator": accelerator,
    "clock": clock,
    "disk space": space,
    "disk wear": wear,
    "temperature": temperature,
    "undervoltage": undervoltage,
    "network": network,
    "dns": dns,
    "tls": tls,
    "http": http,
    "mqtt": mqtt,
    "versions": versions,
    "models": models,
    "permissions": permissions,
    "claim": claim,
    "outbox": outbox,
}
CHECK_NAMES = tuple(_CHECKS)
MACHINE_CHECKS = CHECK_NAMES[: CHECK_NAMES.index("dns")]
"""Checks that need no settings of the kiosk."""


def examine(
    exam: Examination, *, names: Sequence[str] = CHECK_NAMES, limit_s: float = LIMIT_S
) -> list[Diagnosis]:
    """Run checks at the same time; returns one finding each, in their order.

    Args:
        exam: what is examined; not used twice.
        names: of the checks.
        limit_s: a check that has not ended by then has failed.
    """
    done: queue.SimpleQueue[Diagnosis] = queue.SimpleQueue()
    for name in names:
        arguments = (name, _CHECKS[name], exam, done)
        threading.Thread(target=_run, args=arguments, name=f"doctor-{name}", daemon=True).start()
    found: dict[str, Diagnosis] = {}
    until_s = monotonic() + limit_s
    while len(found) < len(names):
        try:
            finding = done.get(timeout=max(0.0, until_s - monotonic()))
        except queue.Empty:
            break
        found[finding.check] = finding
    return [found.get(name) or _late(name) for name in names]


def _run(name: str, check: Check, exam: Examination, done: "queue.SimpleQueue[Diagnosis]") -> None:
    try:
        done.put(check(exam))
    except Exception as exc:
        logger.exception("check failed name=%s", name)
        done.put(fail(name, "check.error", error=type(exc).__name__))


def _late(name: str) -> Diagnosis:
    return fail(name, "check.late")
