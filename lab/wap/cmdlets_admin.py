"""MgmtSvcAdmin: the client of the administrator's REST interface (plans, resource providers, users, tokens)."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from lab.powershell.api import Call, NotModelledError, PowerShellError, PSObject, cmdlet
from lab.wap.arguments import credential, matches, refuse, text, texts, what_if
from lab.wap.web import WebError, fetch, negotiate, status_message

_TYPES = "Microsoft.WindowsAzure.Server.Management."
_STATES = ("Private", "Public", "Decommissioned")
_CONFIG_STATES = ("NotConfigured", "Configured")
_SYNC_STATES = ("InSync", "Syncing", "OutOfSync")
_PROVIDER_TYPES = ("Standard", "UsageProvider", "CloudServiceProvider")
_MODES = ("None", "Basic", "Windows")


def _failure(message: str, error_id: str, status: int = 0) -> PowerShellError:
    kind = "System.Net.WebException" if not status else "Microsoft.WindowsAzure.Management.ResourceManagementException"
    return PowerShellError(message, error_id, exception_type=kind, data={"StatusCode": status} if status else None)


def request(call: Call, method: str, path: str, body: Any = None) -> Any:
    """One call of the REST interface at -AdminUri with -Token. Raises PowerShellError with the interface's message."""
    base = (text(call, "AdminUri") or "").rstrip("/")
    headers = {
        "Authorization": f"Bearer {text(call, 'Token')}",
        "x-ms-principal-id": call.session.identity.user,
        "Content-Type": "application/json; charset=utf-8",
    }
    data = json.dumps(body).encode() if body is not None else b""
    verify = not call.get("DisableCertificateValidation")
    try:
        answer = fetch(call.machine, base + path, method, headers, data, verify=verify)
    except WebError as error:
        raise _failure(error.message, "WebException") from None
    if answer.status >= 400:
        try:
            message = str(json.loads(answer.body)["Message"])
        except (ValueError, KeyError, TypeError):
            message = status_message(answer)
        raise _failure(message, "ResourceManagementError", answer.status)
    return json.loads(answer.body) if answer.body else None


def _name(values: tuple[str, ...], number: Any) -> Any:
    return values[number] if isinstance(number, int) and 0 <= number < len(values) else number


def _number(values: tuple[str, ...], value: Any) -> int:
    """A value of an enumeration given by name or number."""
    lowered = [name.lower() for name in values]
    given = str(value).lower()
    return lowered.index(given) if given in lowered else int(value)


def _object(kind: str, values: dict[str, Any], show: str = "DisplayName") -> PSObject:
    return PSObject(_TYPES + kind, values, text=str(values.get(show) or ""))


# Tokens


@cmdlet("Get-MgmtSvcToken")
def get_token(call: Call) -> Iterable[Any]:
    refuse(call, "AdfsAddress", "AdfsRealm")
    kind = str(call.get("Type"))
    if kind.lower() != "windows":
        raise NotModelledError(f"Get-MgmtSvcToken -Type {kind}")
    user, password = credential(call.get("User")) if call.get("User") is not None else (None, None)
    site = (text(call, "AuthenticationSite") or "").rstrip("/")
    body = json.dumps({"realm": text(call, "ClientRealm")}).encode()
    verify = not call.get("DisableCertificateValidation")
    try:
        answer = fetch(
            call.machine,
            site + "/wstrust/issue/windowstransport",
            "POST",
            {"Authorization": negotiate(call.session, user, password)},
            body,
            verify=verify,
        )
    except WebError as error:
        raise _failure(error.message, "WebException") from None
    if answer.status != 200:
        raise _failure(status_message(answer), "WebException")
    return [answer.body.decode()]


# Plans


def _plan(values: dict[str, Any]) -> PSObject:
    values = dict(values)
    values["State"] = _name(_STATES, values["State"])
    values["ConfigState"] = _name(_CONFIG_STATES, values["ConfigState"])
    values["QuotaSyncState"] = _name(_SYNC_STATES, values["QuotaSyncState"])
    values["ServiceQuotas"] = [_quota(quota) for quota in values["ServiceQuotas"]]
    values["Advertisements"] = [_object("PlanAdvertisement", item) for item in values["Advertisements"]]
    return _object("Plan", values)


def _quota(values: dict[str, Any]) -> PSObject:
    values = dict(values)
    values["ConfigState"] = _name(_CONFIG_STATES, values.get("ConfigState"))
    values["QuotaSyncState"] = _name(_SYNC_STATES, values.get("QuotaSyncState"))
    values["Settings"] = [_object("ServiceQuotaSetting", item, "Key") for item in values.get("Settings") or []]
    return _object("ServiceQuota", values, "ServiceName")


@cmdlet("Get-MgmtSvcPlan")
def get_plan(call: Call) -> Iterable[Any]:
    plan_id = text(call, "PlanId")
    if plan_id:
        return [_plan(request(call, "GET", f"/plans/{plan_id}"))]
    wanted = texts(call, "DisplayName")
    return [_plan(plan) for plan in request(call, "GET", "/plans") if matches(plan["DisplayName"], wanted)]


def _plan_body(call: Call) -> dict[str, Any]:
    given = call.get("Plan")
    if isinstance(given, PSObject):
        names = ("DisplayName", "State", "MaxSubscriptionsPerAccount", "InvitationCode", "Price")
        values = {name: given.get(name) for name in names}
    else:
        values = {name: text(call, name) for name in ("DisplayName", "State", "InvitationCode", "Price")}
        values["MaxSubscriptionsPerAccount"] = call.get("MaxSubscriptionsPerAccount")
    refuse(call, "SecurityGroup")
    if values["State"] is not None:
        values["State"] = _number(_STATES, values["State"])
    return values


@cmdlet("Add-MgmtSvcPlan")
def add_plan(call: Call) -> Iterable[Any]:
    body = _plan_body(call)
    return [] if what_if(call) else [_plan(request(call, "POST", "/plans", body))]


@cmdlet("Set-MgmtSvcPlan")
def set_plan(call: Call) -> Iterable[Any]:
    given = call.get("Plan")
    plan_id = given.get("Id") if isinstance(given, PSObject) else text(call, "PlanId")
    body = _plan_body(call)
    if not isinstance(given, PSObject):
        before = request(call, "GET", f"/plans/{plan_id}")
        body = {**before, **{key: value for key, value in body.items() if value is not None}}
    return [] if what_if(call) else [_plan(request(call, "PUT", f"/plans/{plan_id}", body))]


@cmdlet("Remove-MgmtSvcPlan")
def remove_plan(call: Call) -> None:
    if not what_if(call):
        request(call, "DELETE", f"/plans/{text(call, 'PlanId')}")


@cmdlet("Add-MgmtSvcPlanService")
def add_plan_service(call: Call) -> Iterable[Any]:
    body = {"Name": text(call, "ServiceName"), "InstanceId": text(call, "InstanceId"), "ConfigState": 0}
    if what_if(call):
        return []
    values = request(call, "POST", f"/plans/{text(call, 'PlanId')}/services", body)
    return [_object("PlanService", {**values, "ConfigState": _name(_CONFIG_STATES, values["ConfigState"])}, "Name")]


@cmdlet("Remove-MgmtSvcPlanService")
def remove_plan_service(call: Call) -> None:
    if not what_if(call):
        request(call, "DELETE", f"/plans/{text(call, 'PlanId')}/services/{text(call, 'ServiceName')}")


# Quotas: objects in the session until Update-MgmtSvcPlanQuota sends them


@cmdlet("New-MgmtSvcQuotaList")
def new_quota_list(_: Call) -> Iterable[Any]:
    return [PSObject(_TYPES + "PlanQuotaUpdate", {"ServiceQuotas": []})]


@cmdlet("Add-MgmtSvcListQuota")
def add_list_quota(call: Call) -> Iterable[Any]:
    quota = call.get("Quota")
    if quota is None:
        quota = _quota({"ServiceName": text(call, "ServiceName"), "ServiceInstanceId": text(call, "ServiceInstanceId")})
    call.get("QuotaList").get("ServiceQuotas").append(quota)
    return [quota]


@cmdlet("Add-MgmtSvcQuotaSetting")
def add_quota_setting(call: Call) -> Iterable[Any]:
    setting = call.get("Setting")
    if setting is None:
        setting = _object("ServiceQuotaSetting", {"Key": text(call, "Key"), "Value": text(call, "Value")}, "Key")
    call.get("Quota").get("Settings").append(setting)
    return [setting]


@cmdlet("Update-MgmtSvcPlanQuota")
def update_plan_quota(call: Call) -> Iterable[Any]:
    quotas = [
        {
            "ServiceName": quota.get("ServiceName"),
            "ServiceInstanceId": quota.get("ServiceInstanceId"),
            "Settings": [{"Key": s.get("Key"), "Value": s.get("Value")} for s in quota.get("Settings") or []],
        }
        for quota in call.get("QuotaList").get("ServiceQuotas")
    ]
    if what_if(call):
        return []
    return [_plan(request(call, "PUT", f"/plans/{text(call, 'PlanId')}/quota", {"ServiceQuotas": quotas}))]


# Resource providers

_ENDPOINTS = ("Admin", "Tenant", "Usage", "HealthCheck", "Notification")


def _provider(values: dict[str, Any]) -> PSObject:
    values = dict(values)
    values["Type"] = _name(_PROVIDER_TYPES, values.get("Type"))
    for name in _ENDPOINTS:
        endpoint = values.get(f"{name}Endpoint")
        if endpoint:
            endpoint = {**endpoint, "AuthenticationMode": _name(_MODES, endpoint.get("AuthenticationMode"))}
            values[f"{name}Endpoint"] = _object("ResourceProviderEndpoint", endpoint, "ForwardingAddress")
    return _object("ResourceProvider", values, "Name")


def _provider_body(call: Call) -> dict[str, Any]:
    given = call.get("ResourceProvider")
    if isinstance(given, PSObject):
        return _from_object(given)
    body: dict[str, Any] = {
        name: text(call, name)
        for name in ("Name", "DisplayName", "Description", "InstanceId", "InstanceDisplayName")
        if call.get(name) is not None
    }
    for name in ("Enabled", "PassThroughEnabled", "AllowAnonymousAccess", "AllowMultipleInstances"):
        if call.get(name) is not None:
            body[name] = bool(call.get(name))
    if call.get("MaxQuotaUpdateBatchSize") is not None:
        body["MaxQuotaUpdateBatchSize"] = int(call.get("MaxQuotaUpdateBatchSize"))
    if call.get("SubscriptionStatusPollingInterval") is not None:
        body["SubscriptionStatusPollingInterval"] = text(call, "SubscriptionStatusPollingInterval")
    if call.get("Type") is not None:
        body["Type"] = _number(_PROVIDER_TYPES, call.get("Type"))
    for name in _ENDPOINTS:
        address = text(call, f"{name}ForwardingAddress")
        if address is None:
            continue
        endpoint = {
            "ForwardingAddress": address,
            "AuthenticationMode": str(call.get(f"{name}AuthenticationMode") or "None"),
        }
        user = call.get("AdminAuthenticationUser") if name == "Admin" else None
        if user is not None:
            endpoint["AuthenticationUsername"], endpoint["AuthenticationPassword"] = credential(user)
        elif call.get(f"{name}AuthenticationUsername") is not None:
            endpoint["AuthenticationUsername"] = text(call, f"{name}AuthenticationUsername") or ""
            endpoint["AuthenticationPassword"] = text(call, f"{name}AuthenticationPassword") or ""
        body[f"{name}Endpoint"] = endpoint
    return body


def _from_object(given: PSObject) -> dict[str, Any]:
    body = {key: value for key, value in given.properties.items() if not isinstance(value, PSObject)}
    if body.get("Type") is not None:
        body["Type"] = _number(_PROVIDER_TYPES, body["Type"])
    for name in _ENDPOINTS:
        endpoint = given.get(f"{name}Endpoint")
        if isinstance(endpoint, PSObject):
            body[f"{name}Endpoint"] = {
                key: value.get("OriginalString") if isinstance(value, PSObject) else value
                for key, value in endpoint.properties.items()
            }
    return body


@cmdlet("Get-MgmtSvcResourceProvider")
def get_resource_provider(call: Call) -> Iterable[Any]:
    wanted, system = texts(call, "Name"), bool(call.get("IncludeSystemResourceProviders"))
    return [_provider(item) for item in _listed(call, system) if matches(item["Name"], wanted)]


def _listed(call: Call, system: bool) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = request(call, "GET", f"/resourceproviders?includeSystemResourceProviders={system}")
    return found


@cmdlet("Add-MgmtSvcResourceProvider")
def add_resource_provider(call: Call) -> Iterable[Any]:
    body = _provider_body(call)
    return [] if what_if(call) else [_provider(request(call, "POST", "/resourceproviders", body))]


@cmdlet("Set-MgmtSvcResourceProvider")
def set_resource_provider(call: Call) -> Iterable[Any]:
    body = _provider_body(call)
    known = [p for p in _listed(call, system=True) if p["Name"].lower() == str(body["Name"]).lower()]
    instance = body.get("InstanceId") or (known[0]["InstanceId"] if len(known) == 1 else None)
    if instance is None:
        raise _failure(f"Resource provider '{body['Name']}' was not found.", "ResourceManagementError", 404)
    before: dict[str, Any] = next((p for p in known if p["InstanceId"].lower() == str(instance).lower()), {})
    if what_if(call):
        return []
    return [_provider(request(call, "PUT", f"/resourceproviders/{body['Name']}/{instance}", {**before, **body}))]


@cmdlet("Remove-MgmtSvcResourceProvider")
def remove_resource_provider(call: Call) -> None:
    if not what_if(call):
        request(call, "DELETE", f"/resourceproviders/{text(call, 'Name')}/{text(call, 'InstanceId')}")


@cmdlet("Test-MgmtSvcResourceProvider")
def test_resource_provider(call: Call) -> Iterable[Any]:
    body = {
        "ResourceProvider": _provider_body(call),
        "TestUri": text(call, "TestUri"),
        "IsAdmin": bool(call.get("IsAdmin")),
    }
    answer = request(call, "POST", "/resourceproviderverification", body)
    results = [_object("ResourceProviderVerificationTestResult", item) for item in answer["VerificationResult"]]
    return [
        PSObject(
            _TYPES + "ResourceProviderVerificationResult",
            {"HasFailures": answer["HasFailures"], "VerificationResult": results},
        )
    ]
