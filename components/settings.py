"""From a stack's configuration to the machines it reaches: the one place that knows the configuration's keys.

Used by the program, by every provider (which gets the decrypted configuration in ``configure``) and by operations.
"""

from __future__ import annotations

import atexit
import json
import threading
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from components.topology import Topology, load
from remote.errors import MachineError
from remote.hosts import Host, Hosts
from remote.secret import Secret
from remote.session import Remote

KEYS = ("topology", "hosts", "credentials", "authorities", "sqlAdministratorPassword")
"""The configuration a connection needs; the payload's secrets (passphrase, SPF account) reach resources as inputs."""


def connection_settings(get: Callable[[str], Any]) -> str:
    """The configuration a connection needs, as one canonical JSON text (``Remote`` objects are shared by it)."""
    values = {key: _decoded(get(key)) for key in KEYS}
    return json.dumps(values, sort_keys=True)


def _decoded(value: Any) -> Any:
    """Objects reach a provider as JSON text (reference: Pulumi dynamic providers, ``configure``)."""
    if isinstance(value, str) and value.startswith("{"):
        return json.loads(value)
    return value


def check(get: Callable[[str], Any]) -> None:
    """Whether the topology and the connections to its machines can be read at all; nothing is contacted.

    Raises ``TopologyError`` or ``MachineError``.
    """
    text = connection_settings(get)
    hosts(json.loads(text), topology_of(text))


_remotes: dict[str, Remote] = {}
_making = threading.Lock()


def remote(settings: str) -> Remote:
    """The connections for these settings: one set per process, however many kinds of resources use it.

    Resources ask for it at the same time; a second set would start every host's PowerShell twice.
    """
    with _making:
        if settings not in _remotes:
            made = _remotes[settings] = Remote(hosts(json.loads(settings), topology_of(settings)))
            atexit.register(made.close)
        return _remotes[settings]


@cache
def topology_of(settings: str) -> Topology:
    return load(topology_file(settings))


def topology_file(settings: str) -> Path:
    return Path(json.loads(settings)["topology"])


def hosts(values: dict[str, Any], topology: Topology) -> Hosts:
    """How each machine of the topology is reached.

    ``credentials`` are looked up by the machine's name first, then by its domain. Raises ``MachineError`` naming the
    machine and the key that is missing.
    """
    given = {name.lower(): entry or {} for name, entry in (values.get("hosts") or {}).items()}
    credentials = {name.lower(): entry for name, entry in (values.get("credentials") or {}).items()}
    replicas = {replica.machine.lower(): replica for replica in topology.sql.replicas}
    machines = {}
    for machine in topology.machines:
        entry, replica = given.pop(machine.name.lower(), {}), replicas.get(machine.name.lower())
        who = credentials.get(machine.name.lower()) or credentials.get(machine.domain.lower())
        if not who or not who.get("username") or not who.get("password"):
            raise MachineError(
                machine.name,
                "find out how to log on",
                f"no user name and password for {machine.name} or {machine.domain} in this stack's configuration",
                f"Set `credentials` for {machine.domain}.",
            )
        machines[machine.name.lower()] = Host(
            name=machine.name,
            fqdn=topology.fqdn(machine.name),
            address=entry.get("address") or topology.fqdn(machine.name),
            username=who["username"],
            password=Secret(who["password"]),
            winrm_port=int(entry.get("winrmPort") or 5986),
            sql_port=int(entry.get("sqlPort") or (replica.port if replica else 1433)),
            sql_instance=(replica.instance or "") if replica else "",
            sql_username=topology.sql.administrator,
            sql_password=Secret(values.get("sqlAdministratorPassword") or ""),
            verify=bool(entry.get("verify", True)),
            replica=replica is not None,
            netbios=topology.domain_of(machine.name).netbios,
        )
    shared = {name: str(given.pop(name).get("address") or "") for name in _shared_names(topology) if name in given}
    for name in (name for name, address in shared.items() if not address):
        raise MachineError(
            name,
            "read `hosts` of this stack's configuration",
            "the entry has no address",
            "Give it an `address`, or remove the entry.",
        )
    if given:
        known = ", ".join([*(machine.name for machine in topology.machines), *_shared_names(topology)])
        raise MachineError(
            next(iter(given)),
            "read `hosts` of this stack's configuration",
            "no machine, cluster or listener of this name in the topology",
            f"Known are: {known}. A machine that leaves the farm stays in `machines` until `pulumi up` has cleared it.",
        )
    authorities = str(values.get("authorities") or "")
    if authorities and not Path(authorities).is_file():
        raise MachineError(
            "this computer",
            "read the authorities to trust",
            f"there is no file {authorities}",
            "Correct `authorities` in this stack's configuration; for the lab, start it first (`make up`).",
        )
    return Hosts(machines, shared, authorities)


def _shared_names(topology: Topology) -> list[str]:
    """The names behind which several machines stand, lower case."""
    fronts = [tier.front.name.lower() for tier in topology.portal.tiers]
    return [*fronts, topology.listener_fqdn, topology.spf.name.lower()]
