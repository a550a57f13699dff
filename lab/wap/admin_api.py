"""The administrator's REST interface (port 30004): plans and their services, resource providers, users.

Paths, methods, JSON names and status codes are those of Microsoft's Service Management REST reference (docs/lab/wap.md
lists the pages). All state is in ``Microsoft.MgmtSvc.Store``, read and written with the login ``MgmtSvc-AdminAPI``.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable

from lab.sql.api import Session
from lab.wap import federation, plans, providers
from lab.wap.backend import database, settings_of
from lab.wap.catalogue import FEATURES
from lab.wap.database import run
from lab.wap.releases import release_of
from lab.wap.rest import ApiError, Json, RestCall, reply
from lab.world import Machine, Request, Response

FEATURE = FEATURES["AdminAPI"]


def handle(machine: Machine, request: Request) -> Response:
    """Answer one request. Raises NotConfiguredError or DatabaseFailedError for the caller's error page."""
    try:
        with database(machine, FEATURE) as session:
            claims = _claims(machine, session, request)
            if release_of(machine.world).federated:
                _authorise(session, claims)
            return _route(RestCall(machine, session, request))
    except ApiError as error:
        headers = {"Content-Type": "application/json; charset=utf-8"}
        if error.status == 401:
            headers["WWW-Authenticate"] = "Bearer"
        body = json.dumps({"Code": error.code, "Message": error.message})
        return Response(error.status, headers, body.encode())


def _route(call: RestCall) -> Response:
    path = call.request.path.rstrip("/") or "/"
    for method, pattern, function in _ROUTES:
        match = re.fullmatch(pattern, path, re.IGNORECASE)
        if match and method == call.request.method:
            return function(call, *match.groups())
    raise ApiError(404, "ResourceNotFound", f"The resource '{path}' was not found.")


def _claims(machine: Machine, session: Session, request: Request) -> Json:
    claims = federation.accepted(machine, FEATURE, session, federation.bearer(request), "AdminSite")
    if claims is None:
        raise ApiError(401, "AuthenticationFailed", "The request carries no valid token.")
    return claims


def _authorise(session: Session, claims: Json) -> None:
    holders = {str(name).lower() for name in [claims.get("upn", ""), *claims.get("groups", [])]}
    rows = run(session, "SELECT [Principal] FROM [mp].[AuthorizedAdminUsers]")
    if not any(row["Principal"].lower() in holders for row in rows):
        raise ApiError(403, "AuthorizationFailed", f"The principal '{claims.get('upn')}' is not an administrator.")


# Resource providers


def list_providers(call: RestCall) -> Response:
    query = {name.lower(): value.lower() for name, value in call.request.query.items()}
    system = query.get("includesystemresourceproviders") == "true"
    found = [p for p in providers.all_of(call.session) if system or p["Name"] not in providers.SYSTEM]
    return reply([providers.shown(provider) for provider in found])


def forward(call: RestCall, name: str, path: str) -> Response:
    """Pass a request on to a resource provider, at the address and with the account of its administrators' endpoint."""
    found = [p for p in providers.all_of(call.session) if p["Name"].lower() == name.lower()]
    if len(found) != 1 or not found[0].get("PassThroughEnabled") or not found[0].get("AdminEndpoint"):
        raise ApiError(404, "ResourceProviderNotFound", f"There is no resource provider '{name}' to pass this on to.")
    return providers.passed_on(call.machine, found[0]["AdminEndpoint"], path, _key(call.machine))


def get_provider(call: RestCall, name: str, instance: str) -> Response:
    return reply(providers.shown(_provider(call.session, name, instance)))


def _provider(session: Session, name: str, instance: str) -> Json:
    found = providers.find(session, name, instance)
    if found is None:
        raise ApiError(
            404, "ResourceProviderNotFound", f"No resource provider '{name}' with the instance '{instance}'."
        )
    return found


def _check(machine: Machine, provider: Json) -> None:
    problem = providers.problem_with(machine, provider)
    if problem:
        raise ApiError(400, "ResourceProviderVerificationFailed", problem)


def create_provider(call: RestCall) -> Response:
    body = call.body()
    if not re.fullmatch(r"[A-Za-z0-9]+", str(body.get("Name") or "")):
        raise ApiError(400, "InvalidInput", "The name of a resource provider consists of letters and digits.")
    same = [p for p in providers.all_of(call.session) if p["Name"].lower() == body["Name"].lower()]
    if any(not (p.get("AllowMultipleInstances") and body.get("AllowMultipleInstances")) for p in same):
        raise ApiError(409, "ResourceProviderAlreadyExists", f"A resource provider '{body['Name']}' already exists.")
    body.setdefault("InstanceId", None)
    body["InstanceId"] = str(body["InstanceId"] or uuid.uuid4())
    _check(call.machine, body)
    providers.insert(call.session, body, _key(call.machine))
    return reply(providers.shown(_provider(call.session, body["Name"], body["InstanceId"])))


def update_provider(call: RestCall, name: str, instance: str) -> Response:
    before = _provider(call.session, name, instance)
    body = {**call.body(), "Name": before["Name"], "InstanceId": before["InstanceId"]}
    providers.keep_passwords(body, before, _key(call.machine))
    _check(call.machine, body)
    providers.remove(call.session, name, instance)
    providers.insert(call.session, body, _key(call.machine))
    return reply(providers.shown(_provider(call.session, name, instance)))


def delete_provider(call: RestCall, name: str, instance: str) -> Response:
    _provider(call.session, name, instance)
    providers.remove(call.session, name, instance)
    return Response(200)


def verify_provider(call: RestCall) -> Response:
    body = call.body()
    results = providers.verify(call.machine, body.get("ResourceProvider") or {}, str(body.get("TestUri") or ""))
    return reply({"HasFailures": any(r["HasFailures"] for r in results), "VerificationResult": results})


def _key(machine: Machine) -> str:
    return str(settings_of(machine, FEATURE)["keys"]["machineKey.decryptionKey"])


# Users


_ID = "([^/]+)"
_ROUTES: list[tuple[str, str, Callable[..., Response]]] = [
    ("GET", "/plans", plans.list_plans),
    ("POST", "/plans", plans.create_plan),
    ("GET", f"/plans/{_ID}", plans.get_plan),
    ("PUT", f"/plans/{_ID}", plans.update_plan),
    ("DELETE", f"/plans/{_ID}", plans.delete_plan),
    ("POST", f"/plans/{_ID}/services", plans.add_service),
    ("PUT", f"/plans/{_ID}/services", plans.add_service),
    ("DELETE", f"/plans/{_ID}/services/{_ID}", plans.remove_service),
    ("PUT", f"/plans/{_ID}/quota", plans.update_quota),
    ("GET", "/resourceproviders", list_providers),
    ("POST", "/resourceproviders", create_provider),
    ("GET", f"/resourceproviders/{_ID}/{_ID}", get_provider),
    ("PUT", f"/resourceproviders/{_ID}/{_ID}", update_provider),
    ("DELETE", f"/resourceproviders/{_ID}/{_ID}", delete_provider),
    ("POST", "/resourceproviderverification", verify_provider),
    ("GET", f"/services/{_ID}/(.*)", forward),
]
