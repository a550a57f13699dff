"""Local accounts and groups of a machine: what the SAM does, by any interface (ADSI, AccountManagement, ``net``).

Documents are those of ``lab.identity``; here are the rules for changing them. Refusals are ``AccountError`` with the
HRESULT and text that the interfaces above show.

Password policy: a member of a domain whose default policy nobody changed (Microsoft: Account Policies, defaults of the
Default Domain Policy): 7 characters, complexity, 24 remembered passwords, minimum age one day, no lockout. An
administrator's *setting* of a password is held to length and complexity; a *change* (with the old password) to
history and age as well. Of the history the lab remembers the current password only.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from lab import identity

if TYPE_CHECKING:
    from lab.world import Document, Machine

USER_FLAGS_NEW = 0x201
"""UF_SCRIPT and UF_NORMAL_ACCOUNT: what NetUserAdd sets."""

MINIMUM_LENGTH = 7
MINIMUM_AGE = timedelta(days=1)

TEXTS = {
    0x80005000: "Unknown error (0x80005000)",
    0x8000500D: "The directory property cannot be found in the cache.\r\n",
    0x80070005: "Access is denied.\r\n",
    0x80070035: "The network path was not found.\r\n",
    0x80070056: "The specified network password is not correct.\r\n",
    0x80070560: "The specified local group does not exist.\r\n",
    0x80070561: "The specified account name is not a member of the group.\r\n",
    0x80070562: "The specified account name is already a member of the group.\r\n",
    0x80070563: "The specified local group already exists.\r\n",
    0x8007056B: "A member could not be added to or removed from the local group because the member does not exist.\r\n",
    0x800708AC: "The group name could not be found.\r\n",
    0x800708AD: "The user name could not be found.\r\n",
    0x800708B0: "The account already exists.\r\n",
    0x800708C5: "The password does not meet the password policy requirements. Check the minimum password length, "
    "password complexity and password history requirements.\r\n",
}
"""Texts of Windows' system and network errors (winerror.h, lmerr.h)."""

NOT_FOUND_USER, NOT_FOUND_GROUP = 0x800708AD, 0x800708AC
POLICY, WRONG_PASSWORD, DENIED = 0x800708C5, 0x80070056, 0x80070005

_WELL_KNOWN = ("Authenticated Users", "SYSTEM", "LOCAL SERVICE", "NETWORK SERVICE", "INTERACTIVE", "IUSR")


class AccountError(Exception):
    """A refusal: ``code`` is the HRESULT."""

    def __init__(self, code: int) -> None:
        super().__init__(TEXTS[code])
        self.code = code


def user_named(machine: Machine, name: str) -> str | None:
    """The account's name as it is written, or None."""
    return next((known for known in machine.collection("account") if known.lower() == name.lower()), None)


def group_named(machine: Machine, name: str) -> str | None:
    return next((known for known in machine.collection("group") if known.lower() == name.lower()), None)


def check_new_password(document: Document, name: str, password: str) -> None:
    """Length and complexity. Raises AccountError 0x800708C5."""
    if len(password) < MINIMUM_LENGTH or not _complex(password, name, str(document.get("full_name") or "")):
        raise AccountError(POLICY)


def _complex(password: str, name: str, full_name: str) -> bool:
    """Three of five kinds of characters, without the account's name and the parts of the full name (3 letters up)."""
    forbidden = [name, *re.split(r"[,.\-_ #\t]+", full_name)]
    if any(len(part) >= 3 and part.lower() in password.lower() for part in forbidden):
        return False
    kinds = {
        "upper" if c.isupper() else "lower" if c.islower() else "digit" if c.isdigit() else
        "letter" if unicodedata.category(c).startswith("L") else "sign"
        for c in password
    }  # fmt: skip
    return len(kinds) >= 3


def create_user(machine: Machine, name: str, password: str, **values: object) -> None:
    """A new local account. It belongs to no group. Raises AccountError: exists, password policy."""
    if user_named(machine, name) is not None:
        raise AccountError(0x800708B0)
    if group_named(machine, name) is not None:
        raise AccountError(0x80070563)
    check_new_password({"full_name": values.get("full_name", "")}, name, password)
    with machine.world.lock:
        accounts, groups = machine.collection("account"), machine.collection("group")
        accounts[name] = {
            "password": password,
            "sid": identity.next_sid(accounts, groups, _authority(machine)),
            "flags": USER_FLAGS_NEW,
            "full_name": "",
            "description": "",
            "bad_password_count": 0,
            "failed_logons": 0,
            "password_set": machine.world.clock.now().isoformat(),
            **values,
        }


def create_group(machine: Machine, name: str, description: str = "") -> None:
    if group_named(machine, name) is not None or user_named(machine, name) is not None:
        raise AccountError(0x80070563)
    with machine.world.lock:
        accounts, groups = machine.collection("account"), machine.collection("group")
        groups[name] = {
            "sid": identity.next_sid(accounts, groups, _authority(machine)),
            "description": description,
            "members": [],
        }


def _authority(machine: Machine) -> str:
    """The part of the security identifier that all own accounts of the machine share."""
    return identity.authority_sid(f"{machine.name}.{machine.domain}")


def set_password(machine: Machine, name: str, password: str) -> None:
    """An administrator's reset. Raises AccountError."""
    accounts = machine.collection("account")
    check_new_password(accounts[name], name, password)
    accounts.change(name, password=password, password_set=machine.world.clock.now().isoformat(), password_expired=False)


def change_password(machine: Machine, name: str, old: str, new: str) -> None:
    """A user's own change. A wrong old password counts as a bad password; then the policy is looked at.

    Raises AccountError 0x80070056 (old password wrong) or 0x800708C5 (policy: length, complexity, history, age).
    """
    accounts = machine.collection("account")
    with machine.world.lock:
        document = accounts[name]
        if document.get("password") != old:
            accounts.change(
                name,
                bad_password_count=document.get("bad_password_count", 0) + 1,
                failed_logons=document.get("failed_logons", 0) + 1,
            )
            raise AccountError(WRONG_PASSWORD)
        too_young = machine.world.clock.now() - password_set(machine, name) < MINIMUM_AGE
        if new == old or (too_young and not document.get("password_expired")):
            raise AccountError(POLICY)
        set_password(machine, name, new)


def password_set(machine: Machine, name: str) -> datetime:
    """When the password was last set (UTC); for accounts that came with the machine, its first start seen here."""
    accounts = machine.collection("account")
    document = accounts[name]
    if not document.get("password_set"):
        document = accounts.change(name, password_set=machine.collection("power")["state"]["booted"])
    return datetime.fromisoformat(document["password_set"])


def password_age(machine: Machine, name: str) -> int:
    """Whole seconds since then: all that the account database of a machine tells (Microsoft: USER_INFO_3,
    usri3_password_age)."""
    return int((machine.world.clock.now() - password_set(machine, name)).total_seconds())


def last_password_set(machine: Machine, name: str) -> datetime:
    """When the password was set, as .NET works it out at each read: now less the age in whole seconds. It moves by up
    to a second from one read to the next, and is UTC in any time zone (source of .NET: SAMStoreCtx, UtcNow)."""
    return machine.world.clock.now() - timedelta(seconds=password_age(machine, name))


def expires(document: Document) -> datetime | None:
    """When an account ends (UTC); None: never. Its password is another matter."""
    return datetime.fromisoformat(document["expires"]) if document.get("expires") else None


def delete_user(machine: Machine, name: str) -> None:
    """Remove an account and its memberships in local groups."""
    written = user_named(machine, name)
    if written is None:
        raise AccountError(NOT_FOUND_USER)
    with machine.world.lock:
        groups = machine.collection("group")
        member = f"{machine.name}\\{written}".lower()
        for group, document in groups.items():
            kept = [known for known in document["members"] if known.lower() != member]
            if len(kept) != len(document["members"]):
                groups.change(group, members=kept)
        del machine.collection("account")[written]


def delete_group(machine: Machine, name: str) -> None:
    written = group_named(machine, name)
    if written is None:
        raise AccountError(NOT_FOUND_GROUP)
    if machine.collection("group")[written]["sid"].startswith("S-1-5-32-"):
        raise AccountError(DENIED)  # a built-in group cannot be deleted: ERROR_SPECIAL_GROUP over SAM, unproven
    del machine.collection("group")[written]


def add_member(machine: Machine, group: str, member: str) -> None:
    """``member`` is ``PREFIX\\name`` as ``resolve_member`` gives it. Raises AccountError when it is one already."""
    with machine.world.lock:
        members = machine.collection("group")[group]["members"]
        if member.lower() in (known.lower() for known in members):
            raise AccountError(0x80070562)
        machine.collection("group").change(group, members=[*members, member])


def remove_member(machine: Machine, group: str, member: str) -> None:
    with machine.world.lock:
        members = machine.collection("group")[group]["members"]
        kept = [known for known in members if known.lower() != member.lower()]
        if len(kept) == len(members):
            raise AccountError(0x80070561)
        machine.collection("group").change(group, members=kept)


def resolve_member(machine: Machine, prefix: str, name: str) -> str:
    """The account or group that may be a member of a local group, as it is kept. Raises AccountError 0x8007056B.

    ``prefix`` is the machine, its domain (NetBIOS or DNS name), ``NT AUTHORITY`` or ``IIS APPPOOL``. A local group
    cannot be a member of another one.
    """
    lowered = prefix.lower()
    if lowered in (machine.name.lower(), ".", "localhost"):
        written = user_named(machine, name)
        if written is not None:
            return f"{machine.name.upper()}\\{written}"
    elif lowered in (machine.netbios.lower(), machine.domain.lower()):
        for kind in ("account", "group"):
            for written in machine.world.collection(machine.domain, kind):
                if written.lower() == name.lower():
                    return f"{machine.netbios}\\{written}"
    elif lowered == "nt authority":
        known = next((known for known in _WELL_KNOWN if known.lower() == name.lower()), None)
        if known is not None:
            return f"NT AUTHORITY\\{known}"
    elif lowered == "iis apppool":
        pool = next((pool for pool in machine.collection("apppool") if pool.lower() == name.lower()), None)
        if pool is not None:
            return f"IIS APPPOOL\\{pool}"
    raise AccountError(0x8007056B)
