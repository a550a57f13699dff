"""The folder of scheduled tasks, on a machine of the lab: nothing that a user of the server put there is run."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from lab.testing import ntfs
from lab.testing.farm import Farm
from remote import detached
from remote.errors import MachineError
from remote.hosts import Host, Hosts
from remote.looks import Scripts
from remote.secret import Secret
from remote.session import Remote
from tests.remote import task_scripts

FOLDER = r"C:\ProgramData\WindowsAzurePackHA"
SCRIPT = """
param($ProgressFile, $Word)
Set-Content $ProgressFile 'under way'
(Get-Acl (Split-Path $ProgressFile)).Sddl
"$Word, $(Get-Greeting), $((New-Credential 'user' 'word').UserName)"
"""


@pytest.fixture(scope="module")
def farm() -> Iterator[Farm]:
    with Farm(pace=0.002) as farm:
        yield farm


@pytest.fixture
def host(farm: Farm) -> Iterator[Host]:
    user, password = farm.credentials()
    yield Host("Portal1", "portal1.hyper-v.nu", farm.address("Portal1"), user, Secret(password), netbios="HYPERVNU")
    ntfs.remove(farm.world, "Portal1", FOLDER)


@pytest.fixture
def remote(farm: Farm, host: Host) -> Iterator[Remote]:
    made = Remote(Hosts({"portal1": host}, {}, str(farm.authority)), "function Get-Greeting { 'hello' }")
    yield made
    made.close()


def run(powershell: Scripts, host: Host) -> list[object]:
    return detached.run_detached(
        powershell,
        host,
        "test",
        SCRIPT,
        {"Word": "done"},
        attempted="try it",
        timeout_seconds=60,
        report=lambda _: None,
    )


def refused(powershell: Scripts, host: Host) -> str:
    with pytest.raises(MachineError) as caught:
        run(powershell, host)
    return str(caught.value)


def test_only_administrators_reach_what_runs(farm: Farm, remote: Remote, host: Host) -> None:
    within, word = run(remote.powershell("Portal1"), host)
    assert (within, word) == ("O:BAG:DUD:AI(A;OICIID;FA;;;SY)(A;OICIID;FA;;;BA)", "done, hello, user")


def test_a_folder_that_a_user_created_before_is_refused(farm: Farm, remote: Remote, host: Host) -> None:
    ntfs.plant(farm.world, "Portal1", FOLDER, "S-1-5-21-9-9-9-1001")
    text = refused(remote.powershell("Portal1"), host)
    assert text.startswith(
        r"Portal1: try it: %ProgramData%\WindowsAzurePackHA has the owner and rights O:S-1-5-21-9-9-9-1001G:"
    )
    assert text.endswith(
        "Nothing in it was run or read. Find out who created it, remove it, then run the command again."
    )
    assert ntfs.files_below(farm.world, "Portal1", FOLDER) == []


def test_a_folder_that_inherits_is_refused(farm: Farm, remote: Remote, host: Host) -> None:
    """An administrator created it, and users may add files."""
    ntfs.plant(farm.world, "Portal1", FOLDER, "BA")
    assert "accounts other than administrators could write there" in refused(remote.powershell("Portal1"), host)


def test_a_link_to_a_folder_of_administrators_is_refused(farm: Farm, remote: Remote, host: Host) -> None:
    ntfs.plant_link(farm.world, "Portal1", FOLDER, shows="O:BAG:BAD:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)")
    assert r"%ProgramData%\WindowsAzurePackHA is a link" in refused(remote.powershell("Portal1"), host)
    assert ntfs.files_below(farm.world, "Portal1", FOLDER) == []


def test_a_folder_that_comes_between_the_look_and_the_start_is_refused(farm: Farm, remote: Remote, host: Host) -> None:
    powershell = remote.powershell("Portal1")

    class ThenPlanted:
        """The machine, on which a user creates the folder after each look."""

        machine, prelude = powershell.machine, powershell.prelude

        def run(self, script: str, *arguments: Any, **how: Any) -> list[Any]:
            answer = powershell.run(script, *arguments, **how)
            if script == task_scripts.READ:
                ntfs.plant(farm.world, "Portal1", FOLDER)
            return answer

    assert "can be changed by accounts other than administrators: O:S-1-5-21-1-2-3-1001G:" in refused(
        ThenPlanted(), host
    )
    assert ntfs.files_below(farm.world, "Portal1", FOLDER) == []


def test_what_windows_may_make_of_the_rights() -> None:

    for good in ("O:BAG:BAD:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)", "O:SYG:S-1-5-21-1-513D:PAI(A;OICI;FA;;;BA)"):
        assert re.search(detached.TRUSTED, good)
    for bad in (
        "O:S-1-5-21-1-1001G:BAD:P(A;OICI;FA;;;SY)",
        "O:BAG:BAD:(A;OICI;FA;;;SY)",
        "O:BAG:BAD:AI(A;OICIID;FA;;;BA)",
        "O:BAG:BAD:P(A;OICI;FA;;;BA)(A;CI;DCLCRPCR;;;BU)",
        "O:BAG:BA",
        "O:BAG:BAD:P(A;OICI;FA;;;BA)(A;;FA;;;WD)(A;;FA;;;SY)",
        "O:BAG:BAD:NO_ACCESS_CONTROL",
    ):
        assert not re.search(detached.TRUSTED, bad), bad
