"""A local account that wrong passwords have locked out, and one that expires."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from components.steps import Script, load_script
from components.windows.local_account import LocalAccountInputs, LocalAccountResource
from lab.testing import changes
from lab.testing.windows import wrong_password
from lab.testing.worlds import close, small_world
from remote.secret import Secret, plain
from tests.components.contract import actual, sentences
from tests.components.sql.in_process import Servers


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[Servers]:
    world = small_world(tmp_path / "lab")
    yield Servers(world)
    close(world)


RESOURCE = LocalAccountResource()
INPUTS = LocalAccountInputs(machine="SPF1", account="SVC_NEW", password=Secret("Account-Pass-1!"), groups=("Users",))
INPUTS.keeping({"key": "key-of-this-test"})


def carry_out(servers: Servers) -> list[str]:
    steps = RESOURCE.plan(INPUTS, RESOURCE.observe(INPUTS, servers))
    for step in steps:
        assert isinstance(step.action, Script)
        servers.powershell("SPF1").run(load_script(step.action.path), plain(step.action.arguments), attempted="x")
    return sentences(steps)


def drift(servers: Servers) -> dict[str, Any]:
    declared = INPUTS.model_dump(mode="json")
    found = actual(RESOURCE, INPUTS, RESOURCE.observe(INPUTS, servers))
    return {name: value for name, value in found.items() if value != declared[name]}


def test_one_that_is_locked_out_is_unlocked(servers: Servers) -> None:
    assert carry_out(servers)[0] == "On SPF1, create the local account SVC_NEW."
    assert carry_out(servers) == []
    changes.lock_out(servers.world, "SPF1", wrong_passwords=2)
    for _ in range(2):
        wrong_password(servers.world, "SPF1", r".\SVC_NEW")
    assert drift(servers) == {"locked": True}
    assert carry_out(servers) == [
        "On SPF1, unlock the local account SVC_NEW, which is locked out after wrong passwords."
    ]
    assert carry_out(servers) == []


LOG_ON = """param($Password)
Add-Type -AssemblyName System.DirectoryServices.AccountManagement
$context = New-Object System.DirectoryServices.AccountManagement.PrincipalContext 'Machine'
$context.ValidateCredentials('SVC_NEW', $Password)"""


@pytest.mark.parametrize(("date", "admitted"), [("2014-01-31", False), ("2099-12-31", True)])
def test_one_that_expires_is_made_to_last(servers: Servers, date: str, admitted: bool) -> None:
    """Before the date as well as after it, when nobody is logged on with it any more."""
    carry_out(servers)
    expire = (
        "param($Date) $one = Get-LocalPrincipal 'SVC_NEW'; $one.AccountExpirationDate = [datetime]$Date; $one.Save()"
    )
    machine = servers.powershell("SPF1")
    machine.run(expire, {"Date": date}, attempted="x")
    assert drift(servers) == {"expires": f"{date} 00:00:00"}
    assert machine.run(LOG_ON, {"Password": "Account-Pass-1!"}, attempted="x") == [admitted]
    assert carry_out(servers) == [
        "On SPF1, enable the local account SVC_NEW, and let neither it nor its password expire."
    ]
    assert drift(servers) == {}
    assert machine.run(LOG_ON, {"Password": "Account-Pass-1!"}, attempted="x") == [True]
