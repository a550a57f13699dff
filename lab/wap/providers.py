"""Resource providers in ``mp.ResourceProviders``: rows, endpoints with protected passwords, and whether they answer."""

from __future__ import annotations

import base64
import copy
import json
from typing import Any

from lab.sql.api import Session
from lab.wap.database import run
from lab.wap.rest import ApiError
from lab.wap.secrets import protect, unprotect
from lab.wap.web import WebError, fetch, status_message
from lab.world import Machine, Response

Json = dict[str, Any]

SYSTEM = ("marketplace", "monitoring", "usageservice")
"""Those that are listed only when system resource providers are asked for."""
ENDPOINTS = tuple(f"{name}Endpoint" for name in ("Admin", "Tenant", "Usage", "HealthCheck", "Notification"))
_COLUMNS = ("Name", "InstanceId", "DisplayName", "InstanceDisplayName", "Type", "Enabled")
_OPTIONS = (
    "Description",
    "PassThroughEnabled",
    "AllowAnonymousAccess",
    "AllowMultipleInstances",
    "MaxQuotaUpdateBatchSize",
    "SubscriptionStatusPollingInterval",
)


def all_of(session: Session) -> list[Json]:
    """Every provider with its passwords still protected."""
    rows = run(
        session,
        "SELECT [Name], [InstanceId], [DisplayName], [InstanceDisplayName], [Type], [Enabled], [Configuration]"
        " FROM [mp].[ResourceProviders] ORDER BY [Name]",
    )
    return [{**{key: row[key] for key in _COLUMNS}, **json.loads(row["Configuration"])} for row in rows]


def find(session: Session, name: str, instance: str) -> Json | None:
    for provider in all_of(session):
        if (provider["Name"].lower(), provider["InstanceId"].lower()) == (name.lower(), instance.lower()):
            return provider
    return None


def shown(provider: Json) -> Json:
    """As the interface gives it: passwords never leave."""
    provider = copy.deepcopy(provider)
    for endpoint in ENDPOINTS:
        if provider.get(endpoint):
            provider[endpoint]["AuthenticationPassword"] = None
        else:
            provider[endpoint] = None
    for option in _OPTIONS:
        provider.setdefault(option, None)
    provider["Enabled"] = bool(provider["Enabled"])
    return provider


def insert(session: Session, provider: Json, key: str) -> None:
    """Store a provider; passwords in clear are protected with the Admin API's machine key."""
    kept: Json = {option: provider.get(option) for option in _OPTIONS}
    for name in ENDPOINTS:
        endpoint = copy.deepcopy(provider.get(name))
        if endpoint:
            if endpoint.get("AuthenticationPassword"):
                endpoint["AuthenticationPassword"] = protect(endpoint["AuthenticationPassword"], key)
            kept[name] = endpoint
    run(
        session,
        """INSERT INTO [mp].[ResourceProviders]
    ([Name], [InstanceId], [DisplayName], [InstanceDisplayName], [Type], [Enabled], [Configuration])
    VALUES (@name, @instance, @title, @subtitle, @type, @enabled, @configuration)""",
        name=provider["Name"],
        instance=provider["InstanceId"],
        title=provider.get("DisplayName") or provider["Name"],
        subtitle=provider.get("InstanceDisplayName"),
        type=int(provider.get("Type") or 0),
        enabled=bool(provider.get("Enabled", True)),
        configuration=json.dumps(kept),
    )


def remove(session: Session, name: str, instance: str) -> None:
    run(
        session,
        "DELETE FROM [mp].[ResourceProviders] WHERE [Name] = @name AND [InstanceId] = @instance",
        name=name,
        instance=instance,
    )


def keep_passwords(provider: Json, before: Json, key: str) -> None:
    """An update that sends no password keeps the stored one of the same endpoint and user."""
    for name in ENDPOINTS:
        endpoint, known = provider.get(name), before.get(name)
        if not endpoint or not known or endpoint.get("AuthenticationPassword"):
            continue
        same_user = endpoint.get("AuthenticationUsername") == known.get("AuthenticationUsername")
        if same_user and known.get("AuthenticationPassword"):
            endpoint["AuthenticationPassword"] = unprotect(known["AuthenticationPassword"], key)


def problem_with(machine: Machine, provider: Json) -> str | None:
    """Why the endpoints of a provider that is to be registered cannot be used; None when they answer.

    Endpoints with Windows authentication are not tried. Certificates of endpoints are not validated, as a fresh
    installation, whose own endpoints are self-signed, leaves it.
    """
    if not provider.get("AdminEndpoint") and not provider.get("TenantEndpoint"):
        return "A resource provider needs an endpoint for administrators or for tenants."
    for name in ENDPOINTS:
        endpoint = provider.get(name)
        if endpoint and str(endpoint.get("AuthenticationMode") or "None") in ("None", "Basic", "0", "1"):
            failure = _try(machine, endpoint, endpoint.get("ForwardingAddress") or "")
            if failure:
                return f"{name}: {failure}"
    return None


def verify(machine: Machine, provider: Json, uri: str) -> list[Json]:
    """What Test-MgmtSvcResourceProvider asks: does this address answer with the administrator's endpoint's account."""
    endpoint = provider.get("AdminEndpoint") or {}
    failure = _try(machine, endpoint, uri)
    return [{"HasFailures": failure is not None, "TestUri": uri, "OutputMessage": failure or ""}]


def basic(user: str, password: str) -> str:
    """The ``Authorization`` header of basic authentication."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def passed_on(machine: Machine, endpoint: Json, path: str, key: str) -> Response:
    """What a resource provider answers to a request that the interface passes on. Raises ApiError when it cannot be
    reached."""
    headers = {}
    if str(endpoint.get("AuthenticationMode")) in ("Basic", "1"):
        password = unprotect(endpoint["AuthenticationPassword"], key)
        headers["Authorization"] = basic(endpoint["AuthenticationUsername"], password)
    uri = endpoint["ForwardingAddress"].rstrip("/") + "/" + path.lstrip("/")
    try:
        return fetch(machine, uri, headers=headers, verify=False)
    except WebError as error:
        raise ApiError(500, "ResourceProviderUnavailable", f"{uri}: {error.message}") from None


def _try(machine: Machine, endpoint: Json, uri: str) -> str | None:
    headers = {}
    if str(endpoint.get("AuthenticationMode")) in ("Basic", "1"):
        user, password = endpoint.get("AuthenticationUsername") or "", endpoint.get("AuthenticationPassword") or ""
        headers["Authorization"] = basic(user, password)
    try:
        answer = fetch(machine, uri, headers=headers, verify=False)
    except WebError as error:
        return f"{uri}: {error.message}"
    return f"{uri}: {status_message(answer)}" if answer.status >= 400 else None
