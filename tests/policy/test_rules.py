"""Each policy bites where its rule is broken, and keeps still where it holds."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, pkcs12

from policy.rules import RULES, Declared, Stack

NOW = datetime(2026, 6, 1, tzinfo=UTC)
REAL, LAB = {"SQL1": {"address": "172.21.5.171"}}, {"SQL1": {"address": "127.21.5.171"}}


def dynamic(kind: str, called: str, **props: Any) -> Declared:
    return Declared(f"pulumi-python:dynamic/{kind}", called, f"urn:{called}", props)


def component(kind: str, name: str, parent: str = "") -> Declared:
    return Declared(f"wap:{kind}", name, f"urn:{name}", {}, parent)


def group(*modes: tuple[str, str]) -> Declared:
    replicas = [{"availability_mode": commit, "failover_mode": failover} for commit, failover in modes]
    return dynamic("sql:AvailabilityGroup", "SQL", replicas=replicas)


def firewall(remote: list[str], *ports: str, enabled: bool = True) -> Declared:
    return dynamic("windows:FirewallRule", "rule", machine="Portal1", remote=remote, ports=list(ports), enabled=enabled)


def certificate(days: int, password: str = "x") -> Declared:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "portal.test")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(NOW - timedelta(days=1))
        .not_valid_after(NOW + timedelta(days=days, hours=1))
        .sign(key, hashes.SHA256())
    )
    pfx = pkcs12.serialize_key_and_certificates(b"portal", key, made, None, BestAvailableEncryption(b"x"))
    return dynamic(
        "windows:Certificate", "portal", name="portal", pfx=base64.b64encode(pfx).decode(), password=password
    )


AUTOMATIC, MANUAL = ("SYNCHRONOUS_COMMIT", "AUTOMATIC"), ("SYNCHRONOUS_COMMIT", "MANUAL")
TIER, FIRST, SECOND = (
    component("portal:PortalTier", "portal"),
    component("portal:PortalNode", "Portal1", "urn:portal"),
    component("portal:PortalNode", "Portal2", "urn:portal"),
)

BROKEN: dict[str, tuple[str, Stack, str, str]] = {
    "the lab's passphrase": (
        "published-passphrase", Stack((), REAL, "lab"), "", "encrypted with the passphrase of the lab"
    ),
    "the lab's passphrase, machines by name": ("published-passphrase", Stack((), {}, "lab"), "", "published"),
    "a machine that is not verified": (
        "verified-tls", Stack((), {"SQL1": {"address": "172.21.5.171", "verify": False}}), "", "for SQL1"
    ),
    "administration from anywhere": (
        "private-administration", Stack((firewall([], "30091", "443"),)), "urn:rule", "TCP 30091, the admin"
    ),
    "administration in a range": (
        "private-administration", Stack((firewall(["0.0.0.0/0"], "30070-30092"),)), "urn:rule", "TCP 30091 and 30072"
    ),
    "one node": ("two-of-each", Stack((TIER, FIRST)), "urn:portal", "The tier portal has 1 node"),
    "one replica": ("two-of-each", Stack((group(AUTOMATIC),)), "urn:SQL", "has one replica"),
    "no automatic partner": ("automatic-partner", Stack((group(AUTOMATIC, MANUAL),)), "urn:SQL", "no two replicas"),
    "a certificate that ends": (
        "certificates-last", Stack((certificate(29),), now=NOW), "urn:portal", "ends on 2026-06-30: 29 days are left"
    ),
    "a certificate with another password": (
        "certificates-last", Stack((certificate(99, "y"),), now=NOW), "urn:portal", "cannot be read"
    ),
    "sa": ("own-administrator", Stack((dynamic("sql:Administrator", "a", login="sa"),)), "urn:a", "is sa"),
}  # fmt: skip

WELL = Stack(
    (
        TIER,
        FIRST,
        SECOND,
        group(AUTOMATIC, AUTOMATIC, MANUAL),
        firewall(["172.21.5.0/24"], "30091", "30072"),
        firewall([], "443", "30071"),
        firewall([], "30091", enabled=False),
        certificate(30),
        dynamic("sql:Administrator", "farm", login="WapFarm"),
    ),
    REAL,
    "a passphrase of one's own",
    NOW,
)


@pytest.mark.parametrize("case", BROKEN)
def test_a_rule_bites(case: str) -> None:
    name, stack, urn, said = BROKEN[case]
    found = {rule.name: list(rule.violations(stack)) for rule in RULES}
    (violation,) = found.pop(name)
    assert violation.urn == urn
    assert said in violation.sentence
    assert not any(found.values()), "no other rule has to do with it"


def test_every_rule_bites_somewhere() -> None:
    assert {name for name, *_ in BROKEN.values()} == {rule.name for rule in RULES}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_where_all_is_well_no_rule_bites(rule: Any) -> None:
    assert list(rule.violations(WELL)) == []


@pytest.mark.parametrize(("hosts", "lab"), [(LAB, True), (REAL, False), ({}, False), ({**LAB, "SQL2": {}}, False)])
def test_the_lab_is_known_by_its_addresses(hosts: Mapping[str, Mapping[str, Any]], lab: bool) -> None:
    assert Stack((), hosts).lab is lab
    assert bool(list(RULES[0].violations(Stack((), hosts, "lab")))) is not lab
