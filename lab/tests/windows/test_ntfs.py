"""Owners and rights below ProgramData."""

from __future__ import annotations

import pytest

from lab.powershell import runspace
from lab.powershell.api import NotModelledError, PowerShellError, Session
from lab.testing import ntfs
from lab.tests.windows.test_scripts_windows import run
from lab.world import Identity, World

OURS = "O:BAG:BAD:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)"
CREATE = """
param($Sddl)
$security = New-Object System.Security.AccessControl.DirectorySecurity
$security.SetSecurityDescriptorSddlForm($Sddl)
$made = [IO.Directory]::CreateDirectory("$env:ProgramData\\Farm", $security)
[void](New-Item "$env:ProgramData\\Farm\\Run" -ItemType Directory)
Set-Content "$env:ProgramData\\Farm\\Run\\x.txt" 'x'
$run = "$env:ProgramData\\Farm\\Run"
$made.FullName, $run, "$run\\x.txt" | ForEach-Object { (Get-Acl $_).Sddl }
"""


def test_a_folder_with_rights_of_its_own_and_what_it_passes_on(world: World) -> None:
    assert run(world, "Portal1", CREATE, Sddl=OURS) == [
        OURS,
        "O:BAG:DUD:AI(A;OICIID;FA;;;SY)(A;OICIID;FA;;;BA)",
        "O:BAG:DUD:AI(A;ID;FA;;;SY)(A;ID;FA;;;BA)",
    ]


def test_a_folder_that_is_there_stays_as_it_is(world: World) -> None:
    ntfs.plant(world, "Portal1", "C:\\ProgramData\\Farm", "S-1-5-21-9-9-9-1001")
    assert run(world, "Portal1", CREATE, Sddl=OURS)[0] == (
        "O:S-1-5-21-9-9-9-1001G:DUD:AI(A;OICIID;FA;;;SY)(A;OICIID;FA;;;BA)(A;ID;FA;;;S-1-5-21-9-9-9-1001)"
        "(A;OICIIOID;FA;;;CO)(A;OICIID;0x1200a9;;;BU)(A;CIID;DCLCRPCR;;;BU)"
    )


def test_what_was_deleted_has_no_rights_any_more(world: World) -> None:
    run(world, "Portal1", CREATE, Sddl=OURS)
    again = (
        'Remove-Item "$env:ProgramData\\Farm" -Recurse; [void](New-Item "$env:ProgramData\\Farm" -ItemType Directory)'
    )
    assert run(world, "Portal1", again + '; (Get-Acl "$env:ProgramData\\Farm").Sddl')[0].startswith(
        "O:BAG:DUD:AI(A;OICIID"
    )


def test_a_users_folder_belongs_to_the_user(world: World) -> None:
    where = world.machine("Portal1")
    user = Identity("PORTAL1\\visitor", "S-1-5-21-9-9-9-1002")
    done = runspace.Runspace(Session(where, user, "batch")).run(
        '[void](New-Item "$env:ProgramData\\Mine" -ItemType Directory); (Get-Acl "$env:ProgramData\\Mine").Sddl', {}
    )
    assert str(done.output[0]).startswith("O:S-1-5-21-9-9-9-1002G:DUD:AI(")


def test_a_link_is_seen(world: World) -> None:
    ntfs.plant_link(world, "Portal1", "C:\\ProgramData\\Farm", shows=OURS)
    look = '"$((Get-Item "$env:ProgramData\\Farm" -Force).Attributes)"; (Get-Acl "$env:ProgramData\\Farm").Sddl'
    assert run(world, "Portal1", look) == ["Directory, ReparsePoint", OURS]


def test_what_is_no_sddl_is_refused(world: World) -> None:
    with pytest.raises(PowerShellError, match="SDDL"):
        run(world, "Portal1", CREATE, Sddl="Everyone: all")


@pytest.mark.parametrize(
    "script", ["Get-Acl C:\\Windows", '(Get-Acl "$env:ProgramData").Access', "Get-Acl HKLM:\\SOFTWARE"]
)
def test_what_is_not_modelled_says_so(world: World, script: str) -> None:
    with pytest.raises(NotModelledError):
        run(world, "Portal1", script)


def test_what_is_not_there(world: World) -> None:
    with pytest.raises(PowerShellError, match="Cannot find path"):
        run(world, "Portal1", 'Get-Acl "$env:ProgramData\\Nothing"')
