"""The filters of firewall rules: what each rule is limited to. The rules are ``lab.windows.network_firewall``'s.

A document without ``limits`` has none of those that are no matter of ports and addresses. What they say of a rule that
is not limited: DSC_Firewall of NetworkingDsc, which reads all of them.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import Any

from lab.powershell.api import Call, PSObject, cmdlet
from lab.windows.cim import CimInstance
from lab.windows.network_firewall import NAMESPACE, check_store
from lab.world import Document


def _of_rules(call: Call) -> list[Document]:
    """The rules whose filters are asked for; without any, all."""
    check_store(call)
    rules = call.machine.collection("firewall")
    given = call.get("AssociatedNetFirewallRule")
    items = [given] if given is not None else list(call.input)
    names = [item.hidden["name"] for item in items if isinstance(item, CimInstance)]
    return [rules[name] for name in names or list(rules)]


@cmdlet("Get-NetFirewallPortFilter")
def get_port_filter(call: Call) -> Iterator[PSObject]:
    for document in _of_rules(call):
        yield CimInstance(
            NAMESPACE,
            "MSFT_NetProtocolPortFilter",
            {
                "InstanceID": document["name"],
                "Protocol": document["protocol"],
                "LocalPort": _one_or_all(document["local_port"]),
                "RemotePort": _one_or_all(document["remote_port"]),
                "IcmpType": "Any",
            },
        )


@cmdlet("Get-NetFirewallAddressFilter")
def get_address_filter(call: Call) -> Iterator[PSObject]:
    """Subnets come back with their mask, in whatever form they were given."""
    for document in _of_rules(call):
        yield CimInstance(
            NAMESPACE,
            "MSFT_NetAddressFilter",
            {
                "InstanceID": document["name"],
                "LocalAddress": _one_or_all([_masked(address) for address in document["local_address"]]),
                "RemoteAddress": _one_or_all([_masked(address) for address in document["remote_address"]]),
            },
        )


def _filter(document: Document, class_name: str, **unlimited: str) -> CimInstance:
    """One filter of a rule, from each property's word for no limit."""
    limits = document.get("limits", {})
    values = {name: _one_or_all(limits.get(name, [word])) for name, word in unlimited.items()}
    return CimInstance(NAMESPACE, class_name, {"InstanceID": document["name"], **values})


@cmdlet("Get-NetFirewallApplicationFilter")
def get_application_filter(call: Call) -> Iterator[PSObject]:
    for document in _of_rules(call):
        made = _filter(document, "MSFT_NetApplicationFilter", Program="Any")
        made.set("Package", None)
        yield made


@cmdlet("Get-NetFirewallServiceFilter")
def get_service_filter(call: Call) -> Iterator[PSObject]:
    for document in _of_rules(call):
        yield _filter(document, "MSFT_NetServiceFilter", Service="Any")


@cmdlet("Get-NetFirewallInterfaceFilter")
def get_interface_filter(call: Call) -> Iterator[PSObject]:
    for document in _of_rules(call):
        yield _filter(document, "MSFT_NetInterfaceFilter", InterfaceAlias="Any")


@cmdlet("Get-NetFirewallInterfaceTypeFilter")
def get_interface_type_filter(call: Call) -> Iterator[PSObject]:
    for document in _of_rules(call):
        yield _filter(document, "MSFT_NetInterfaceTypeFilter", InterfaceType="Any")


@cmdlet("Get-NetFirewallSecurityFilter")
def get_security_filter(call: Call) -> Iterator[PSObject]:
    for document in _of_rules(call):
        made = _filter(
            document,
            "MSFT_NetNetworkLayerSecurityFilter",
            Authentication="NotRequired",
            Encryption="NotRequired",
            LocalUser="Any",
            RemoteUser="Any",
            RemoteMachine="Any",
        )
        made.set("OverrideBlockRules", False)
        yield made


def _masked(address: str) -> str:
    """``172.21.5.0/24`` as ``172.21.5.0/255.255.255.0``; a range, a word or a single address stays as it is."""
    if "/" not in address:
        return address
    try:
        network = ipaddress.IPv4Network(address, strict=False)
    except ValueError:
        return address
    return f"{network.network_address}/{network.netmask}"


def _one_or_all(values: list[str]) -> Any:
    return values[0] if len(values) == 1 else values
