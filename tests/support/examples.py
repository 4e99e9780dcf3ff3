"""How many examples a property test tries: few in CI, 20,000 before a new rule is handed in.

HYPOTHESIS_EXAMPLES=20000 .venv/bin/python -m pytest tests/... -k property
"""

import os

from hypothesis import HealthCheck, settings


def examples(usual: int) -> settings:
    """Return settings of a property test on a database: `usual` examples, unless told more."""
    count = int(os.environ.get("HYPOTHESIS_EXAMPLES", usual))
    return settings(max_examples=count, suppress_health_check=[HealthCheck.function_scoped_fixture])
