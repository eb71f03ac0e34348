"""
Stories told to two servers, which must answer with the same bytes.
"""

from tests.functional.scenarios import (
    admin,
    cancelling,
    framing,
    functions,
    joining,
    lost,
    reporting,
    short,
    status,
    submitting,
    timed,
    waking,
    working,
)
from tests.functional.scenarios.stage import SCENARIOS, Scenario
from tests.functional.scenarios.transcript import Step

__all__ = [
    "SCENARIOS",
    "Scenario",
    "Step",
    "admin",
    "cancelling",
    "framing",
    "functions",
    "joining",
    "lost",
    "reporting",
    "short",
    "status",
    "submitting",
    "timed",
    "waking",
    "working",
]
