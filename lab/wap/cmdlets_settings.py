"""MgmtSvcConfig: settings in databases and on the node, host names, and who trusts whom."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any
from xml.etree import ElementTree

from lab.powershell.api import Call, PowerShellError, PSObject, cmdlet
from lab.wap import local, store
from lab.wap.arguments import matches, namespace, refuse, target, text, texts, what_if
from lab.wap.catalogue import CONFIG, FEATURES, PORTAL, STORE
from lab.wap.cmdlets_config import opened
from lab.wap.configure import not_installed
from lab.wap.database import Target, parse
from lab.wap.defaults import (
    APIS,
    FQDN_SETTING,
    IDENTITY_PROVIDER,
    PARTY_SETTING,
    RELYING_PARTY,
    identity_settings,
)
from lab.wap.secrets import WrongPassphraseError, protect, unprotect
from lab.wap.web import WebError, fetch, status_message

_PORTAL_NAMESPACES = (*IDENTITY_PROVIDER, *RELYING_PARTY)


def _setting(space: str, name: str, value: str | None) -> PSObject:
    return PSObject(
        "Microsoft.WindowsAzure.Config.PowerShell.Setting", {"Namespace": space, "Name": name, "Value": value}
    )


def _passphrase_needed(name: str) -> PowerShellError:
    return PowerShellError(
        f"The setting '{name}' is encrypted. Provide the passphrase.",
        "PassphraseRequired",
        category="InvalidArgument",
        exception_type="System.ArgumentException",
    )


@cmdlet("Get-MgmtSvcDatabaseSetting")
def get_database_setting(call: Call) -> Iterable[Any]:
    spaces, names, passphrase = texts(call, "Namespace"), texts(call, "Name"), text(call, "Passphrase")
    where = target(call, CONFIG)
    found = []
    with opened(call, where) as session:
        protected = store.passphrase_matches(session, passphrase or "")
        for setting in store.settings(session):
            if not matches(setting.namespace, spaces) or not matches(setting.name, names):
                continue
            value = setting.value
            if protected is not None and value:
                if passphrase is None:
                    raise _passphrase_needed(setting.name)
                try:
                    value = unprotect(value, passphrase)
                except WrongPassphraseError:
                    raise store.WrongStorePassphraseError from None
            found.append(_setting(setting.namespace, setting.name, value))
    return found


@cmdlet("Set-MgmtSvcDatabaseSetting")
def set_database_setting(call: Call) -> None:
    space, name, value = text(call, "Namespace") or "", text(call, "Name") or "", text(call, "Value")
    passphrase = text(call, "Passphrase")
    with opened(call, target(call, CONFIG)) as session:
        protected = store.passphrase_matches(session, passphrase or "")
        if protected is not None and value:
            if passphrase is None:
                raise _passphrase_needed(name)
            if not protected:
                raise store.WrongStorePassphraseError
            value = protect(value, passphrase)
        if not what_if(call):
            store.put(session, namespace(space), name, value)


# Host names


def _stores(call: Call) -> list[Target]:
    """The databases that hold host names: those named, or both on the given server.

    -ConnectionString may name either database (published scripts do both); the other one is found beside it.
    """
    portal, management = text(call, "PortalConnectionString"), text(call, "ManagementConnectionString")
    if portal or management:
        pairs = ((portal, PORTAL), (management, STORE))
        return [parse(given) if parse(given).database else parse(given).at(name) for given, name in pairs if given]
    where = target(call)
    return [where.at(PORTAL), where.at(STORE)]


def _read(call: Call, space: str, name: str) -> str | None:
    preferred = sorted(_stores(call), key=lambda t: (t.database == PORTAL) != (space in _PORTAL_NAMESPACES))
    for where in preferred:
        with opened(call, where) as session:
            value = store.get(session, space, name)
        if value is not None:
            return value
    return None


def _named(call: Call) -> list[str]:
    """The namespaces of the call that can have a host name (known since Update Rollup 1: sites and interfaces)."""
    known = (*_PORTAL_NAMESPACES, *APIS)
    spaces = [namespace(name) for name in texts(call, "Namespace")]
    for space in spaces:
        if space not in known:
            raise PowerShellError(
                f"The namespace '{space}' is not valid. Valid namespaces are: {', '.join(known)}.",
                "InvalidNamespace",
                category="InvalidArgument",
                exception_type="System.ArgumentException",
                target=space,
            )
    return spaces


@cmdlet("Get-MgmtSvcFqdn")
def get_fqdn(call: Call) -> Iterable[Any]:
    for space in _named(call):
        value = _read(call, space, FQDN_SETTING)
        if value is not None:
            known = json.loads(value)
            yield PSObject(
                "Microsoft.WindowsAzure.Config.PowerShell.Fqdn",
                {
                    "Namespace": space,
                    "FullyQualifiedDomainName": known["Host"],
                    "Port": known["Port"],
                    "Scheme": known["Scheme"],
                },
            )


@cmdlet("Set-MgmtSvcFqdn")
def set_fqdn(call: Call) -> None:
    for space in _named(call):
        feature = FEATURES[space]
        if not local.installed(call.machine, feature.component):
            raise not_installed(space)
        known = json.loads(
            _read(call, space, FQDN_SETTING)
            or json.dumps({"Scheme": "https", "Host": call.machine.fqdn, "Port": feature.site.port})
        )
        value = {
            "Scheme": text(call, "Scheme") or known["Scheme"],
            "Host": text(call, "FullyQualifiedDomainName") or known["Host"],
            "Port": call.get("Port") or known["Port"],
        }
        if not what_if(call):
            _write(call, {(space, FQDN_SETTING): json.dumps(value)})


def _write(call: Call, settings: dict[tuple[str, str], str]) -> None:
    for where in _stores(call):
        with opened(call, where) as session:
            for (space, name), value in settings.items():
                store.put(session, space, name, value)


# Trust


def _metadata(call: Call) -> ElementTree.Element:
    refuse(call, "MetadataFile")
    uri = text(call, "MetadataEndpoint") or ""
    verify = not call.get("DisableCertificateValidation")
    try:
        answer = fetch(call.machine, uri, verify=verify)
    except WebError as error:
        raise _web_exception(error.message) from None
    if answer.status != 200:
        raise _web_exception(status_message(answer))
    try:
        return ElementTree.fromstring(answer.body)  # noqa: S314 - a site of the lab wrote it
    except ElementTree.ParseError as error:
        raise PowerShellError(str(error), "XmlException", exception_type="System.Xml.XmlException") from None


def _web_exception(message: str) -> PowerShellError:
    return PowerShellError(
        message, "WebException", category="ConnectionError", exception_type="System.Net.WebException"
    )


_WSA = "{http://www.w3.org/2005/08/addressing}Address"
_FED = "{http://docs.oasis-open.org/wsfed/federation/200706}"
_ROLE = "{urn:oasis:names:tc:SAML:2.0:metadata}RoleDescriptor"
_TYPE = "{http://www.w3.org/2001/XMLSchema-instance}type"


def _passive(metadata: ElementTree.Element, role: str) -> str:
    """The address of the passive requestor endpoint of a role (WS-Federation 1.2, section 3.1) in metadata."""
    for descriptor in metadata.iter(_ROLE):
        if descriptor.get(_TYPE, "").rpartition(":")[2] == role:
            found = descriptor.find(f"{_FED}PassiveRequestorEndpoint//{_WSA}")
            if found is not None and found.text:
                return found.text
    raise PowerShellError(
        f"The federation metadata contains no passive requestor endpoint of the type {role}.",
        "InvalidMetadata",
        category="InvalidData",
        exception_type="System.InvalidOperationException",
    )


@cmdlet("Set-MgmtSvcRelyingPartySettings")
def set_relying_party(call: Call) -> None:
    """A portal site and its interfaces (Admin, Tenant) learn from the metadata of an authentication site where users
    sign in and whose tokens to accept."""
    for name in texts(call, "Target"):
        space = _target(name, {"Admin": "AdminSite", "Tenant": "TenantSite"})
        metadata = _metadata(call)
        endpoint = _passive(metadata, "SecurityTokenServiceType")
        if not what_if(call):
            _write(call, identity_settings(space, endpoint, metadata.get("entityID", "")))


@cmdlet("Set-MgmtSvcIdentityProviderSettings")
def set_identity_provider(call: Call) -> None:
    """An authentication site (Windows, Membership) learns from a portal site's metadata where to send its users."""
    for name in texts(call, "Target"):
        space = _target(name, {"Windows": "WindowsAuthSite", "Membership": "AuthSite"})
        metadata = _metadata(call)
        reply_to = _passive(metadata, "ApplicationServiceType")
        setting = PARTY_SETTING.replace("Primary", "Secondary") if call.get("ConfigureSecondary") else PARTY_SETTING
        if not what_if(call):
            party = {"ReplyTo": reply_to, "Realm": metadata.get("entityID", "")}
            _write(call, {(space, setting): json.dumps(party)})


def _target(name: str, known: dict[str, str]) -> str:
    for key, space in known.items():
        if key.lower() == name.lower():
            return space
    raise PowerShellError(
        f"The target '{name}' is not valid. Valid targets are: {', '.join(known)}.",
        "InvalidTarget",
        category="InvalidArgument",
        exception_type="System.ArgumentException",
        target=name,
    )
