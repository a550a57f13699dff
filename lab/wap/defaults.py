"""What the first node that configures a feature leaves in the stores for all: host names, trust, resource providers.

Everything carries that node's name until an administrator points it at the load balancer, and nothing is written twice:
a second node finds it.
"""

from __future__ import annotations

import json
import uuid

from lab.sql.api import Session as SqlSession
from lab.wap import local, secrets, store
from lab.wap.catalogue import CONFIG, PORTAL, STORE, Feature
from lab.wap.database import run
from lab.wap.releases import release_of
from lab.wap.setup import Setup
from lab.world import Document

IDENTITY_PROVIDER = {"AdminSite": "WindowsAuthSite", "TenantSite": "AuthSite"}
RELYING_PARTY = {"WindowsAuthSite": "AdminSite", "AuthSite": "TenantSite"}
TRUSTING_APIS = {"AdminSite": ("AdminAPI", "TenantAPI"), "TenantSite": ("TenantAPI",)}
"""The interfaces that trust the same authentication site as a portal site does (documented: -Target)."""
REALMS = {"AdminSite": "http://azureservices/AdminSite", "TenantSite": "http://azureservices/TenantSite"}
IDENTITY_SETTING = "Authentication.IdentityProvider"
PARTY_SETTING = "Authentication.RelyingParty.Primary"
FQDN_SETTING = "Fqdn"
ENCRYPTION_KEY = ("AdminAPI", "machineKey.decryptionKey")
"""With which the passwords of resource providers are protected."""
APIS = ("AdminAPI", "TenantAPI", "TenantPublicAPI")
ADDRESS_SETTING = "Address"
API_SETTINGS = {
    "AdminSite": ("AdminAPI", "Microsoft.Azure.Portal.Configuration.OnPremPortalConfiguration.RdfeAdminUri"),
    "TenantSite": (
        "TenantAPI",
        "Microsoft.Azure.Portal.Configuration.AppManagementConfiguration.RdfeUnifiedManagementServiceUri",
    ),
}
"""Portal site → the interface that it works through, and the setting that says where that is."""


def issuer(authentication_site: str) -> str:
    """The name under which an authentication site issues tokens; also the entity of its metadata."""
    return f"http://azureservices/{authentication_site}"


def identity_settings(site: str, endpoint: str, issued_by: str) -> dict[tuple[str, str], str]:
    """(namespace, name) → value of all settings that say whom a portal site and its interfaces trust."""
    value = json.dumps({"Endpoint": endpoint, "Issuer": issued_by})
    apis = {(api, f"{IDENTITY_SETTING}.{site}"): value for api in TRUSTING_APIS[site]}
    return {(site, IDENTITY_SETTING): value, **apis}


def write(setup: Setup, feature: Feature, document: Document) -> None:
    """Write what is missing after a feature was configured."""
    machine = setup.session.machine
    release = release_of(machine.world)
    url = f"https://{machine.fqdn}:{feature.site.port}"
    fqdn = json.dumps({"Scheme": "https", "Host": machine.fqdn, "Port": feature.site.port})
    for database in dict.fromkeys(database for name, database in feature.schemas if name == "Config"):
        if database != CONFIG:
            with setup.open(database) as session:
                # The name of an interface can be used only after Set-MgmtSvcFqdn was run for it (documented).
                name, value = (ADDRESS_SETTING, url) if feature.name in APIS else (FQDN_SETTING, fqdn)
                _default(session, feature.name, name, value)
    if feature.name in API_SETTINGS:
        _interface(setup, feature.name)
    for site in ("AdminSite", "TenantSite"):
        if feature.name in (site, IDENTITY_PROVIDER[site]):
            _trust(setup, site)
    if feature.name == "AdminAPI" and release.federated:
        with setup.open(STORE) as session:
            add_admin(session, f"{machine.name.upper()}\\{local.OPERATORS}")
    if feature.provider and feature.provider[0] not in release.providers_without:
        with setup.open(CONFIG) as config:
            key = store.shared(config, *ENCRYPTION_KEY, setup.passphrase, secrets.new_key(32))
        with setup.open(STORE) as session:
            _register(session, feature, url, secrets.protect(document["provider_password"], key))


def _interface(setup: Setup, site: str) -> None:
    """A portal site finds its interface where the first node of that was configured."""
    api, name = API_SETTINGS[site]
    if address := _from_store(setup, api, ADDRESS_SETTING):
        with setup.open(PORTAL) as session:
            _default(session, site, name, address)


def _from_store(setup: Setup, namespace: str, name: str) -> str | None:
    with setup.open() as session:
        if not store.database_exists(session, STORE):
            return None
    with setup.open(STORE) as session:
        return store.get(session, namespace, name)


def _trust(setup: Setup, site: str) -> None:
    """A portal site and its authentication site trust each other as soon as both are configured somewhere."""
    other = IDENTITY_PROVIDER[site]
    with setup.open(PORTAL) as session:
        ours, theirs = (json.loads(store.get(session, name, FQDN_SETTING) or "null") for name in (site, other))
        if not (ours and theirs):
            return
        endpoint = f"https://{theirs['Host']}:{theirs['Port']}/wsfederation/issue"
        party = {"ReplyTo": f"https://{ours['Host']}:{ours['Port']}/", "Realm": REALMS[site]}
        _default(session, other, PARTY_SETTING, json.dumps(party))
        settings = identity_settings(site, endpoint, issuer(other))
        for (namespace, name), value in settings.items():
            _default(session, namespace, name, value)
    with setup.open() as session:
        if not store.database_exists(session, STORE):
            return
    with setup.open(STORE) as session:
        for (namespace, name), value in settings.items():
            _default(session, namespace, name, value)


def _default(session: SqlSession, namespace: str, name: str, value: str) -> None:
    if store.get(session, namespace, name) is None:
        store.put(session, namespace, name, value)


def add_admin(session: SqlSession, principal: str) -> None:
    run(
        session,
        """IF NOT EXISTS (SELECT 1 FROM [mp].[AuthorizedAdminUsers] WHERE [Principal] = @principal)
    INSERT INTO [mp].[AuthorizedAdminUsers] ([Principal]) VALUES (@principal)""",
        principal=principal,
    )


def _register(session: SqlSession, feature: Feature, url: str, protected: str) -> None:
    assert feature.provider
    name, title = feature.provider
    if run(session, "SELECT [Name] FROM [mp].[ResourceProviders] WHERE [Name] = @name", name=name):
        return
    account = {"AuthenticationMode": "Basic", "AuthenticationUsername": name, "AuthenticationPassword": protected}
    tenant = url + ("/subscriptions" if name == "marketplace" else "/")
    configuration = {
        "Description": None,
        "PassThroughEnabled": True,
        "AdminEndpoint": {"ForwardingAddress": url + "/", **account},
        "TenantEndpoint": {"ForwardingAddress": tenant, **account},
    }
    run(
        session,
        """INSERT INTO [mp].[ResourceProviders]
    ([Name], [InstanceId], [DisplayName], [InstanceDisplayName], [Type], [Enabled], [Configuration])
    VALUES (@name, @instance, @title, @title, 0, 1, @configuration)""",
        name=name,
        instance=str(uuid.uuid4()),
        title=title,
        configuration=json.dumps(configuration),
    )
