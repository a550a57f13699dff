"""The cmdlets of SmbShare that look at shares, make and remove them and give access."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from lab.files import LabFileError, resolve
from lab.identity import UnknownAccountError, identity
from lab.powershell.api import Call, PSObject, cmdlet
from lab.powershell.patterns import has_wildcard
from lab.windows.cim import CimError, CimInstance, errors, not_found, prompt_refused
from lab.windows.values import given_objects, matches, text, texts
from lab.world import Document

NAMESPACE = "ROOT/Microsoft/Windows/SMB"
RIGHTS = {"full": "Full", "change": "Change", "read": "Read"}


def _share(document: Document) -> CimInstance:
    return CimInstance(
        NAMESPACE,
        "MSFT_SmbShare",
        {
            "Name": document["name"],
            "ScopeName": "*",
            "Path": document["path"],
            "Description": document.get("description", ""),
            "ShareState": "Online",
            "ShareType": "FileSystemDirectory",
            "Special": False,
            "Temporary": False,
        },
    )


def _access(document: Document, account: str, right: str) -> CimInstance:
    return CimInstance(
        NAMESPACE,
        "MSFT_SmbShareAccessControlEntry",
        {
            "Name": document["name"],
            "ScopeName": "*",
            "AccountName": account,
            "AccessControlType": "Allow",
            "AccessRight": RIGHTS[right],
        },
    )


def _found(call: Call) -> list[Document]:
    shares = call.machine.collection("share")
    names = [text(item.get("Name")) for item in given_objects(call) if isinstance(item, PSObject)] or texts(
        call.get("Name")
    )
    if not names:
        return list(shares.values())
    chosen = []
    for name in names:
        fitting = [document for document in shares.values() if matches(name, document["name"])]
        if not fitting and not has_wildcard(name):
            call.runtime.write_error(not_found(call, "MSFT_SMBShare", "Name", name))
        chosen += fitting
    return chosen


@cmdlet("Get-SmbShare")
def get_share(call: Call) -> Iterator[PSObject]:
    for document in _found(call):
        yield _share(document)


@cmdlet("Get-SmbShareAccess")
def get_access(call: Call) -> Iterator[PSObject]:
    for document in _found(call):
        for account, right in document["access"].items():
            yield _access(document, account, right)


def _account(call: Call, name: str) -> str:
    """The full name of an account or group of the machine or its domain."""
    if name.lower() == "everyone":
        return "Everyone"
    machine = call.machine
    try:
        return identity(machine.world, machine, name).user
    except UnknownAccountError:
        bare = name.rsplit("\\", 1)[-1]
        groups = machine.collection("group")
        for known in groups:
            if known.lower() == bare.lower():
                return (
                    f"BUILTIN\\{known}" if groups[known]["sid"].startswith("S-1-5-32-") else f"{machine.name}\\{known}"
                )
        for known in machine.world.collection(machine.domain, "group"):
            if known.lower() == bare.lower():
                return f"{machine.netbios}\\{known}"
        raise CimError(1332, "No mapping between account names and security IDs was done.") from None


@cmdlet("New-SmbShare")
def new_share(call: Call) -> Iterator[PSObject]:
    with errors(call):
        yield _new_share(call)


def _new_share(call: Call) -> PSObject:
    if not call.session.identity.administrator:
        raise CimError(5, "Access is denied.", "PermissionDenied")
    name, path = text(call.get("Name")), text(call.get("Path"))
    if name in call.machine.collection("share"):
        raise CimError(2118, "The name has already been shared.")
    try:
        resolve(call.machine.world, call.machine, path, call.session.identity.user, False)
    except LabFileError as error:
        raise CimError(error.code, error.message, "ObjectNotFound") from error
    access: dict[str, str] = {}
    for right in ("Read", "Change", "Full"):
        for account in texts(call.get(f"{right}Access")):
            access[_account(call, account)] = right.lower()
    document: dict[str, Any] = {
        "name": name,
        "path": path,
        "description": text(call.get("Description")),
        "access": access or {"Everyone": "read"},
    }
    call.machine.collection("share")[name] = document
    return _share(document)


@cmdlet("Remove-SmbShare")
def remove_share(call: Call) -> None:
    found = _found(call)
    if found and not call.get("Force") and "Confirm" not in call.bound:
        raise prompt_refused(call)
    for document in found:
        del call.machine.collection("share")[document["name"]]
