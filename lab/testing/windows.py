"""What no cmdlet makes on a Windows machine, and what no cmdlet shows of it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

from lab import identity
from lab.files import resolve_new
from lab.windows import network, nlb, registry, tasks
from lab.world import Document, Machine, World

__all__ = [
    "cluster",
    "disk_path",
    "has_running_task",
    "keep_full_tokens",
    "leave_orphan",
    "leave_pending_renames",
    "listen",
    "local_administrator",
    "nodes_at_shutdown",
    "port_rule",
    "rename_card",
    "set_time_zone",
    "speak_german",
    "tasks_queue_for",
    "tasks_repeat_after",
    "wrong_password",
]


def disk_path(world: World, machine: str, path: str) -> Path:
    """Where the file of a path of a machine's disk lies on this computer, whether it exists or not."""
    return resolve_new(world.machine(machine), path)


def wrong_password(world: World, machine: str, user: str) -> None:
    """Try to log an account on with a password that it does not have."""
    identity.authenticate(world, world.machine(machine), user, "Not-The-Password-0!")


# Network load balancing


def cluster(world: World, name: str) -> Document:
    """A cluster's document: ``address``, ``further``, ``nodes``. Raises KeyError for an unknown one."""
    return nlb.cluster_of(world, name)


def port_rule(start: int, end: int, protocol: str) -> Document:
    """A port rule as a node's document has it."""
    return nlb.rule(start, end, protocol)


@contextmanager
def nodes_at_shutdown(world: World) -> Iterator[list[str]]:
    """``Portal2 Stopped``, …: how the nodes of a machine are whenever one goes down meanwhile."""
    seen: list[str] = []

    def stopping(machine: Machine) -> None:
        seen.extend(f"{machine.name} {node['state']}" for node in machine.collection("nlb-node").values())

    hook = (lambda _: None, stopping)
    world.machine_hooks.append(hook)  # the last one is the first to be called
    try:
        yield seen
    finally:
        world.machine_hooks.remove(hook)


def rename_card(world: World, machine: str, old: str, new: str) -> None:
    """An administrator gives a network card another name."""
    network.rename(world.machine(machine), old, new)


def speak_german(world: World, machine: str) -> None:
    """A machine's Windows is German, for its SQL Server: built-in accounts and groups have German names."""
    world.machine(machine).collection("power").change("state", language="de")


def set_time_zone(world: World, machine: str, ahead_minutes: int) -> None:
    """A machine's local time is so many minutes ahead of UTC, for its SQL Server."""
    world.machine(machine).collection("power").change("state", zone_minutes=ahead_minutes)


def listen(world: World, machine: str, port: int) -> None:
    """Another program listens on a TCP port of a machine; it accepts connections and closes them."""

    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    here = world.machine(machine)
    world.network.listen(here.name, here.loopback, port, talk)


# Accounts


def local_administrator(world: World, machine: str, name: str, password: str) -> None:
    """A local account in Administrators; over the network its token is filtered."""
    here = world.machine(machine)
    accounts, groups = here.collection("account"), here.collection("group")
    sid = identity.next_sid(accounts, groups, identity.authority_sid(f"{here.name}.{here.domain}"))
    accounts[name] = {"password": password, "sid": sid, "flags": identity.NORMAL_ACCOUNT}
    members = groups["Administrators"]["members"]
    groups.change("Administrators", members=[*members, f"{here.name.upper()}\\{name}"])


def leave_orphan(world: World, machine: str, group: str) -> str:
    """A member of a local group whose account in the domain was deleted since; its SID, which is all that is left."""
    here = world.machine(machine)
    groups = here.collection("group")
    sid = f"{identity.authority_sid(here.domain)}-9999"
    groups.change(group, members=[*groups[group]["members"], sid])
    return sid


def keep_full_tokens(world: World, machine: str) -> None:
    """LocalAccountTokenFilterPolicy is 1: local administrators are administrators over the network, too."""
    registry.write(world.machine(machine), identity.FILTER_POLICY_KEY, "LocalAccountTokenFilterPolicy", 1, "DWord")


# Tasks and restarts


def has_running_task(world: World, machine: str) -> bool:
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


def leave_pending_renames(world: World, machine: str, entries: Sequence[str], *, again: bool = False) -> None:
    """Windows waits for a restart, to rename or delete these files (PendingFileRenameOperations); ``again``: after the
    restart they are there once more."""
    here = world.machine(machine)
    registry.write(here, registry.SESSION_MANAGER, "PendingFileRenameOperations", list(entries), "MultiString")
    here.collection("power").change("state", renames_again=list(entries) if again else [])
