"""The cmdlets of SmbShare that look at shares and at the access to them."""

from __future__ import annotations

from collections.abc import Iterator

from lab.powershell.api import Call, PSObject, cmdlet
from lab.powershell.patterns import has_wildcard
from lab.windows.cim import CimInstance, not_found
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
