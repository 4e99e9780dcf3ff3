"""The settings' names in the separation plan: accepted where ours are not set."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

ENV_PREFIX = "ROLLCALL_ML_"
PLAN_NAMES: Mapping[str, str] = {
    "api_key": "ML_API_KEY",
    "port": "PORT",
    "detect_model": "ML_MODEL",
    "num_jitters": "ML_NUM_JITTERS",
    "confident_threshold": "ML_CONFIDENT_THRESHOLD",
    "uncertain_threshold": "ML_UNCERTAIN_THRESHOLD",
}
"""Fields of `Settings`, and what the plan calls them."""
_PLAN_PREFIX = "ML_"
_OF_THE_SERVER = "ML_SERVICE_"


def values_under_plan_names() -> dict[str, str]:
    """Return the values that the environment holds under the plan's names, by field."""
    environment = os.environ  # noqa: TID251 -- settings are read here
    return {field: environment[name] for field, name in PLAN_NAMES.items() if name in environment}


def environment_name(field: str) -> str:
    """Return the variable that a field was read from, or would be read from."""
    ours = f"{ENV_PREFIX}{field.upper()}"
    theirs = PLAN_NAMES.get(field, ours)
    is_theirs = theirs in os.environ and ours not in os.environ  # noqa: TID251
    return theirs if is_theirs else ours


def ineffective_names() -> list[tuple[str, str]]:
    """Return the variables of the plan that have no effect here, each with the reason."""
    environment = os.environ  # noqa: TID251
    found = []
    for field, name in PLAN_NAMES.items():
        ours = f"{ENV_PREFIX}{field.upper()}"
        if name in environment and ours in environment:
            found.append((name, f"{ours} is set and wins"))
    for name in sorted(environment):
        is_plans = name.startswith(_PLAN_PREFIX) and not name.startswith(_OF_THE_SERVER)
        if is_plans and name not in PLAN_NAMES.values():
            found.append((name, "this service has no such setting"))
    return found
