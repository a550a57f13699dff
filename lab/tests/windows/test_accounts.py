"""Local accounts through ADSI and AccountManagement, called as the evaluator calls them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lab import identity
from lab.powershell.api import TYPES, NotModelledError, PowerShellError, Session
from lab.tests.windows.iis_world import session, world
from lab.windows import accounts, accounts_adsi, accounts_management
from lab.world import World

__all__ = ["accounts_adsi", "accounts_management", "world"]

PASSWORD = "Spf-Registration-2013!"


@pytest.fixture
def here(world: World) -> Session:
    return session(world)


def adsi(here: Session, path: Any) -> Any:
    return TYPES["adsi"].create(here, path)


def invoke(entry: Any, method: str, *arguments: Any) -> Any:
    return entry.methods.get(method.lower())(*arguments)


def create(here: Session, name: str = "SVC_SPF_REG", password: str = PASSWORD) -> Any:
    user = invoke(adsi(here, f"WinNT://{here.machine.name}"), "Create", "User", name)
    invoke(user, "SetPassword", password)
    invoke(user, "SetInfo")
    return user


def members(here: Session, group: str) -> list[str]:
    found = invoke(adsi(here, f"WinNT://./{group},group"), "Invoke", "Members")
    return [
        one.methods["gettype"]().methods["invokemember"]("ADsPath", "GetProperty", None, one, None) for one in found
    ]


def test_a_new_account_logs_on(world: World, here: Session) -> None:
    user = create(here)
    user.set("UserFlags", user.get("UserFlags").value | 0x10000)
    user.set("Description", "Registration of SPF")
    invoke(user, "SetInfo")
    again = adsi(here, "WinNT://./svc_spf_reg,user")
    assert again.get("Name").value == "SVC_SPF_REG"
    assert again.get("UserFlags").value == 0x10201
    assert again.get("Description").value == "Registration of SPF"
    assert identity.authenticate(world, here.machine, "SVC_SPF_REG", PASSWORD) is not None


def test_nothing_exists_before_set_info(here: Session) -> None:
    user = invoke(adsi(here, "WinNT://."), "Create", "User", "x")
    invoke(user, "SetPassword", PASSWORD)
    assert "x" not in here.machine.collection("account")


@pytest.mark.parametrize("password", ["", "Ab1!", "onlylowercase1", "Svc_spf_reg-2013!"])
def test_the_policy_refuses_a_password(here: Session, password: str) -> None:
    with pytest.raises(PowerShellError, match="does not meet the password policy") as caught:
        create(here, password=password)
    assert caught.value.data["HResult"] == 0x800708C5 - (1 << 32)
    assert "SVC_SPF_REG" not in here.machine.collection("account")


def test_the_parts_of_the_full_name_are_forbidden_too() -> None:
    document = {"full_name": "Anna-Lena Berg"}
    with pytest.raises(accounts.AccountError):
        accounts.check_new_password(document, "x", "Lena-secret-1")
    accounts.check_new_password(document, "x", "Other-secret-1")


def test_an_account_that_exists(here: Session) -> None:
    create(here)
    with pytest.raises(PowerShellError, match="The account already exists"):
        create(here)


def test_a_missing_account_fails_at_its_first_use(here: Session) -> None:
    user = adsi(here, "WinNT://./nope,user")
    with pytest.raises(PowerShellError, match='retrieving member "Name": "The user name could not be found') as caught:
        user.name_of("Name")
    assert caught.value.error_id == "CatchFromBaseGetMember"
    with pytest.raises(PowerShellError, match='retrieving member "SetInfo"'):
        user.methods.get("setinfo")
    with pytest.raises(PowerShellError, match="The group name could not be found"):
        adsi(here, "WinNT://./nope,group").methods.get("add")


def test_the_scheme_is_case_sensitive_and_a_strange_computer_unknown(here: Session) -> None:
    with pytest.raises(PowerShellError, match="0x80005000"):
        adsi(here, "winnt://./Administrator,user").name_of("Name")
    with pytest.raises(PowerShellError, match="network path was not found"):
        adsi(here, "WinNT://ELSEWHERE/x,user").name_of("Name")
    with pytest.raises(NotModelledError):
        adsi(here, "WinNT://Portal2/Administrator,user")


def test_exists(here: Session) -> None:
    assert accounts_adsi.exists(here, "WinNT://./Administrator,user")
    assert not accounts_adsi.exists(here, "WinNT://./nope,group")
    with pytest.raises(PowerShellError, match="The user name could not be found"):
        accounts_adsi.exists(here, "WinNT://./nope,user")


def test_members_are_added_listed_and_removed(world: World, here: Session) -> None:
    create(here)
    machine = here.machine.name.upper()
    group = adsi(here, "WinNT://./Remote Desktop Users,group")
    invoke(group, "Add", f"WinNT://{here.machine.name}/SVC_SPF_REG,user")
    invoke(group, "Add", "WinNT://HYPERVNU/WAP Administrators")
    assert members(here, "Remote Desktop Users") == [
        f"WinNT://HYPERVNU/{machine}/SVC_SPF_REG",
        "WinNT://HYPERVNU/WAP Administrators",
    ]
    assert invoke(group, "IsMember", "WinNT://HYPERVNU/WAP Administrators") is True
    with pytest.raises(PowerShellError, match="already a member") as caught:
        invoke(group, "Add", "WinNT://./SVC_SPF_REG")
    assert caught.value.data["HResult"] == 0x80070562 - (1 << 32)
    token = identity.identity(world, here.machine, "SVC_SPF_REG")
    assert identity.in_group(token, "Remote Desktop Users")
    invoke(group, "Remove", "WinNT://HYPERVNU/WAP Administrators")
    with pytest.raises(PowerShellError, match="is not a member"):
        invoke(group, "Remove", "WinNT://HYPERVNU/WAP Administrators")
    with pytest.raises(PowerShellError, match="the member does not exist"):
        invoke(group, "Add", "WinNT://HYPERVNU/nobody")


def test_a_local_group_is_made_and_deleted(here: Session) -> None:
    group = invoke(adsi(here, "WinNT://."), "Create", "Group", "MgmtSvc Operators")
    group.set("Description", "d")
    invoke(group, "SetInfo")
    assert here.machine.collection("group")["MgmtSvc Operators"]["description"] == "d"
    invoke(adsi(here, "WinNT://."), "Delete", "Group", "MgmtSvc Operators")
    assert "MgmtSvc Operators" not in here.machine.collection("group")


def test_a_deleted_account_is_in_no_group(here: Session) -> None:
    create(here)
    invoke(adsi(here, "WinNT://./Administrators,group"), "Add", "WinNT://./SVC_SPF_REG")
    invoke(adsi(here, "WinNT://."), "Delete", "User", "SVC_SPF_REG")
    assert not any("SVC_SPF_REG" in path for path in members(here, "Administrators"))
    with pytest.raises(PowerShellError, match="The user name could not be found"):
        invoke(adsi(here, "WinNT://."), "Delete", "User", "SVC_SPF_REG")


def test_sids_are_not_used_twice(here: Session) -> None:
    create(here, "one")
    create(here, "two")
    held = here.machine.collection("account")
    assert held["one"]["sid"] != held["two"]["sid"]


def test_only_an_administrator_changes_accounts(world: World, here: Session) -> None:
    create(here)
    other = session(world, user="HYPERVNU\\operator")
    with pytest.raises(PowerShellError, match="Access is denied"):
        invoke(adsi(other, "WinNT://./SVC_SPF_REG,user"), "SetPassword", "Another-Pw-1")
    with pytest.raises(PowerShellError, match="Access is denied"):
        invoke(adsi(other, "WinNT://./Administrators,group"), "Add", "WinNT://HYPERVNU/operator")


def count(here: Session, name: str = "SVC_SPF_REG") -> int:
    return int(here.machine.collection("account")[name]["failed_logons"])


def test_validate_credentials_is_a_log_on_and_counts(here: Session) -> None:
    create(here)
    context = TYPES["system.directoryservices.accountmanagement.principalcontext"].create(here, "Machine")
    assert context.methods["validatecredentials"]("SVC_SPF_REG", PASSWORD) is True
    assert count(here) == 0
    assert context.methods["validatecredentials"]("SVC_SPF_REG", "wrong") is False
    assert count(here) == 1
    assert context.methods["validatecredentials"]("nobody", "x") is False


def test_change_password_says_right_or_wrong_but_a_wrong_one_counts(here: Session) -> None:
    user = create(here)
    with pytest.raises(PowerShellError, match="password policy"):
        invoke(user, "ChangePassword", PASSWORD, PASSWORD)
    assert count(here) == 0
    with pytest.raises(PowerShellError, match="network password is not correct"):
        invoke(user, "ChangePassword", "wrong", PASSWORD)
    assert count(here) == 1


def test_a_password_may_be_changed_after_a_day(world: World, here: Session) -> None:
    user = create(here)
    with pytest.raises(PowerShellError, match="password policy"):
        invoke(user, "ChangePassword", PASSWORD, "Another-Pw-2013")
    early = world.clock.now() - timedelta(days=2)
    here.machine.collection("account").change("SVC_SPF_REG", password_set=early.isoformat())
    invoke(user, "ChangePassword", PASSWORD, "Another-Pw-2013")
    assert identity.authenticate(world, here.machine, "SVC_SPF_REG", "Another-Pw-2013") is not None


def test_the_time_of_the_last_setting_moves_between_reads(
    world: World, here: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is worked out from an age in whole seconds."""
    create(here)
    moment = datetime(2013, 6, 5, 10, 0, 0, 700_000, tzinfo=UTC)
    here.machine.collection("account").change("SVC_SPF_REG", password_set=moment.isoformat())
    context = TYPES["system.directoryservices.accountmanagement.principalcontext"].create(here, "Machine")
    find = TYPES["system.directoryservices.accountmanagement.userprincipal"].statics["FindByIdentity"]
    seen = []
    for later in (60.0, 60.4, 60.9):
        monkeypatch.setattr(world.clock, "now", lambda later=later: moment + timedelta(seconds=later))
        seen.append(find(here, context, "SVC_SPF_REG").get("LastPasswordSet") - moment)
    assert seen == [timedelta(seconds=seconds) for seconds in (0, 0.4, 0.9)]


def test_the_time_of_the_last_setting_tells_without_a_log_on(world: World, here: Session) -> None:
    create(here)
    context = TYPES["system.directoryservices.accountmanagement.principalcontext"].create(here, "Machine")
    find = TYPES["system.directoryservices.accountmanagement.userprincipal"].statics["FindByIdentity"]
    early = world.clock.now() - timedelta(days=2)
    here.machine.collection("account").change("SVC_SPF_REG", password_set=early.isoformat())
    first = find(here, context, "SVC_SPF_REG").get("LastPasswordSet")
    assert abs(first - early) < timedelta(seconds=1)
    invoke(adsi(here, "WinNT://./SVC_SPF_REG,user"), "SetPassword", "Another-Pw-2013")
    assert find(here, context, "SVC_SPF_REG").get("LastPasswordSet") > first + timedelta(days=1)
    assert count(here) == 0


def test_account_management_makes_and_changes_an_account(world: World, here: Session) -> None:
    context = TYPES["system.directoryservices.accountmanagement.principalcontext"].create(here, "Machine")
    made = TYPES["system.directoryservices.accountmanagement.userprincipal"].create(here, context)
    made.set("SamAccountName", "svc")
    made.set("PasswordNeverExpires", True)
    made.methods["setpassword"](PASSWORD)
    made.methods["save"]()
    assert here.machine.collection("account")["svc"]["flags"] & 0x10000
    assert made.methods["getgroups"]() == []
    invoke(adsi(here, "WinNT://./Users,group"), "Add", f"WinNT://{here.machine.name}/svc")
    assert [group.get("SamAccountName") for group in made.methods["getgroups"]()] == ["Users"]
    made.set("Enabled", False)
    made.methods["save"]()
    assert identity.authenticate(world, here.machine, "svc", PASSWORD) is None
    made.methods["delete"]()
    assert "svc" not in here.machine.collection("account")
