"""What a stack of the farm must hold, as plain functions of its resources and its configuration.

A rule gets the whole stack and yields violations: the URN of the resource (empty: the stack's) and one sentence that
says what was found and what to do. Policies see what a stack will have, not what an update deletes.
"""

from __future__ import annotations

import base64
import ipaddress
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from cryptography.hazmat.primitives.serialization import pkcs12

PUBLISHED_PASSPHRASE = "lab"  # noqa: S105 - it stands in tools/bootstrap/project.py
DAYS_LEFT = 30
ADMINISTRATION = (30091, 30072)
"""The administrators' site and its authentication site (Microsoft, dn469331)."""


@dataclass(frozen=True)
class Violation:
    """A rule that does not hold."""

    sentence: str
    """What was found and what to do."""
    urn: str = ""
    """Of the resource; empty: it is about the whole stack."""


@dataclass(frozen=True)
class Declared:
    """A resource of the stack."""

    type: str
    """Pulumi's type token: ``pulumi-python:dynamic/sql:AvailabilityGroup``, ``wap:portal:PortalTier``."""
    name: str
    """Its logical name in the program: the last part of the URN."""
    urn: str
    """By which a violation names it."""
    props: Mapping[str, Any]
    """Its outputs as Pulumi gives them to a policy of the whole stack; its inputs are among them."""
    parent: str = ""
    """URN of the component it belongs to."""

    def is_a(self, kind: str) -> bool:
        """Whether it is one of these: ``sql:AvailabilityGroup`` (dynamic), ``portal:PortalTier`` (component)."""
        return self.type in (f"pulumi-python:dynamic/{kind}", f"wap:{kind}")


@dataclass(frozen=True)
class Stack:
    """What there is to judge."""

    resources: tuple[Declared, ...]
    """Those that the stack has after the update."""
    hosts: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """The configuration's ``hosts``."""
    passphrase: str = ""
    """The passphrase that encrypts the stack's secrets, where it is in the environment."""
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    """In UTC; on it depends how many days a certificate has left."""

    @property
    def lab(self) -> bool:
        """Whether every machine is one of the lab's: reached on loopback."""
        addresses = [str(entry.get("address", "")) for entry in self.hosts.values()]
        return bool(addresses) and all(_loopback(address) for address in addresses)

    def all(self, kind: str) -> Iterator[Declared]:
        return (one for one in self.resources if one.is_a(kind))


def _loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


@dataclass(frozen=True)
class Rule:
    """One policy. ``mandatory``: a violation stops the update; else it is shown."""

    name: str
    """By which Pulumi reports it."""
    description: str
    """What holds in every stack that passes, in one sentence."""
    violations: Callable[[Stack], Iterator[Violation]]
    """Gives one for each resource that breaks the rule, none where it holds."""
    mandatory: bool = True


def published_passphrase(stack: Stack) -> Iterator[Violation]:
    if not stack.lab and stack.passphrase == PUBLISHED_PASSPHRASE:
        yield Violation(
            "The secrets of this stack are encrypted with the passphrase of the lab, which is published. Give it "
            "one of its own (`pulumi stack change-secrets-provider passphrase`), and rotate its secrets.",
        )


def verified(stack: Stack) -> Iterator[Violation]:
    for name, entry in stack.hosts.items():
        if entry.get("verify") is False and not stack.lab:
            yield Violation(
                f"`hosts` has `verify: false` for {name}: any certificate is taken for that machine's. Name its "
                "authority in `authorities` instead.",
            )


def administration_is_not_public(stack: Stack) -> Iterator[Violation]:
    for rule in stack.all("windows:FirewallRule"):
        sources = rule.props.get("remote") or ["0.0.0.0/0"]
        if rule.props.get("enabled") is False or not any(str(one).endswith("/0") for one in sources):
            continue
        if open_ports := [port for port in ADMINISTRATION if _covers(rule.props.get("ports") or [], port)]:
            ports = " and ".join(str(port) for port in open_ports)
            yield Violation(
                f"{rule.props.get('machine')} allows TCP {ports}, the administrators' sites, from anywhere. Set "
                "`portal.administrators_from` in the topology.",
                rule.urn,
            )


def _covers(ports: list[Any], port: int) -> bool:
    for one in ports:
        first, _, last = str(one).partition("-")
        if first == "Any" or (first.isdigit() and int(first) <= port <= int(last or first)):
            return True
    return False


def two_of_each(stack: Stack) -> Iterator[Violation]:
    nodes = Counter(node.parent for node in stack.all("portal:PortalNode"))
    for tier in stack.all("portal:PortalTier"):
        if nodes[tier.urn] < 2:
            yield Violation(
                f"The tier {tier.name} has {nodes[tier.urn]} node: without it there is no portal. Give it a second.",
                tier.urn,
            )
    for group in stack.all("sql:AvailabilityGroup"):
        if len(group.props.get("replicas") or ()) < 2:
            yield Violation(f"The availability group {group.name} has one replica. Give it a second.", group.urn)


def automatic_partner(stack: Stack) -> Iterator[Violation]:
    for group in stack.all("sql:AvailabilityGroup"):
        replicas = group.props.get("replicas") or ()
        safe = [
            one
            for one in replicas
            if one.get("availability_mode") == "SYNCHRONOUS_COMMIT" and one.get("failover_mode") == "AUTOMATIC"
        ]
        if len(replicas) > 1 and len(safe) < 2:
            yield Violation(
                f"In the availability group {group.name} no two replicas are synchronous with automatic failover: no "
                "other takes over from the primary. Set `commit: synchronous` and `failover: automatic` for a second.",
                group.urn,
            )


def certificates_last(stack: Stack) -> Iterator[Violation]:
    for one in stack.all("windows:Certificate"):
        pfx, password = one.props.get("pfx"), one.props.get("password")
        if not isinstance(pfx, str) or not isinstance(password, str):
            continue  # unknown in this preview
        try:
            _, certificate, _ = pkcs12.load_key_and_certificates(base64.b64decode(pfx), password.encode())
        except ValueError:
            yield Violation(
                f"The certificate {one.props.get('name')} cannot be read: wrong password or no PFX file.", one.urn
            )
            continue
        if certificate is None:
            continue
        left = (certificate.not_valid_after_utc - stack.now).days
        if left < DAYS_LEFT:
            until = f"{certificate.not_valid_after_utc:%Y-%m-%d}"
            yield Violation(
                f"The certificate {one.props.get('name')} ends on {until}: {left} days are left, {DAYS_LEFT} are asked "
                "for. Renew it.",
                one.urn,
            )


def administrator_of_its_own(stack: Stack) -> Iterator[Violation]:
    for one in stack.all("sql:Administrator"):
        if one.props.get("login") == "sa":
            yield Violation(
                "The farm's administrator is sa, the account that every attack tries first. Name a login of its own in "
                "`sql.administrator`.",
                one.urn,
            )


RULES = (
    Rule("published-passphrase", "No stack of real machines uses the lab's passphrase.", published_passphrase),
    Rule("verified-tls", "The certificate of every real machine is verified.", verified),
    Rule("private-administration", "The administrators' sites are not public.", administration_is_not_public),
    Rule("two-of-each", "Every tier has two nodes, and the group two replicas.", two_of_each),
    Rule("automatic-partner", "Two replicas are synchronous with automatic failover.", automatic_partner),
    Rule("certificates-last", f"Certificates have {DAYS_LEFT} days left.", certificates_last, mandatory=False),
    Rule("own-administrator", "The farm's administrator is not sa.", administrator_of_its_own, mandatory=False),
)
