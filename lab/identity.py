"""Accounts, groups and log-ons: the domains' directories and the local accounts of every machine.

Who exists at the beginning is data (``lab/accounts.yaml``). Documents:

- domain ``D``: ``world.collection(D, "account")[name]`` = {"password", "groups": [names], "sid", "disabled",
  "bad_password_count", "failed_logons"}; ``world.collection(D, "group")[name]`` = {"sid", "groups": [parents]};
  ``world.collection(D, "policy")["lockout"]`` = {"threshold"}, where it was set (``net accounts /domain``).
- machine: ``machine.collection("account")[name]`` = {"password", "sid", "flags" (ADS_USER_FLAG), "full_name",
  "description", "expires" (ISO 8601, none: never), "bad_password_count", "failed_logons"};
  ``machine.collection("group")[name]`` = {"sid", "description", "members": ["HYPERVNU\\installer", "PORTAL1\\x", …]}.

``bad_password_count`` is Windows' attribute (a success sets it to 0); ``failed_logons`` is the lab's own and grows.
Lock-out: after so many wrong passwords in a row (whichever machines they were tried at) a domain's account is refused
with the right one, too (Microsoft: "Account lockout threshold"; the default domain policy has none). It lasts until
``locked`` is taken away: its duration is not modelled. An account that has expired is refused as well (Microsoft:
ERROR_ACCOUNT_EXPIRED). Log-on hours, and trusts between domains, are not modelled.
"""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from lab.world import Collection, Identity

if TYPE_CHECKING:
    from lab.world import Machine, World

ACCOUNTS = Path(__file__).parent / "accounts.yaml"
NORMAL_ACCOUNT = 0x200
PASSWORD_NEVER_EXPIRES = 0x10000
ACCOUNT_DISABLED = 0x2

ADMINISTRATORS = "S-1-5-32-544"
FILTER_POLICY_KEY = r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\Policies\System"
"""Where ``LocalAccountTokenFilterPolicy`` is; a fresh server has no such value."""

BUILTIN_GROUPS = {
    "Access Control Assistance Operators": 579,
    "Administrators": 544,
    "Backup Operators": 551,
    "Certificate Service DCOM Access": 574,
    "Cryptographic Operators": 569,
    "Distributed COM Users": 562,
    "Event Log Readers": 573,
    "Guests": 546,
    "Hyper-V Administrators": 578,
    "IIS_IUSRS": 568,
    "Network Configuration Operators": 556,
    "Performance Log Users": 559,
    "Performance Monitor Users": 558,
    "Power Users": 547,
    "Print Operators": 550,
    "Remote Desktop Users": 555,
    "Remote Management Users": 580,
    "Replicator": 552,
    "Users": 545,
}
"""Local groups of Windows Server 2012 and their relative identifiers (Microsoft: well-known security identifiers)."""

DOMAIN_GROUPS = {"Domain Admins": 512, "Domain Users": 513, "Domain Computers": 515}
SPF_GROUPS = ("SPF_Admin", "SPF_Provider", "SPF_VMM", "SPF_Usage")
"""Local groups that the SPF installation makes (reference: Microsoft dn554315; named so in its configuration)."""

_SYSTEM = {
    "system": ("NT AUTHORITY\\SYSTEM", "S-1-5-18"),
    "local service": ("NT AUTHORITY\\LOCAL SERVICE", "S-1-5-19"),
    "network service": ("NT AUTHORITY\\NETWORK SERVICE", "S-1-5-20"),
}


class UnknownAccountError(LookupError):
    """Windows error 1332."""

    def __init__(self, user: str) -> None:
        super().__init__("No mapping between account names and security IDs was done.")
        self.code, self.user = 1332, user


@dataclass(frozen=True)
class Account:
    """Where an account is kept: ``owner`` is a machine or a domain, ``prefix`` what stands before the backslash."""

    owner: str
    prefix: str
    name: str
    local: bool

    @property
    def full_name(self) -> str:
        return f"{self.prefix}\\{self.name}"


def find(world: World, machine: Machine, user: str) -> Account | None:
    """The account that a name means on a machine, or None.

    Understood: ``NETBIOS\\user``, ``dns.domain\\user``, ``user@dns.domain``, ``MACHINE\\user``, ``.\\user`` and a bare
    name (the machine's own accounts first, then the domain's). A domain that nobody knows falls back to the machine's
    own accounts, as a log-on over the network does (Microsoft KB 103390).
    """
    if "\\" in user:
        prefix, name = user.split("\\", 1)
        if prefix.lower() in (machine.netbios.lower(), machine.domain.lower()):
            return _in_domain(world, machine, name)
        return _local(machine, name)
    if "@" in user:
        name, suffix = user.rsplit("@", 1)
        return _in_domain(world, machine, name) if suffix.lower() == machine.domain.lower() else None
    return _local(machine, user) or _in_domain(world, machine, user)


def authenticate(world: World, machine: Machine, user: str, password: str) -> Identity | None:
    """Log a user on to a machine; None when the account is unknown or disabled or the password is wrong.

    A wrong password is counted in the account, as a failed log-on on Windows is.
    """
    account = find(world, machine, user)
    if account is None:
        return None
    known = password_of(world, account)
    return logged_on(world, machine, account, correct=known is not None and known == password)


def logged_on(world: World, machine: Machine, account: Account, *, correct: bool) -> Identity | None:
    """Count the outcome of a password check made elsewhere (NTLM) and give the identity when it succeeded."""
    collection = world.collection(account.owner, "account")
    with world.lock:
        document = collection[account.name]
        if not correct:
            count = document.get("bad_password_count", 0) + 1
            threshold = world.collection(account.owner, "policy").get("lockout", {}).get("threshold", 0)
            collection.change(
                account.name,
                bad_password_count=count,
                failed_logons=document.get("failed_logons", 0) + 1,
                locked=document.get("locked", False) or 0 < threshold <= count,
            )
            return None
        if _disabled(document) or document.get("locked") or _expired(document, world):
            return None
        if document.get("bad_password_count"):
            collection.change(account.name, bad_password_count=0)
    return identity(world, machine, account.full_name)


def password_of(world: World, account: Account) -> str | None:
    """The password of an account as the lab keeps it: for checks of protocols that never send it."""
    password = world.collection(account.owner, "account")[account.name].get("password")
    return password if isinstance(password, str) else None


def identity(world: World, machine: Machine, user: str) -> Identity:
    """The security token of an account on a machine: nested domain groups, local groups, administrator or not.

    Groups are written ``HYPERVNU\\Domain Admins``, ``BUILTIN\\Administrators``, ``SPF1\\SPF_Admin``. Raises
    UnknownAccountError. A computer's account (``HYPERVNU\\SQL1$``) and SYSTEM are known too.
    """
    bare = user.split("\\", 1)[1] if user.lower().startswith(("nt authority\\", ".\\")) else user
    if bare.lower() in _SYSTEM and not user.startswith(".\\"):
        name, sid = _SYSTEM[bare.lower()]
        return _token(
            machine, name, sid, {"Everyone", "NT AUTHORITY\\Authenticated Users"}, is_system=sid == "S-1-5-18"
        )
    computer = _computer(world, machine, user)
    if computer is not None:
        groups = {f"{machine.netbios}\\Domain Computers", "Everyone", "NT AUTHORITY\\Authenticated Users"}
        return _token(machine, f"{machine.netbios}\\{computer.name}$", _domain_computer_sid(computer), groups)
    account = find(world, machine, user)
    if account is None:
        raise UnknownAccountError(user)
    document = world.collection(account.owner, "account")[account.name]
    groups = {"Everyone", "NT AUTHORITY\\Authenticated Users"}
    if not account.local:
        names = _with_parents(world, account.owner, ["Domain Users", *document.get("groups", [])])
        groups |= {f"{account.prefix}\\{name}" for name in names}
    return _token(machine, account.full_name, document["sid"], groups)


def over_the_network(world: World, source: Machine, target: Machine, user: str) -> Identity:
    """The token on ``target`` of an account that is logged on at ``source``. Raises UnknownAccountError.

    An account of the target's own domain is the same one there. Any other (of a domain without trust, or local to the
    source) is an account of the same name of the target if there is one with the same password, else nobody: this is
    how NTLM's pass-through authentication ends (Microsoft KB 103390; trusts are not modelled).
    """
    if source.name != target.name:
        known, there = find(world, source, user), find(world, target, user)
        if known is not None and there is not None and known != there:
            if password_of(world, known) != password_of(world, there):
                raise UnknownAccountError(user)
            return from_afar(target, identity(world, target, there.full_name))
        return from_afar(target, identity(world, target, user))
    return identity(world, target, user)


def from_afar(machine: Machine, who: Identity) -> Identity:
    """The token of an account that logged on to a machine over the network: a local administrator's is filtered.

    Only the built-in Administrator, and everybody where LocalAccountTokenFilterPolicy is 1, keeps all of it; accounts
    of the domain always do (Microsoft: KB 951016, "How UAC remote restrictions work"). The policy
    FilterAdministratorToken, which filters the built-in one as well, is not modelled.
    """
    local = who.user.partition("\\")[0].lower() == machine.name.lower()
    if not local or not who.administrator or who.sid.endswith("-500") or _filters_nobody(machine):
        return who
    return replace(who, groups=who.groups - {"BUILTIN\\Administrators"}, administrator=False)


def _filters_nobody(machine: Machine) -> bool:
    values = (machine.collection("registry").get(FILTER_POLICY_KEY) or {"values": {}})["values"]
    known = {name.lower(): value["data"] for name, value in values.items()}
    return known.get("localaccounttokenfilterpolicy") == 1


def in_group(who: Identity, group: str) -> bool:
    """True when the token holds the group, written in full or by its last part, in any case."""
    wanted = group.lower()
    return any(wanted in (name.lower(), name.lower().rsplit("\\", 1)[-1]) for name in who.groups)


def sid_bytes(sid: str) -> bytes:
    """The binary form of ``S-1-5-21-…`` (MS-DTYP 2.4.2.2)."""
    parts = [int(part) for part in sid.split("-")[1:]]
    revision, authority, *rest = parts
    head = struct.pack(">BBHI", revision, len(rest), authority >> 32, authority & 0xFFFFFFFF)
    return head + struct.pack(f"<{len(rest)}I", *rest)


def authority_sid(name: str) -> str:
    """The security identifier of a domain or of a machine's own accounts; the same name always gives the same."""
    a, b, c = struct.unpack("<3I", hashlib.sha256(name.lower().encode()).digest()[:12])
    return f"S-1-5-21-{a}-{b}-{c}"


def next_sid(accounts: Collection, groups: Collection, authority: str) -> str:
    """A security identifier that no account or group has: relative identifiers begin at 1001."""
    used = [document["sid"] for collection in (accounts, groups) for document in collection.values()]
    relative = [int(sid.rsplit("-", 1)[1]) for sid in used if sid.startswith(authority + "-")]
    return f"{authority}-{max([1000, *relative]) + 1}"


def begin(world: World) -> None:
    """Domains' accounts and groups, and what a fresh Windows Server 2012 in the domain has of its own."""
    known: dict[str, Any] = yaml.safe_load(ACCOUNTS.read_text(encoding="utf-8"))
    ours = {domain.lower(): values for domain, values in known["domains"].items()}
    for domain, netbios in {machine.domain: machine.netbios for machine in world.machines.values()}.items():
        _begin_domain(world, domain, ours.get(domain.lower(), known["any_other_domain"]))
        if domain.lower() not in ours:
            _named_groups(world, domain, netbios)
    for machine in world.machines.values():
        _begin_machine(machine, known["local"])


def _begin_domain(world: World, domain: str, known: dict[str, Any]) -> None:
    authority = authority_sid(domain)
    accounts, groups = world.collection(domain, "account"), world.collection(domain, "group")
    for name, relative in DOMAIN_GROUPS.items():
        groups[name] = {"sid": f"{authority}-{relative}", "groups": []}
    for name in known.get("groups", []):
        if name not in groups:
            groups[name] = {"sid": next_sid(accounts, groups, authority), "groups": []}
    for name, values in known.get("accounts", {}).items():
        unknown = [group for group in values["groups"] if group not in groups]
        if unknown:
            raise ValueError(f"lab/accounts.yaml: account {name} of {domain}: no group {', '.join(unknown)}")
        accounts[name] = {
            "password": values["password"],
            "groups": values["groups"],
            "sid": next_sid(accounts, groups, authority),
            "disabled": False,
            "bad_password_count": 0,
            "failed_logons": 0,
        }


def _named_groups(world: World, domain: str, netbios: str) -> None:
    """What a topology calls administrators or operators of the portal is a group there, unless it is an account."""
    accounts, groups = world.collection(domain, "account"), world.collection(domain, "group")
    portal = world.topology.get("portal") or {}
    for written in [*(portal.get("administrators") or []), *(portal.get("operators") or [])]:
        prefix, _, name = str(written).rpartition("\\")
        if prefix.lower() in (netbios.lower(), domain.lower()) and name not in accounts and name not in groups:
            groups[name] = {"sid": next_sid(accounts, groups, authority_sid(domain)), "groups": []}


def _begin_machine(machine: Machine, passwords: dict[str, str]) -> None:
    authority = authority_sid(f"{machine.name}.{machine.domain}")
    accounts, groups = machine.collection("account"), machine.collection("group")
    for name, relative, flags in (("Administrator", 500, PASSWORD_NEVER_EXPIRES), ("Guest", 501, 0x10022)):
        accounts[name] = {
            "password": passwords.get(name, ""),
            "sid": f"{authority}-{relative}",
            "flags": NORMAL_ACCOUNT | flags,
            "full_name": "",
            "description": "",
            "bad_password_count": 0,
            "failed_logons": 0,
        }
    prefix = machine.name.upper()
    members = {
        "Administrators": [f"{prefix}\\Administrator", f"{machine.netbios}\\Domain Admins"],
        "Users": ["NT AUTHORITY\\Authenticated Users", f"{machine.netbios}\\Domain Users"],
        "Guests": [f"{prefix}\\Guest"],
    }
    for name, relative in BUILTIN_GROUPS.items():
        groups[name] = {"sid": f"S-1-5-32-{relative}", "description": "", "members": members.get(name, [])}
    own = [*SPF_GROUPS] if "spf" in machine.roles else []
    for name in ["WinRMRemoteWMIUsers__", *own]:
        groups[name] = {"sid": next_sid(accounts, groups, authority), "description": "", "members": []}


def _local(machine: Machine, name: str) -> Account | None:
    accounts = machine.collection("account")
    written = next((known for known in accounts if known.lower() == name.lower()), None)
    return None if written is None else Account(machine.name, machine.name.upper(), written, local=True)


def _in_domain(world: World, machine: Machine, name: str) -> Account | None:
    accounts = world.collection(machine.domain, "account")
    written = next((known for known in accounts if known.lower() == name.lower()), None)
    return None if written is None else Account(machine.domain, machine.netbios, written, local=False)


def _computer(world: World, machine: Machine, user: str) -> Machine | None:
    prefix, _, name = user.rpartition("\\")
    if not name.endswith("$") or prefix.lower() not in (machine.netbios.lower(), machine.domain.lower()):
        return None
    computer = world.machines.get(name[:-1].lower())
    return computer if computer is not None and computer.domain.lower() == machine.domain.lower() else None


def _domain_computer_sid(computer: Machine) -> str:
    names = sorted(computer.world.machines)
    return f"{authority_sid(computer.domain)}-{3001 + names.index(computer.name.lower())}"


def _disabled(document: dict[str, Any]) -> bool:
    return bool(document.get("disabled")) or bool(document.get("flags", 0) & ACCOUNT_DISABLED)


def _with_parents(world: World, domain: str, names: list[str]) -> set[str]:
    groups = world.collection(domain, "group")
    found: dict[str, str] = {}
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name.lower() not in found and name in groups:
            found[name.lower()] = name
            waiting += groups[name].get("groups", [])
    return set(found.values())


def _expired(document: dict[str, Any], world: World) -> bool:
    return bool(document.get("expires")) and datetime.fromisoformat(document["expires"]) <= world.clock.now()


def _token(machine: Machine, user: str, sid: str, groups: set[str], *, is_system: bool = False) -> Identity:
    """Add the machine's local groups: one level deep, a local group cannot hold another one."""
    holders = {name.lower() for name in groups} | {user.lower()}
    administrator = is_system
    for name, document in machine.collection("group").peek_all():
        if any(member.lower() in holders for member in document["members"]):
            builtin = document["sid"].startswith("S-1-5-32-")
            groups.add(f"BUILTIN\\{name}" if builtin else f"{machine.name.upper()}\\{name}")
            administrator = administrator or document["sid"] == ADMINISTRATORS
    if is_system:
        groups.add("BUILTIN\\Administrators")
    return Identity(user, sid, frozenset(groups), administrator)
