"""An actor that says what a test has written down for it."""

from __future__ import annotations

import pytest

from tests.ingress.openai.realtime.ears import Script
from tests.ingress.stand_in import Actor


@pytest.fixture
def script(actor: Actor) -> Script:
    return Script(actor)
