"""The mark beside a local account fits the password that this program set, and no other."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from components.windows.local_account import LocalAccountInputs, LocalAccountResource, mark
from remote.secret import Secret

KEY, PASSWORD = Secret("Key-Of-The-State-1!"), Secret("Spf-Registration-1!")
INPUTS = LocalAccountInputs(machine="SPF1", account="SVC_SPF_REG", password=PASSWORD, groups=())
SET = "2013-06-05T10:00:07"


def drifted(kept: str, password_set: str, key: Secret = KEY) -> bool:
    """Whether a machine with this mark shows another password."""
    state = {
        "exists": True, "memberOf": [], "groups": [], "mark": kept, "passwordSet": password_set, "description": "",
        "neverExpires": True, "disabled": False, "locked": False, "expires": "",
    }  # fmt: skip
    powershell = SimpleNamespace(run=lambda *_, **__: [state])
    remote: Any = SimpleNamespace(powershell=lambda machine: powershell)
    resource, inputs = LocalAccountResource(), INPUTS.model_copy()
    inputs.keeping({"key": key.reveal()})
    facts = resource.observe(inputs, remote)
    return "password" in (resource.actual(inputs, facts) or {})


def fingerprint(key: Secret = KEY) -> str:
    return mark(key, "SVC_SPF_REG", PASSWORD).reveal()


@pytest.mark.parametrize("now", ["2013-06-05T10:00:06", SET, "2013-06-05T10:00:08"])
def test_the_time_that_windows_tells_moves_by_a_second(now: str) -> None:
    assert not drifted(f"{fingerprint()}@{SET}", now)


def test_also_over_the_end_of_a_day() -> None:
    assert not drifted(f"{fingerprint()}@2013-06-05T23:59:59", "2013-06-06T00:00:00")


@pytest.mark.parametrize("now", ["2013-06-05T10:00:05", "2013-06-05T10:00:09", "2013-07-05T10:00:07", "", "yesterday"])
def test_a_password_that_was_set_at_another_time_is_another(now: str) -> None:
    assert drifted(f"{fingerprint()}@{SET}", now)


@pytest.mark.parametrize("kept", ["", SET, f"@{SET}", f"{'0' * 64}@{SET}", f"{fingerprint()}@", f"é@{SET}"])
def test_a_mark_that_is_not_this_one_does_not_fit(kept: str) -> None:
    assert drifted(kept, SET)
    assert drifted(f"{fingerprint(Secret('Another-1!'))}@{SET}", SET)
