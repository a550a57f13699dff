"""Paths of ADSI's WinNT provider: what they mean on a machine, the members of groups they stand for, its errors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lab import identity
from lab.powershell.api import NotModelledError, PowerShellError, PSObject
from lab.windows import accounts
from lab.windows.accounts import AccountError

if TYPE_CHECKING:
    from lab.world import Machine

COM = "System.Runtime.InteropServices.COMException"


def failure(code: int) -> PowerShellError:
    """The exception below a method call of an entry."""
    denied = code == accounts.DENIED
    return PowerShellError(
        accounts.TEXTS[code],
        "CatchFromBaseAdapterMethodInvokeTI",
        exception_type="System.UnauthorizedAccessException" if denied else COM,
        data={"HResult": code - (1 << 32), "ErrorCode": code - (1 << 32)},
    )


def unreachable(member: str, code: int) -> PowerShellError:
    """What PowerShell says when it looks for a member of an entry that cannot be bound."""
    return PowerShellError(
        f'The following exception occurred while retrieving member "{member}": "{accounts.TEXTS[code]}"',
        "CatchFromBaseGetMember",
        exception_type="System.Management.Automation.ExtendedTypeSystemException",
        inner=failure(code),
    )


def parts_of(path: str) -> tuple[list[str], str]:
    """The names of a WinNT path and the class behind the comma. The scheme is case sensitive, as on the real thing."""
    if path.startswith(("LDAP://", "GC://", "IIS://")):
        raise NotModelledError(f"ADSI provider of {path.split('/', 1)[0]}")
    if not path.startswith("WinNT://"):
        raise AccountError(0x80005000)
    body, _, kind = path.removeprefix("WinNT://").partition(",")
    return [part for part in body.split("/") if part], kind.strip().lower()


def bind(machine: Machine, path: str) -> tuple[str, str, int | None, bool]:
    """(class, name, HRESULT of the failure or None, False) of a path."""
    try:
        names, kind = parts_of(path)
    except AccountError as error:
        return "", path, error.code, False
    local = (machine.name.lower(), ".", "localhost")
    if len(names) > 1 and names[0].lower() in (machine.netbios.lower(), machine.domain.lower()) and (
        names[1].lower() == machine.name.lower()
    ):  # fmt: skip
        names = names[1:]
    if not names:
        raise NotModelledError("the WinNT: namespace itself")
    if names[0].lower() not in local:
        if names[0].lower() in (machine.netbios.lower(), machine.domain.lower()):
            raise NotModelledError("entries of the domain with the WinNT provider (members of local groups are known)")
        if names[0].lower() in machine.world.machines:
            raise NotModelledError("another machine's accounts with the WinNT provider")
        return "", path, 0x80070035, False
    if len(names) == 1:
        return "Computer", machine.name.upper(), None, False
    if kind in ("", "user") and (found := accounts.user_named(machine, names[1])) is not None:
        return "User", found, None, False
    if kind in ("", "group") and (found := accounts.group_named(machine, names[1])) is not None:
        return "Group", found, None, False
    if kind not in ("", "user", "group"):
        raise NotModelledError(f"class {kind} of the WinNT provider")
    return "", names[1], accounts.NOT_FOUND_USER if kind == "user" else accounts.NOT_FOUND_GROUP, False


def member_of_path(machine: Machine, path: str) -> str:
    """The member that a WinNT path means, as it is kept in a group."""
    names, _ = parts_of(path)
    if len(names) == 3 and names[0].lower() in (machine.netbios.lower(), machine.domain.lower()):
        names = names[1:]
    if len(names) != 2:
        raise AccountError(0x8007056B)
    return accounts.resolve_member(machine, names[0], names[1])


def ads_path(machine: Machine, kind: str, name: str) -> str:
    """The full path of one of the machine's own entries, as the provider gives it on a member of a domain."""
    computer = f"WinNT://{machine.netbios}/{machine.name.upper()}"
    return computer if kind == "Computer" else f"{computer}/{name}"


class ComObject(PSObject):
    """What ``Members`` gives: a COM object, read with ``InvokeMember`` or after a cast to [ADSI]."""

    def __init__(self, machine: Machine, kind: str, name: str, path: str = "", sid: str | None = None) -> None:
        self.path = path or ads_path(machine, kind, name)
        self.com = {"adspath": self.path, "name": name, "class": kind, "parent": self.path.rpartition("/")[0]}
        self.sid = sid
        super().__init__("System.__ComObject", text="System.__ComObject")
        self.methods["gettype"] = lambda: PSObject(
            "System.RuntimeType",
            {"Name": "__ComObject", "FullName": "System.__ComObject"},
            {"InvokeMember": _invoke_member},
            text="System.__ComObject",
        )


def _invoke_member(name: Any, flags: Any, _binder: Any, target: Any, arguments: Any = None) -> Any:
    if not isinstance(target, ComObject) or str(flags).lower() != "getproperty" or arguments:
        raise NotModelledError(f"InvokeMember({name}, {flags}) of a directory object")
    if str(name).lower() == "objectsid" and target.sid:
        return list(identity.sid_bytes(target.sid))
    if str(name).lower() not in target.com:
        raise PowerShellError(
            "Unknown name. (Exception from HRESULT: 0x80020006 (DISP_E_UNKNOWNNAME))",
            "COMException",
            exception_type=COM,
        )
    return target.com[str(name).lower()]


def member_object(machine: Machine, member: str) -> ComObject:
    """A member of a local group, with the path that the WinNT provider gives it. One whose account is gone is only a
    SID, kept so in the group (Puppet, PUP-7326); its path and its class are unproven."""
    if member.startswith("S-1-"):  # its account is gone
        return ComObject(machine, "User", member, f"WinNT://{member}")
    prefix, _, name = member.partition("\\")
    if prefix.lower() == machine.name.lower():
        return ComObject(machine, "User", name)
    is_group = name.lower() in (known.lower() for known in machine.world.collection(machine.domain, "group"))
    domain = prefix.lower() == machine.netbios.lower()
    return ComObject(machine, "Group" if domain and is_group else "User", name, f"WinNT://{prefix}/{name}")
