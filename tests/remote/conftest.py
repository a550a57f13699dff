"""What a process remembers is not carried from one test to the next: a short secret would be masked in every later
text, and an account that was refused would not be tried again."""

from __future__ import annotations

import pytest

from remote import secret
from remote.logons import LOG_ONS


@pytest.fixture(autouse=True)
def _secrets_of_this_test_only() -> None:
    secret.forget()


@pytest.fixture(autouse=True)
def _log_ons_of_this_test_only() -> None:
    LOG_ONS.forget_all()
