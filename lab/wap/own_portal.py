"""The two portals of a release without authentication sites: each signs its visitors in by itself.

The administrators' site wants Windows authentication and membership in the local group of operators (the article), and
carries out what an administrator clicks through the Admin API on its own machine. That the clicks arrive as forms at
``/Plans/Create``, ``/Plans/Delete`` and ``/VMClouds/Register`` is the lab's own choice; what they lead to is not: the
same rows that the same interface of the later release makes.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

from lab.sql.api import Session as SqlSession
from lab.wap import local, secrets
from lab.wap.answers import failure, not_found, page, unauthorized
from lab.wap.backend import database, settings_of
from lab.wap.catalogue import FEATURES, Feature
from lab.wap.configure import now
from lab.wap.database import run
from lab.wap.defaults import REALMS
from lab.wap.web import WebError, fetch, redeem
from lab.world import Identity, Machine, Request, Response

_OWN = f"https://localhost:{FEATURES['AdminAPI'].site.port}"
_MINUTES = 5
_FORMS: dict[str, tuple[str, ...]] = {
    "/plans/create": ("name", "services"),
    "/plans/delete": ("name",),
    "/vmclouds/register": ("url", "account", "password"),
}


class _RefusedError(Exception):
    """What the site shows the administrator instead of the next page."""


def administrators(
    machine: Machine, request: Request, feature: Feature, interface: Callable[[SqlSession, Feature], str]
) -> Response:
    """The administrators' site. ``interface`` reads from the store where the Admin API is when it is not here."""
    who = redeem(machine, request.headers.get("authorization", ""))
    if who is None:
        return unauthorized("Negotiate", "NTLM")  # by IIS, before any code of the site runs
    if not _operator(machine, who):
        text = "<h2>You are not authorized to view this page.</h2>"
        return page("Service Management Portal", text, 403)
    with database(machine, feature) as session:
        run(session, "SELECT COUNT(*) AS n FROM dbo.aspnet_Users")
        address = _OWN if local.installed(machine, FEATURES["AdminAPI"].component) else interface(session, feature)
    try:
        return _answer(_Api(machine, feature, who, address), request)
    except _RefusedError as error:
        return page("Service Management Portal", f"<h2>{escape(str(error))}</h2>", 400)
    except WebError:
        return failure()


def tenants(request: Request) -> Response:
    """The tenants' site: its own form, for accounts in its own store."""
    if request.path.lower().rstrip("/") not in ("", "/account/logon"):
        return not_found()
    form = (
        '<form method="post" action="/account/logon"><input name="UserName" type="email">'
        '<input name="Password" type="password"><button>Log in</button></form>'
    )
    return page("Log In", f"<h1>Log in</h1>{form}")


def _operator(machine: Machine, who: Identity) -> bool:
    """The local administrator, and who is in the group that the installer made."""
    name, group = f"{machine.name}\\Administrator".lower(), f"{machine.name}\\{local.OPERATORS}".lower()
    return who.user.lower() == name or any(held.lower() == group for held in who.groups)


class _Api:
    """The Admin API as the site calls it for one visitor."""

    def __init__(self, machine: Machine, feature: Feature, who: Identity, address: str) -> None:
        # No issuer: without authentication sites the stores name none to be trusted.
        claims = {"aud": REALMS[feature.name], "upn": who.user, "exp": int(now()) + 60 * _MINUTES}
        self._token = secrets.sign(claims, settings_of(machine, feature)["token_key"])
        self._machine, self._address = machine, address

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """Raises _RefusedError with the interface's message, WebError when it does not answer."""
        headers = {"Authorization": f"Bearer {self._token}"}
        content = b"" if body is None else json.dumps(body).encode()
        answer = fetch(self._machine, self._address + path, method, headers, content, verify=False)
        if answer.status >= 500:
            raise WebError(f"HTTP {answer.status}")
        found: Any = json.loads(answer.body) if answer.body else None
        if answer.status >= 400:
            raise _RefusedError(found["Message"])
        return found


def _answer(api: _Api, request: Request) -> Response:
    path = request.path.lower().rstrip("/")
    if request.method == "POST" and path in _FORMS:
        form = dict(parse_qsl(request.body.decode(), keep_blank_values=True))
        if missing := [name for name in _FORMS[path] if not form.get(name)]:
            raise _RefusedError(f"Please enter: {', '.join(missing)}.")
        _ACTIONS[path](api, form)
    elif path not in ("", "/plans", "/vmclouds"):
        return not_found()
    plans = "".join(f"<li>{escape(plan['DisplayName'])}</li>" for plan in api.call("GET", "/plans"))
    return page("Service Management Portal", f"<h1>Plans</h1><ul>{plans}</ul>")


def _create_plan(api: _Api, form: dict[str, str]) -> None:
    known = {one["Name"].lower(): one for one in api.call("GET", "/resourceproviders")}
    services = form["services"].split(",")
    if unknown := [service for service in services if service.lower() not in known]:
        raise _RefusedError(f"There is no service {', '.join(unknown)}.")
    plan = api.call("POST", "/plans", {"DisplayName": form["name"], "State": 0})
    for service in services:
        provider = known[service.lower()]
        body = {"Name": provider["Name"], "InstanceId": provider["InstanceId"], "ConfigState": 0}
        api.call("POST", f"/plans/{plan['Id']}/services", body)


def _delete_plan(api: _Api, form: dict[str, str]) -> None:
    found = [plan["Id"] for plan in api.call("GET", "/plans") if plan["DisplayName"] == form["name"]]
    if not found:
        raise _RefusedError(f"There is no plan {form['name']}.")
    api.call("DELETE", f"/plans/{found[0]}")


def _register(api: _Api, form: dict[str, str]) -> None:
    """Service Provider Foundation; the addresses below its base are those of its own release, 2012 SP1."""

    def endpoint(service: str) -> dict[str, str]:
        return {
            "ForwardingAddress": f"{form['url'].rstrip('/')}/SC2012/{service}/Microsoft.Management.Odata.svc/",
            "AuthenticationMode": "Basic",
            "AuthenticationUsername": form["account"],
            "AuthenticationPassword": form["password"],
        }

    names = {"Name": "systemcenter", "DisplayName": "System Center", "InstanceDisplayName": "VM Clouds"}
    endpoints = {"AdminEndpoint": endpoint("Admin"), "TenantEndpoint": endpoint("VMM")}
    api.call("POST", "/resourceproviders", {**names, **endpoints, "Enabled": True})


_ACTIONS = {"/plans/create": _create_plan, "/plans/delete": _delete_plan, "/vmclouds/register": _register}
