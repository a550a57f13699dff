"""Servers that stand for each other: how many there are, which hosts they run on, whether they are alike."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial

from components.steps import load_script
from operations.audits.finding import Answer, Question, Risk
from operations.configuration import Context
from remote.errors import MachineError
from remote.names import folded

LEVEL = "machines"
PRODUCTS = "Windows Azure*"
"""The names under which Windows lists the portal's packages."""


@dataclass(frozen=True)
class Servers:
    """Servers of which each can do the others' work."""

    what: str
    """As sentences name them: ``the tier admin``."""
    machines: tuple[str, ...]
    """Their names in the topology."""
    lost: str
    """What clients miss when none of them works."""
    grow: str
    """What to do so that there are more."""


@dataclass(frozen=True)
class Machine:
    """What one machine says of itself."""

    host: str
    """The Hyper-V host; empty where it does not say."""
    windows: str
    """``Version`` of Win32_OperatingSystem: ``6.3.9600``."""
    cards: int
    """How many network cards have an address (``IPEnabled`` of Win32_NetworkAdapterConfiguration)."""
    dns: tuple[str, ...]
    """The addresses of the DNS servers of all these cards, each once."""
    products: tuple[str, ...]
    """``DisplayName`` and ``DisplayVersion`` of every package of the portal, sorted."""


class Machines:
    """Looks at each machine once. Thread-safe: a machine that is asked twice at the same time answers twice."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.look = cache(self._look)

    def _look(self, name: str) -> Machine:
        found = self.context.remote.powershell(name).run(
            load_script("windows/read_machine.ps1"), {"Products": PRODUCTS}, attempted="read what it is"
        )[0]
        return Machine(
            found["host"], found["windows"], found["cards"], tuple(found["dns"]), tuple(sorted(found["products"]))
        )


def groups(context: Context) -> Iterator[Servers]:
    """The tiers, the SPF servers and the replicas."""
    topology = context.topology
    for index, tier in enumerate(topology.portal.tiers):
        sites = ", ".join(tier.roles)
        grow = f"add a machine to `portal.tiers[{index}].nodes`"
        yield Servers(f"the tier {tier.name}", tier.nodes, f"no client reaches {sites}", grow)
    lost = "tenants see no virtual machines, and the portal cannot change them"
    yield Servers("Service Provider Foundation", topology.spf.servers, lost, "add a machine to `spf.servers`")
    machines = tuple(replica.machine for replica in topology.replicas)
    yield Servers("SQL Server", machines, "every site answers HTTP 500", "add a server to `sql.replicas`")


def questions(context: Context, machines: Machines) -> Iterator[Question]:
    for servers in groups(context):
        yield Question(LEVEL, f"{servers.what}: how many servers", partial(_number, servers))
        yield Question(LEVEL, f"{servers.what}: Hyper-V hosts", partial(_hosts, servers, machines))
        yield Question(LEVEL, f"{servers.what}: versions", partial(_versions, servers, machines))
    everything = dict.fromkeys(name for servers in groups(context) for name in servers.machines)
    yield Question(LEVEL, "DNS servers", partial(_dns, list(everything), machines))
    first = {context.topology.domain_of(name).name: name for name in reversed(everything)}
    for domain, name in reversed(first.items()):
        yield Question(LEVEL, f"{domain}: domain controllers", partial(_controllers, context, domain, name))


def _number(servers: Servers) -> Answer:
    if len(servers.machines) > 1:
        return Answer(f"{len(servers.machines)}: {', '.join(servers.machines)}")
    what = f"{servers.machines[0]} is the only server of {servers.what}"
    return Answer(what, (Risk(what, f"When it stops, {servers.lost}.", _sentence(servers.grow)),))


def _hosts(servers: Servers, machines: Machines) -> Answer:
    hosts = {name: machines.look(name).host for name in servers.machines}
    text = ", ".join(f"{name} on {host or 'a host that it does not name'}" for name, host in hosts.items())
    if len(hosts) > 1 and all(hosts.values()) and len({folded(host) for host in hosts.values()}) == 1:
        what = f"the Hyper-V host {next(iter(hosts.values()))} runs {' and '.join(hosts)}"
        remedy = "Move one of them to another host, and keep them apart (anti-affinity)."
        return Answer(text, (Risk(what, f"When that host stops, {servers.lost}.", remedy),))
    return Answer(text)


def _versions(servers: Servers, machines: Machines) -> Answer:
    found = {name: machines.look(name) for name in servers.machines}
    risks = []
    windows = {name: machine.windows for name, machine in found.items()}
    if len(set(windows.values())) > 1:
        risks.append(_different(f"Windows of {servers.what}", windows))
    products = {name: "; ".join(machine.products) for name, machine in found.items()}
    if len(set(products.values())) > 1:
        only = {name: "; ".join(_own(name, found)) or "nothing else" for name in found}
        risks.append(_different(f"the portal's packages of {servers.what}", only))
    number = len(next(iter(found.values())).products)
    text = f"Windows {next(iter(windows.values()))}"
    return Answer(f"{text}, {number} packages of the portal" if number else text, tuple(risks))


def _own(name: str, found: Mapping[str, Machine]) -> list[str]:
    """The packages, with their versions, that not every machine has."""
    common = set.intersection(*(set(machine.products) for machine in found.values()))
    return [product for product in found[name].products if product not in common]


def _different(what: str, versions: Mapping[str, str]) -> Risk:
    text = ", ".join(f"{name}: {version}" for name, version in versions.items())
    effect = "One of the servers behaves differently; which server a client reaches is not predictable."
    return Risk(f"{what} differs: {text}", effect, "Install the same updates on each of them.")


def _dns(names: Sequence[str], machines: Machines) -> Answer:
    risks = []
    for name in names:
        servers = machines.look(name).dns
        if len(servers) < 2:
            what = f"{name} knows {f'only the DNS server {servers[0]}' if servers else 'no DNS server'}"
            effect = "While that does not answer, it finds no other machine and logs nobody on."
            risks.append(Risk(what, effect, "Give its network card a second DNS server."))
    return Answer(f"two or more on each of {len(names)} machines", tuple(risks))


def _controllers(context: Context, domain: str, machine: str) -> Answer:
    """Each controller registers its address under the domain's name ([MS-ADTS] 6.3.1.10, LdapIpAddress)."""
    attempted = f"look up the controllers of {domain}"
    (said,) = context.remote.powershell(machine).run(
        load_script("windows/resolve_name.ps1"), {"Name": domain}, attempted=attempted
    )
    found = [str(one) for one in said["addresses"] if ":" not in str(one)]
    if not found:
        remedy = "See which DNS servers its network card has, and what they say of the domain's name."
        raise MachineError(machine, attempted, str(said["error"]) or "no IPv4 address", remedy)
    text = f"{machine} finds {', '.join(found)}"
    if len(found) > 1:
        return Answer(text)
    what = f"{domain} has one domain controller, {found[0]}"
    effect = "While it does not answer, nobody logs on: administrators, services, and the machines themselves."
    return Answer(text, (Risk(what, effect, "Add a second domain controller."),))


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."
