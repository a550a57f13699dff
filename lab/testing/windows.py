"""What no cmdlet makes on a Windows machine, and what no cmdlet shows of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

from lab import identity
from lab.files import resolve_new
from lab.testing.handle import AnyLab, inside
from lab.windows import network, nlb, registry, tasks
from lab.world import Document, Machine

__all__ = [
    "certificate_bindings",
    "cluster",
    "clusters",
    "disk_path",
    "failed_log_ons",
    "has_running_task",
    "keep_full_tokens",
    "leave_orphan",
    "leave_pending_renames",
    "local_administrator",
    "members",
    "nodes",
    "nodes_at_shutdown",
    "port_rule",
    "rename_card",
    "scheduled_tasks",
    "set_time_zone",
    "site_bindings",
    "speak_german",
    "tasks_queue_for",
    "tasks_repeat_after",
    "wrong_password",
]


def disk_path(lab: AnyLab, machine: str, path: str) -> Path:
    """Where the file of a path of a machine's disk lies on this computer, whether it exists or not."""
    world = inside(lab)
    return resolve_new(world.machine(machine), path)


def wrong_password(lab: AnyLab, machine: str, user: str) -> None:
    """Try to log an account on with a password that it does not have."""
    world = inside(lab)
    identity.authenticate(world, world.machine(machine), user, "Not-The-Password-0!")


# Network load balancing


def cluster(lab: AnyLab, name: str) -> Document:
    """A cluster's document: ``address``, ``further``, ``nodes``. Raises KeyError for an unknown one."""
    world = inside(lab)
    return nlb.cluster_of(world, name)


def clusters(lab: AnyLab) -> dict[str, Document]:
    """Every cluster by name, as ``cluster`` gives one."""
    return {name: dict(one) for name, one in inside(lab).collection("nlb", "cluster").items()}


def nodes(lab: AnyLab, machine: str) -> dict[str, Document]:
    """By network card, the node that a machine is with it: ``cluster``, ``state``, ``port_rules``, …"""
    return {card: dict(one) for card, one in inside(lab).machine(machine).collection("nlb-node").items()}


def port_rule(start: int, end: int, protocol: str) -> Document:
    """A port rule as a node's document has it."""
    return nlb.rule(start, end, protocol)


@contextmanager
def nodes_at_shutdown(lab: AnyLab) -> Iterator[list[str]]:
    """``Portal2 Stopped``, …: how the nodes of a machine are whenever one goes down meanwhile."""
    world = inside(lab)
    seen: list[str] = []

    def stopping(machine: Machine) -> None:
        seen.extend(f"{machine.name} {node['state']}" for node in machine.collection("nlb-node").values())

    hook = (lambda _: None, stopping)
    world.machine_hooks.append(hook)  # the last one is the first to be called
    try:
        yield seen
    finally:
        world.machine_hooks.remove(hook)


def rename_card(lab: AnyLab, machine: str, old: str, new: str) -> None:
    """An administrator gives a network card another name."""
    world = inside(lab)
    network.rename(world.machine(machine), old, new)


def speak_german(lab: AnyLab, machine: str) -> None:
    """A machine's Windows is German, for its SQL Server: built-in accounts and groups have German names."""
    world = inside(lab)
    world.machine(machine).collection("power").change("state", language="de")


def set_time_zone(lab: AnyLab, machine: str, ahead_minutes: int) -> None:
    """A machine's local time is so many minutes ahead of UTC, for its SQL Server."""
    world = inside(lab)
    world.machine(machine).collection("power").change("state", zone_minutes=ahead_minutes)


# Accounts


def local_administrator(lab: AnyLab, machine: str, name: str, password: str) -> None:
    """A local account in Administrators; over the network its token is filtered."""
    world = inside(lab)
    here = world.machine(machine)
    accounts, groups = here.collection("account"), here.collection("group")
    sid = identity.next_sid(accounts, groups, identity.authority_sid(f"{here.name}.{here.domain}"))
    accounts[name] = {"password": password, "sid": sid, "flags": identity.NORMAL_ACCOUNT}
    members = groups["Administrators"]["members"]
    groups.change("Administrators", members=[*members, f"{here.name.upper()}\\{name}"])


def members(lab: AnyLab, machine: str, group: str) -> list[str]:
    """Of a local group, as Windows keeps them: names, and SIDs of accounts that are gone."""
    return list(inside(lab).machine(machine).collection("group")[group]["members"])


def failed_log_ons(lab: AnyLab, domain: str) -> dict[str, int]:
    """By account of a domain: the log-ons with a wrong password, on whatever machine, since the lab began."""
    accounts = inside(lab).collection(domain, "account")
    return {name: int(one["failed_logons"]) for name, one in accounts.items()}


def leave_orphan(lab: AnyLab, machine: str, group: str) -> str:
    """A member of a local group whose account in the domain was deleted since; its SID, which is all that is left."""
    world = inside(lab)
    here = world.machine(machine)
    groups = here.collection("group")
    sid = f"{identity.authority_sid(here.domain)}-9999"
    groups.change(group, members=[*groups[group]["members"], sid])
    return sid


def keep_full_tokens(lab: AnyLab, machine: str) -> None:
    """LocalAccountTokenFilterPolicy is 1: local administrators are administrators over the network, too."""
    world = inside(lab)
    registry.write(world.machine(machine), identity.FILTER_POLICY_KEY, "LocalAccountTokenFilterPolicy", 1, "DWord")


# Sites


def site_bindings(lab: AnyLab, machine: str) -> list[tuple[str, Document]]:
    """Site and binding (``address``, ``port``, ``host``, ``flags``) of every binding of IIS."""
    sites = inside(lab).machine(machine).collection("site").values()
    return [(site["name"], dict(binding)) for site in sites for binding in site["bindings"]]


def certificate_bindings(lab: AnyLab, machine: str) -> dict[str, str]:
    """By endpoint (``0.0.0.0:443``, ``name:443``), the thumbprint that HTTP.SYS has for it."""
    bound = inside(lab).machine(machine).collection("sslbinding")
    return {key: str(one["thumbprint"]) for key, one in bound.items()}


# Tasks and restarts


def scheduled_tasks(lab: AnyLab, machine: str) -> list[str]:
    r"""Paths of all scheduled tasks: ``\NLB join Portal2``."""
    return list(inside(lab).machine(machine).collection("task"))


def has_running_task(lab: AnyLab, machine: str) -> bool:
    world = inside(lab)
    here = world.machine(machine)
    return any(tasks.is_running(here, key) for key in here.collection("task"))


@contextmanager
def tasks_queue_for(queued_seconds: float) -> Iterator[None]:
    """A scheduled task waits so many modelled seconds before it runs."""
    with patch.object(tasks, "QUEUED_SECONDS", queued_seconds):
        yield


@contextmanager
def tasks_repeat_after(interval_seconds: float) -> Iterator[None]:
    """A trigger that repeats does so at most each so many seconds of this computer's."""
    with patch.object(tasks, "LEAST_REPETITION_SECONDS", interval_seconds):
        yield


def leave_pending_renames(lab: AnyLab, machine: str, entries: Sequence[str], *, again: bool = False) -> None:
    """Windows waits for a restart, to rename or delete these files (PendingFileRenameOperations); ``again``: after the
    restart they are there once more."""
    world = inside(lab)
    here = world.machine(machine)
    registry.write(here, registry.SESSION_MANAGER, "PendingFileRenameOperations", list(entries), "MultiString")
    here.collection("power").change("state", renames_again=list(entries) if again else [])
