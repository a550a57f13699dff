"""What an administrator, another program or time made of a machine while no client looked: no wire brings it about, or
only in many steps. ``undo`` takes a change back, and so does the end of a ``with`` block.

Each raises KeyError for an unknown machine and for an object that it expects and does not find.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Self

from lab import identity
from lab.sql.installation import installed
from lab.testing.handle import AnyLab, inside
from lab.windows import registry


class Change:
    """A change that was made."""

    def __init__(self, *undo: Callable[[], object]) -> None:
        self._undo = list(undo)

    def undo(self) -> None:
        """As it was before. Harmless twice."""
        while self._undo:
            self._undo.pop()()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.undo()


# Hardware, network, time


def network_card(lab: AnyLab, machine: str, card: str, **changed: Any) -> Change:
    """``dhcp``: whether its address is from DHCP; ``dns``: the addresses of its DNS servers; ``name``: another name,
    under the old one in every binding."""
    return _of(lab, machine, "interface", card, changed)


def free_space(lab: AnyLab, machine: str, volume: str, free_bytes: int) -> Change:
    """A volume, such as ``C``, has so many bytes left."""
    return _set(_collection(lab, machine, "volume"), volume, {"free": free_bytes})


def clock(lab: AnyLab, machine: str, ahead_seconds: int) -> Change:
    """What PowerShell on a machine takes for the time."""
    return _of(lab, machine, "power", "state", {"clock_ahead": ahead_seconds})


def domain_clock(lab: AnyLab, domain: str, ahead_seconds: int) -> Change:
    """What the domain controllers of a domain take for the time."""
    return _set(_collection(lab, domain, "clock"), "state", {"ahead": ahead_seconds})


def dns(lab: AnyLab, name: str, address: str) -> Change:
    """A name leads to another address, on every machine."""
    return _set(_collection(lab, "lab", "dns"), name, {"address": address})


def listener(lab: AnyLab, machine: str, port: int) -> Change:
    """Another program listens on a TCP port of a machine; it accepts connections and closes them."""

    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    world = inside(lab)
    here = world.machine(machine)
    endpoint = world.network.listen(here.name, here.loopback, port, talk)
    return Change(lambda: world.network.close(endpoint))


def firewall_off(lab: AnyLab, machine: str, port: int) -> Change:
    """The rules of Windows' firewall that allow a port are disabled."""
    rules = _collection(lab, machine, "firewall")
    named = [name for name, rule in rules.items() if str(port) in str(rule)]
    return _all([_set(rules, name, {"enabled": False}) for name in named], f"a rule for port {port}")


# Windows


def registry_value(lab: AnyLab, machine: str, key: str, name: str, value: str | int) -> Change:
    r"""A value below a key such as ``HKLM\SOFTWARE\…``: a string, or a DWORD."""
    here = inside(lab).machine(machine)
    keys = here.collection("registry")
    kept = keys.get(key)
    registry.write(here, key, name, value, "String" if isinstance(value, str) else "DWord")
    return _back(keys, key, kept)


def no_hotfix(lab: AnyLab, machine: str, number: str) -> Change:
    """A hotfix, such as ``KB2842230``, is not installed."""
    return _remove(_collection(lab, machine, "hotfix"), number)


def shell_memory(lab: AnyLab, machine: str, megabytes: int) -> Change:
    """WinRM's limit for a remote shell."""
    return _set(_collection(lab, machine, "winrm"), "shell", {"MaxMemoryPerShellMB": megabytes})


def service(lab: AnyLab, machine: str, name: str, **changed: str) -> Change:
    """``account`` or ``status`` of a Windows service, as the service control manager shows it."""
    return _of(lab, machine, "service", name, changed)


def share_access(lab: AnyLab, machine: str, share: str, access: Mapping[str, str]) -> Change:
    """By account or group: ``read``, ``change`` or ``full``."""
    return _of(lab, machine, "share", share, {"access": dict(access)})


def share(lab: AnyLab, machine: str, name: str, path: str, like: str) -> Change:
    """A folder of a machine is shared under a name, with the access of another share."""
    shares = _collection(lab, machine, "share")
    return _set(shares, name, {**shares[like], "name": name, "path": path})


def no_root_certificates(lab: AnyLab, machine: str) -> Change:
    """A machine trusts no authority."""
    known = _collection(lab, machine, "certificate")
    roots = [name for name, one in known.items() if one["store"] == "Root"]
    return _all([_remove(known, name) for name in roots], "a root certificate")


# Accounts


def local_account(lab: AnyLab, machine: str, name: str, password: str) -> Change:
    """A local account that is in no group."""
    here = inside(lab).machine(machine)
    accounts = here.collection("account")
    sid = identity.next_sid(accounts, here.collection("group"), identity.authority_sid(f"{here.name}.{here.domain}"))
    return _set(accounts, name, {"password": password, "sid": sid, "flags": identity.NORMAL_ACCOUNT})


def no_group(lab: AnyLab, machine: str, name: str) -> Change:
    """A local group is not there."""
    return _remove(_collection(lab, machine, "group"), name)


def password(lab: AnyLab, domain: str, account: str, text: str) -> Change:
    """An account of a domain has another password."""
    return _of(lab, domain, "account", account, {"password": text})


def no_account(lab: AnyLab, domain: str, account: str) -> Change:
    """An account of a domain was deleted; what names its SID keeps it."""
    return _remove(_collection(lab, domain, "account"), account)


def lock_out(lab: AnyLab, owner: str, wrong_passwords: int) -> Change:
    """A domain, or a machine for its local accounts, locks an account after so many wrong passwords."""
    return _set(_collection(lab, owner, "policy"), "lockout", {"threshold": wrong_passwords})


# Load balancing, SQL Server


def port_rules(lab: AnyLab, machine: str, card: str, change: Callable[[list[dict[str, Any]]], object]) -> Change:
    """A node has other port rules than its cluster, as after a change that it missed; ``change`` makes them from its
    own."""
    nodes = _collection(lab, machine, "nlb-node")
    rules = change([dict(rule) for rule in nodes[card]["port_rules"]])
    return _of(lab, machine, "nlb-node", card, {"port_rules": rules})


def sql_server(lab: AnyLab, machine: str, **changed: Any) -> Change:
    """SQL Server of a machine is of another ``edition`` or ``build`` (``[11, 0, 2100]``), or has another
    ``collation``."""
    found = installed(inside(lab).machine(machine))
    if found is None:
        raise KeyError(machine)
    return _of(lab, machine, "sql-instance", found.instance, changed)


def failover_cluster(lab: AnyLab, **changed: Any) -> Change:
    """The failover cluster of the SQL Servers has these nodes (``members``), another ``witness`` (a share; empty for
    none) or other ``votes`` (by node)."""
    return _of(lab, "lab", "sql-cluster", "cluster", changed)


def group_resource(lab: AnyLab, group: str, **changed: int) -> Change:
    """How often the failover cluster fails an availability group over: ``failover_threshold`` times in
    ``failover_period`` hours."""
    return _set(inside(lab).collection(f"ag:{group}", "group"), "group", changed)


def _collection(lab: AnyLab, owner: str, kind: str) -> Any:
    """The documents of a kind of a machine, a domain or the lab. Raises KeyError for any other owner."""
    world = inside(lab)
    if owner == "lab" or owner in {one["name"] for one in world.topology["domains"]}:
        return world.collection(owner, kind)
    return world.machine(owner).collection(kind)


def _of(lab: AnyLab, owner: str, kind: str, name: str, changed: Mapping[str, Any]) -> Change:
    """A change of a document that exists. Raises KeyError without one."""
    found = _collection(lab, owner, kind)
    if name not in found:
        raise KeyError(name)
    return _set(found, name, changed)


def _set(collection: Any, name: str, changed: Mapping[str, Any]) -> Change:
    kept = collection.get(name)
    collection[name] = {**(kept or {}), **changed}
    if kept is None:
        return _back(collection, name, None)

    def undo() -> None:
        """What else became of it meanwhile, such as a count of failed log-ons, stays."""
        if (now := collection.get(name)) is not None:
            others = {key: value for key, value in now.items() if key not in changed}
            collection[name] = {**others, **{key: kept[key] for key in changed if key in kept}}

    return Change(undo)


def _remove(collection: Any, name: str) -> Change:
    kept = collection[name]
    del collection[name]
    return _back(collection, name, kept)


def _back(collection: Any, name: str, kept: dict[str, Any] | None) -> Change:
    if kept is None:
        return Change(lambda: collection.pop(name, None))
    return Change(lambda: collection.__setitem__(name, kept))


def _all(changes: Sequence[Change], what: str) -> Change:
    if not changes:
        raise KeyError(what)
    return Change(*(one.undo for one in changes))
