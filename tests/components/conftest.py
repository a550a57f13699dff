"""Secrets of one test are not those of the next: a short one would be masked in every later text."""

from __future__ import annotations

import pytest

from remote import secret


@pytest.fixture(autouse=True)
def _secrets_of_this_test_only() -> None:
    secret.forget()
