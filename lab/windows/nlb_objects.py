"""What the NLB cmdlets return, and how they find the host and the cluster they work on.

Property names are those of Microsoft's pages (``Get-NlbClusterNode | Format-List *`` and others); the properties of a
Cluster are those that scripts of others read (Name, IPAddress, OperationMode). Texts and identifiers of errors are
nowhere published: unproven.
"""

from __future__ import annotations

import functools
import ipaddress
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from lab import routes
from lab.powershell.api import Call, EnumValue, PowerShellError, PSObject, cmdlet
from lab.windows import nlb
from lab.windows.features import installed
from lab.windows.logons import administers, managed
from lab.windows.values import enum_type, given_objects, ip_address, member, text
from lab.world import Document, Machine

SPACE = "Microsoft.NetworkLoadBalancingClusters.PowerShell"


class NlbObject(PSObject):
    """An object of the module; it remembers through which host and interface it was found."""

    def __init__(self, kind: str, properties: dict[str, Any], host: Machine, interface: str, name: str) -> None:
        super().__init__(f"{SPACE}.{kind}", properties, text=name)
        self.host, self.interface = host, interface


def enumeration(kind: str, name: str, names: tuple[str, ...]) -> EnumValue:
    return member(enum_type(f"{SPACE}.{kind}", *names), name)


def cluster_object(host: Machine, node: Document) -> NlbObject:
    cluster = nlb.cluster_of(host.world, node["cluster"])
    return NlbObject(
        "Cluster",
        {
            "Name": cluster["name"],
            "IPAddress": ip_address(cluster["address"]),
            "SubnetMask": ip_address(cluster.get("mask", "255.255.255.0")),
            "OperationMode": enumeration(
                "ClusterMode", cluster["mode"].upper(), ("UNICAST", "MULTICAST", "IGMPMULTICAST")
            ),
        },
        host,
        node["interface"],
        cluster["name"],
    )


def node_object(machine: Machine, node: Document) -> NlbObject:
    return NlbObject(
        "Node",
        {
            "Cluster": node["cluster"],
            "Name": machine.name,
            "InterfaceName": node["interface"],
            "Host": machine.fqdn,
            "State": nlb.shown_state(machine, node),
            "HostPriority": node["host_priority"],
            "InitialHostState": node.get("initial_state", "Started"),
            "PersistSuspendOnReboot": node.get("retain_suspended", True),
            "MaskSourceMac": True,
            "FilterIcmp": 0,
            "GreDescriptorTimeout": 10,
        },
        machine,
        node["interface"],
        machine.name,
    )


def vip_object(host: Machine, node: Document, vip: Document) -> NlbObject:
    properties = {"IPAddress": ip_address(vip["address"]), "SubnetMask": ip_address(vip["mask"])}
    return NlbObject("ClusterVip", properties, host, node["interface"], vip["address"])


def dip_object(host: Machine, node: Document, dip: Document) -> NlbObject:
    properties = {"Node": host.name, "IPAddress": ip_address(dip["address"]), "SubnetMask": dip["mask"]}
    return NlbObject("ClusterNodeDip", properties, host, node["interface"], dip["address"])


def rule_object(host: Machine, node: Document, rule: Document, node_name: str | None) -> NlbObject:
    """``node_name`` is None for a rule of the cluster, the machine for a rule as one node has it.

    A rule that one host handles has a priority, and neither affinity, time-out nor weight (Get-NlbClusterPortRule,
    example 3); one that several handle has no priority, and a weight may stand beside ``EqualLoad : True``
    (Set-NlbClusterPortRuleNodeWeight, example 3). That a rule which nobody handles has none of them is unproven.
    """
    everywhere = rule.get("address", "All") in ("All", nlb.ALL)
    mode = nlb.MODES[str(rule.get("mode", "Multiple")).lower()]
    affinity = nlb.AFFINITIES[str(rule.get("affinity", "Single")).lower()]
    several = mode == "Multiple"
    return NlbObject(
        "PortRule",
        {
            "Cluster": node["cluster"],
            "NodeName": node_name,
            "VirtualIPAddress": ip_address(nlb.ALL if everywhere else rule["address"]),
            "StartPort": rule["start"],
            "EndPort": rule["end"],
            "Affinity": enumeration("PortRuleAffinity", affinity, ("None", "Single", "Network")) if several else None,
            "FilteringMode": enumeration("PortRuleFilteringMode", mode, ("Multiple", "Single", "Disabled")),
            "Protocol": enumeration(
                "PortRuleProtocol", nlb.PROTOCOLS[str(rule.get("protocol", "Both")).lower()], ("Both", "TCP", "UDP")
            ),
            "EqualLoad": several,
            "LoadWeight": rule.get("weight") if several else None,
            "PortState": "Enabled" if rule.get("enabled", True) else "Disabled",
            "Priority": rule.get("priority") or node["host_priority"] if mode == "Single" else None,
            "Timeout": rule.get("timeout", 0) if several else None,
        },
        host,
        node["interface"],
        f"{rule['start']}-{rule['end']}",
    )


@contextmanager
def errors(call: Call) -> Iterator[None]:
    """Report a refusal of NLB as the cmdlet's error, which does not end the script by itself.

    Scripts of others pass -ErrorAction SilentlyContinue to these cmdlets and go on, which ends no other kind of error.
    """
    try:
        yield
    except nlb.NlbError as error:
        class_name = call.name.replace("-", "")
        call.runtime.write_error(
            PowerShellError(
                str(error),
                f"{error.reason},{SPACE}.{class_name}",
                category=error.category,
                exception_type="System.InvalidOperationException",
            )
        )


def host_of(call: Call, name: str | None = None) -> Machine:
    """The machine that -HostName means. Another machine is reached with the session's credentials, if it has any."""
    wanted = text(call.get("HostName")) if name is None else name
    if wanted in ("", ".", "localhost") or wanted.lower() in (call.machine.name.lower(), call.machine.fqdn):
        return call.machine
    machine = routes.named(call.machine, wanted)
    if machine is None:
        raise nlb.NlbError("HostUnreachable", f"Host {wanted} was not found.", "ObjectNotFound")
    reach(call, machine)
    return machine


def reach(call: Call, machine: Machine) -> None:
    """Refuse when the session cannot administer a machine: it is away, or it is a second hop without credentials."""
    if machine.name == call.machine.name:
        if not call.session.identity.administrator:
            raise nlb.NlbError("AccessDenied", "Access is denied.", "PermissionDenied")
        return
    if managed(call, machine.fqdn) is None:
        raise nlb.NlbError("HostUnreachable", f"Host {machine.name} is unreachable.", "ResourceUnavailable")
    if not administers(call.session, machine):
        raise nlb.NlbError("AccessDenied", f"Access is denied. Host {machine.name}.", "PermissionDenied")


def reach_all(call: Call, cluster: str) -> None:
    """A change of the configuration goes to every node of the cluster, so every node must let the session in."""
    for machine, _ in nlb.members(call.machine.world, cluster):
        reach(call, machine)


def require_feature(machine: Machine) -> None:
    if not installed(machine, "NLB"):
        raise nlb.NlbError(
            "NlbNotInstalled", f"Network Load Balancing is not installed on host {machine.name}.", "NotInstalled"
        )


def found_node(call: Call) -> tuple[Machine, Document]:
    """The binding that -InputObject (or the pipeline), or -HostName and -InterfaceName mean."""
    objects = given_objects(call)
    given = objects[0] if objects else None
    if isinstance(given, NlbObject):
        reach(call, given.host)
        node = nlb.binding(given.host, given.interface)
        host = given.host
    else:
        host = host_of(call)
        require_feature(host)
        wanted = call.get("InterfaceName")
        if wanted is not None and text(wanted) not in host.collection("interface"):
            raise nlb.NlbError(
                "InterfaceNotFound",
                f"The interface {text(wanted)} was not found on host {host.name}.",
                "ObjectNotFound",
            )
        node = nlb.binding(host, None if wanted is None else text(wanted))
    if node is None:
        raise nlb.NlbError("ClusterNotFound", f"Host {host.name} is not a node of an NLB cluster.", "ObjectNotFound")
    return host, node


def with_input(call: Call, item: Any) -> Call:
    """The same call for one object."""
    parameters = {**call.parameters, "InputObject": item}
    return Call(call.name, parameters, [], call.session, call.runtime, call.bound, call.parameter_set)


def one_at_a_time(function: Callable[[Call], Iterator[PSObject]]) -> Callable[[Call], Iterator[PSObject]]:
    """A cmdlet that is carried out for each object that the pipeline brings."""

    @functools.wraps(function)
    def run(call: Call) -> Iterator[PSObject]:
        objects = given_objects(call)
        for each in [with_input(call, item) for item in objects] if len(objects) > 1 else [call]:
            yield from function(each)

    return run


ClusterCmdlet = Callable[[Call, Machine, Document], Iterator[PSObject]]


def cluster_cmdlet(name: str) -> Callable[[ClusterCmdlet], None]:
    """Register the function behind a cmdlet for a cluster or one node of it, which gets the host and its binding."""

    def register(function: ClusterCmdlet) -> None:
        @cmdlet(name)
        @one_at_a_time
        def run(call: Call) -> Iterator[PSObject]:
            with errors(call):
                yield from function(call, *found_node(call))

    return register


def changeable(call: Call, cluster: str) -> Document:
    """A cluster whose configuration can be changed now: the session reaches every node, and all agree."""
    reach_all(call, cluster)
    nlb.require_converged(call.machine.world, cluster)
    return nlb.cluster_of(call.machine.world, cluster)


def node_now(host: Machine, interface: str) -> NlbObject:
    """A node as it is after a change."""
    node = nlb.binding(host, interface)
    assert node is not None
    return node_object(host, node)


def vip_not_found(address: str) -> nlb.NlbError:
    return nlb.NlbError(
        "VipNotFound", f"The IP address {address} is not a virtual IP address of the cluster.", "ObjectNotFound"
    )


def dip_not_found(address: str) -> nlb.NlbError:
    return nlb.NlbError(
        "DipNotFound", f"The IP address {address} is no dedicated IP address of a node.", "ObjectNotFound"
    )


def confirmed(call: Call) -> None:
    """A cmdlet that asks for confirmation cannot do so in a session without a user: it needs -Force."""
    if not call.get("Force"):
        raise PowerShellError(
            "Windows PowerShell is in NonInteractive mode. Read and Prompt functionality is not available.",
            f"InvalidOperation,{SPACE}.{call.name.replace('-', '')}",
            category="InvalidOperation",
            exception_type="System.Management.Automation.PSInvalidOperationException",
        )


def free_address(host: Machine, address: str, card: Document, mask: str) -> None:
    """The cluster's address must be unused; it lies in the card's subnet (unproven)."""
    taken = [m.name for m in host.world.machines.values() if m.address == address]
    for cluster in host.world.collection("nlb", "cluster").values():
        taken += [cluster["name"] for vip in nlb.virtual_addresses(cluster) if vip["address"] == address]
    if taken:
        raise nlb.NlbError("AddressInUse", f"The IP address {address} is already used by {taken[0]}.", "ResourceExists")
    if ipaddress.ip_address(address) not in ipaddress.ip_network(f"{card['address']}/{mask}", strict=False):
        raise nlb.NlbError(
            "InvalidAddress",
            f"The IP address {address} is not in the subnet of interface {card['name']} ({card['address']}/{mask}).",
            "InvalidArgument",
        )
