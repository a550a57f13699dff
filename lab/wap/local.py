"""What is on a portal machine: installed components, configured features, sites, self-signed certificates.

Documents of a machine:

- ``wap-component`` by MSI name: {"product_code", "title", "installed"}
- ``wap-feature`` by feature name: {"configured", "server", "logins": {name: password}, "keys": {name: key},
  "token_key", "settings": {name: value}}: what the real product keeps, encrypted, in each site's web.config.
"""

from __future__ import annotations

import functools
import uuid
from datetime import timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from lab.authority import thumbprint
from lab.wap.catalogue import CONFIG_SITE, FEATURES, Component, Feature, Site, sites_of
from lab.world import Document, Machine

OPERATORS = "MgmtSvc Operators"


def installed(machine: Machine, component: str) -> bool:
    return component in machine.collection("wap-component")


def features(machine: Machine) -> list[Feature]:
    """The features whose component is installed, in the product's order."""
    return [feature for feature in FEATURES.values() if installed(machine, feature.component)]


def configuration(machine: Machine, feature: Feature) -> Document | None:
    """The feature's document, None while it is not configured."""
    found = machine.collection("wap-feature").get(feature.name)
    return found if found and found.get("configured") else None


def _product_code(component: Component) -> str:
    """A package has its product code wherever and however often it is installed (Windows Installer, ProductCode).
    The real codes are not known here; these follow from the name."""
    return "{" + str(uuid.uuid5(uuid.NAMESPACE_OID, component.name)).upper() + "}"


def install(machine: Machine, component: Component) -> None:
    """What a component's MSI leaves behind. Takes no time by itself; running it again repairs what is missing."""
    from lab.windows import firewall_rules, iis, registry

    components = machine.collection("wap-component")
    code = components.get(component.name, {}).get("product_code") or _product_code(component)
    registry.write(machine, component.registry, "ProductCode", code, "String")
    _operators(machine)
    for site in sites_of(component.name):
        _make_site(machine, site, running=site is CONFIG_SITE)
        remote = "LocalSubnet" if site is CONFIG_SITE else "Any"
        firewall_rules.add(machine, _rule(site), _rule(site), [site.port], remote=remote)
    components[component.name] = {
        "product_code": code,
        "title": component.title,
        "installed": machine.world.clock.now().isoformat(),
    }
    iis.refresh(machine.world, machine)


def uninstall(machine: Machine, component: Component) -> None:
    """Take away what ``install`` left: sites with their pools and certificates, registry, configuration. The local
    group goes with the last component; databases and logins on SQL Server stay (both unproven)."""
    from lab.windows import firewall_rules, iis, registry

    for site in sites_of(component.name):
        _remove_site(machine, site)
        firewall_rules.remove(machine, [_rule(site)])
    for feature in FEATURES.values():
        if feature.component == component.name:
            machine.collection("wap-feature").pop(feature.name, None)
    registry.remove_key(machine, component.registry)
    machine.collection("wap-component").pop(component.name, None)
    if not len(machine.collection("wap-component")):
        machine.collection("group").pop(OPERATORS, None)
        registry.remove_key(machine, "HKLM\\SOFTWARE\\Microsoft\\MgmtSvc")
    iis.refresh(machine.world, machine)


def _rule(site: Site) -> str:
    """The firewall rule that the installer makes for a site's own port."""
    return f"{site.name} (HTTPS-In)"


def _remove_site(machine: Machine, site: Site) -> None:
    gone = machine.collection("site").pop(site.name, None)
    machine.collection("apppool").pop(site.name, None)
    if gone is None:
        return
    held, certificates = machine.collection("sslbinding"), machine.collection("certificate")
    for binding in gone["bindings"]:
        key = f"0.0.0.0:{binding['port']}"
        thumbprint = held[key]["thumbprint"] if key in held else ""
        # Only the certificate that the installer made for this site is the installer's to remove.
        if thumbprint in certificates and certificates[thumbprint].get("friendly_name") == site.name:
            held.pop(key, None)
            certificates.pop(thumbprint, None)


def _operators(machine: Machine) -> None:
    """The local group that the installer makes; its members are left alone when it is there."""
    from lab import identity

    groups = machine.collection("group")
    if OPERATORS not in groups:
        authority = identity.authority_sid(f"{machine.name}.{machine.domain}")
        groups[OPERATORS] = {
            "sid": identity.next_sid(machine.collection("account"), groups, authority),
            "description": "Members of this group can manage the Service Management portal and API.",
            "members": [],
        }


def _make_site(machine: Machine, site: Site, *, running: bool) -> None:
    sites = machine.collection("site")
    pools = machine.collection("apppool")
    if site.name not in pools:
        pools[site.name] = {"name": site.name, "state": "Started"}
    if site.name in sites:
        return
    number = max((int(other["id"]) for other in sites.values()), default=0) + 1
    sites[site.name] = {
        "name": site.name,
        "id": number,
        "state": "Started" if running else "Stopped",
        "auto_start": running,
        "path": f"C:\\inetpub\\{site.name}",
        "pool": site.name,
        "bindings": [{"protocol": "https", "address": "*", "port": site.port, "host": "", "flags": 0}],
    }
    held = machine.collection("sslbinding")
    key = f"0.0.0.0:{site.port}"
    if key not in held:
        held[key] = {
            "thumbprint": _self_signed(machine, site.name),
            "store": "My",
            "application": "{4dc3e181-e14b-4a21-b022-59fc669b0914}",
        }


@functools.lru_cache(maxsize=16)
def _key_of(_: str) -> rsa.RSAPrivateKey:
    """One key for all certificates of a machine made by this process: fourteen keys would cost seconds."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def _self_signed(machine: Machine, friendly: str) -> str:
    """Make a self-signed certificate, valid for a year, in the machine's own store; gives its thumbprint."""
    key = _key_of(machine.fqdn)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, machine.fqdn)])
    now = machine.world.clock.now()
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(days=365))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(machine.fqdn), x509.DNSName(machine.name)]), False)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM).decode()
    mark = thumbprint(pem)
    machine.collection("certificate")[mark] = {
        "store": "My",
        "pem": pem,
        "key_pem": key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode(),
        "friendly_name": friendly,
    }
    return mark
