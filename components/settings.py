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

from components import connection_problems
from components.connection_problems import shared_names
from components.prelude import prelude
from components.topology import Topology, load
from remote.errors import MachineError
from remote.hosts import Host, Hosts
from remote.names import folded
from remote.secret import Secret
from remote.session import Remote

KEYS = ("topology", "hosts", "credentials", "authorities", "sqlAdministratorPassword")
"""The configuration a connection needs; the payload's secrets (passphrase, SPF account) reach resources as inputs."""
OBJECTS = ("hosts", "credentials")
"""Those that are objects."""


def connection_settings(get: Callable[[str], Any]) -> str:
    """The configuration a connection needs, as one canonical JSON text (``Remote`` objects are shared by it)."""
    values = {key: decoded(get(key)) if key in OBJECTS else get(key) for key in KEYS}
    return json.dumps(values, sort_keys=True)


def decoded(value: Any) -> Any:
    """Objects reach a provider as JSON text (reference: Pulumi dynamic providers, ``configure``); any other text stays
    what it is, for ``check`` to refuse."""
    try:
        return json.loads(value) if isinstance(value, str) else value
    except ValueError:
        return value


def check(get: Callable[[str], Any]) -> None:
    """Whether the topology and the connections to its machines can be read at all; nothing is contacted.

    Raises ``TopologyError`` or ``ConfigurationError`` with all problems.
    """
    text = connection_settings(get)
    passwords = {key: get(key) for key in connection_problems.PASSWORDS}
    connection_problems.check(json.loads(text), topology_of(text), passwords)


_remotes: dict[str, Remote] = {}
_making = threading.Lock()


def remote(settings: str) -> Remote:
    """The connections for these settings: one set per process, however many kinds of resources use it.

    Resources ask for it at the same time; a second set would start every host's PowerShell twice.
    """
    with _making:
        if settings not in _remotes:
            made = _remotes[settings] = Remote(hosts(json.loads(settings), topology_of(settings)), prelude())
            atexit.register(made.close)
        return _remotes[settings]


@cache
def topology_of(settings: str) -> Topology:
    return load(topology_file(settings))


def topology_file(settings: str) -> Path:
    return Path(json.loads(settings)["topology"])


def hosts(values: dict[str, Any], topology: Topology) -> Hosts:
    """How each machine of the topology is reached.

    ``values`` have passed ``check``. ``credentials`` are looked up by the machine's name first, then by its domain.
    Raises ``MachineError`` naming the machine and the key that is missing.
    """
    given = {folded(name): entry or {} for name, entry in (values.get("hosts") or {}).items()}
    credentials = {folded(name): entry for name, entry in (values.get("credentials") or {}).items()}
    replicas = {replica.machine: replica for replica in topology.sql.replicas}
    machines = {}
    for machine in topology.machines:
        entry, replica = given.pop(folded(machine.name), {}), replicas.get(machine.name)
        who = credentials.get(folded(machine.name)) or credentials.get(machine.domain)
        if not who or not who.get("username") or not who.get("password"):
            raise MachineError(
                machine.name,
                "find out how to log on",
                f"no user name and password for {machine.name} or {machine.domain} in this stack's configuration",
                f"Set `credentials` for {machine.domain}.",
            )
        machines[folded(machine.name)] = Host(
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
            lost=machine.lost,
        )
    shared = {name: str(given[name]["address"]) for name in shared_names(topology) if name in given}
    return Hosts(machines, shared, str(values.get("authorities") or ""))
