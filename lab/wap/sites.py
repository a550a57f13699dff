"""What the sites of Windows Azure Pack answer. Each request for a page works with the database as the site's own login.

``handler(feature)`` gives the function for ``world.site_handlers``. Which page of the real product touches the database
when is not published; here every page that needs a setting or a row reads it (docs/lab/wap.md).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from urllib.parse import parse_qs, quote
from xml.sax.saxutils import escape, quoteattr

from lab.sql.api import Session
from lab.wap import admin_api, federation, own_portal, providers, store
from lab.wap.answers import failure, not_found, page, unauthorized
from lab.wap.backend import DatabaseFailedError, NotConfiguredError, database, settings_of
from lab.wap.catalogue import Feature
from lab.wap.database import run
from lab.wap.defaults import API_SETTINGS, FQDN_SETTING, IDENTITY_SETTING, PARTY_SETTING, REALMS, issuer
from lab.wap.releases import release_of
from lab.wap.rest import reply
from lab.wap.schema import TABLES
from lab.wap.web import WebError, fetch, redeem
from lab.world import Machine, Request, Response

Handler = Callable[[Machine, Request], Response]

METADATA = "/federationmetadata/2007-06/federationmetadata.xml"
_AUTHENTICATION_SITES = ("AuthSite", "WindowsAuthSite")


def handler(feature: Feature) -> Handler:
    """The code behind one site."""
    answer = _ANSWERS.get(feature.name, _provider)

    def respond(machine: Machine, request: Request) -> Response:
        try:
            if feature.name == "AdminAPI":
                return admin_api.handle(machine, request)
            return answer(machine, request, feature)
        except (NotConfiguredError, DatabaseFailedError):
            return failure()

    return respond


def _use_every_login(machine: Machine, feature: Feature) -> None:
    """One query with each login of the site, on a table of that login's schema."""
    for login in feature.logins:
        table = next(iter(TABLES[login.schema]))
        with database(machine, feature, login) as session:
            run(session, f"SELECT COUNT(*) AS n FROM {table}")  # noqa: S608 - a name from our own table


def _setting(session: Session, namespace: str, name: str) -> dict[str, str]:
    found: dict[str, str] = json.loads(store.get(session, namespace, name) or "{}")
    return found


def _ping(machine: Machine, feature: Feature) -> Response:
    _use_every_login(machine, feature)
    return Response(200, {"Content-Type": "text/plain; charset=utf-8"}, b"true")


def _portal(machine: Machine, request: Request, feature: Feature) -> Response:
    """Admin and tenant site: a visitor without a session is sent to the authentication site, and comes back from
    there with a token."""
    path = request.path.lower()
    federated = release_of(machine.world).federated
    if feature.name == "AdminSite" and not federated:
        return own_portal.administrators(machine, request, feature, _interface)
    if path == "/ping":
        return _ping(machine, feature)
    if path == METADATA and federated:
        return _metadata(machine, feature)
    _use_every_login(machine, feature)
    if not federated:
        return own_portal.tenants(request)
    answer = federation.posted(request)
    token, context = answer or (federation.cookie(request), "")
    with database(machine, feature) as session:
        known = federation.accepted(machine, feature, session, token, feature.name)
        endpoint = _setting(session, feature.name, IDENTITY_SETTING).get("Endpoint", "")
        interface = _interface(session, feature)
    if answer is not None:
        return _signed_in(token, context) if known else failure()
    if known:
        return _start(machine, feature, interface, token)
    realm, context = REALMS[feature.name], f"rm=0&id=passive&ru={quote(request.path, safe='')}"
    location = f"{endpoint}?wa=wsignin1.0&wtrealm={quote(realm, safe='')}&wctx={quote(context, safe='')}"
    return _moved(location)


def _moved(location: str, headers: dict[str, str] | None = None) -> Response:
    text = f"<h2>Object moved to <a href={quoteattr(location)}>here</a>.</h2>"
    return page("Object moved", text, 302, {"Location": location, **(headers or {})})


def _signed_in(token: str, context: str) -> Response:
    """Back to the page that the visitor came for, with a session."""
    wanted = parse_qs(context).get("ru", ["/"])[0]
    local = wanted if wanted.startswith("/") and not wanted.startswith("//") else "/"
    return _moved(local, {"Set-Cookie": f"{federation.COOKIE}={token}; path=/; secure; HttpOnly"})


def _interface(session: Session, feature: Feature) -> str:
    """Where the site finds the interface that it works through: the name that Set-MgmtSvcFqdn gave to that, else what
    the first node left."""
    api, setting = API_SETTINGS[feature.name]
    known = _setting(session, api, FQDN_SETTING)
    if known:
        return f"{known['Scheme']}://{known['Host']}:{known['Port']}"
    return store.get(session, feature.name, setting) or ""


def _start(machine: Machine, feature: Feature, interface: str, token: str) -> Response:
    """The start page shows what the interface gives, or a warning in its place (blog: exclamation marks)."""
    path = "/plans" if feature.name == "AdminSite" else "/subscriptions"
    try:
        # Certificates of interfaces are not validated: a fresh installation, whose own are self-signed, leaves it so.
        answer = fetch(machine, interface + path, headers={"Authorization": f"Bearer {token}"}, verify=False)
        trouble = "" if answer.status == 200 else f"{interface} answered {answer.status}"
    except WebError as error:
        trouble = f"{interface}: {error.message}"
    shown = f'<p class="warning">! {escape(trouble)}</p>' if trouble else '<p class="ready">Ready</p>'
    return page("Service Management Portal", shown)


def _tenant_authentication(machine: Machine, request: Request, feature: Feature) -> Response:
    path = request.path.lower().rstrip("/")
    if path == METADATA:
        return _metadata(machine, feature)
    _use_every_login(machine, feature)
    if path == "/ping":
        return Response(200, {"Content-Type": "text/plain; charset=utf-8"}, b"true")
    if path in ("", "/wsfederation/issue", "/account/logon"):
        form = (
            '<form method="post" action="/account/logon"><input name="UserName" type="email">'
            '<input name="Password" type="password"><button>Log in</button></form>'
        )
        return page("Log In", f"<h1>Log in</h1>{form}")
    return not_found()


def _windows_authentication(machine: Machine, request: Request, feature: Feature) -> Response:
    """IIS asks for Windows authentication before any code of the site runs; only the metadata is for everybody."""
    path = request.path.lower().rstrip("/")
    if path == METADATA:
        return _metadata(machine, feature)
    who = redeem(machine, request.headers.get("authorization", ""))
    if who is None:
        return unauthorized("Negotiate", "NTLM")
    if path == "/wstrust/issue/windowstransport" and request.method == "POST":
        realm = json.loads(request.body or b"{}").get("realm", "")
        with database(machine, feature) as session:
            party = _setting(session, feature.name, PARTY_SETTING)
        if realm != party.get("Realm"):
            return page("400 - Bad Request", "<h2>The realm is not known.</h2>", 400)
        token = federation.issue(machine, feature, who, realm)
        return Response(200, {"Content-Type": "text/plain; charset=utf-8"}, token.encode())
    if path == "/wsfederation/issue":
        with database(machine, feature) as session:
            party = _setting(session, feature.name, PARTY_SETTING)
        if request.query.get("wtrealm", party.get("Realm")) != party.get("Realm"):
            return page("400 - Bad Request", "<h2>The realm is not known.</h2>", 400)
        token = federation.issue(machine, feature, who, party["Realm"])
        form = (
            f"<form method='post' action={quoteattr(party['ReplyTo'])}>"
            "<input type='hidden' name='wa' value='wsignin1.0'>"
            f"<input type='hidden' name='wresult' value={quoteattr(token)}>"
            f"<input type='hidden' name='wctx' value={quoteattr(request.query.get('wctx', ''))}></form>"
        )
        return page("Working...", form)
    return not_found()


def _metadata(machine: Machine, feature: Feature) -> Response:
    """WS-Federation metadata as far as the configuration cmdlets read it: where the passive endpoint is."""
    with database(machine, feature) as session:
        known = json.loads(store.get(session, feature.name, FQDN_SETTING) or "{}")
    base = f"{known['Scheme']}://{known['Host']}:{known['Port']}/"
    address = base + ("wsfederation/issue" if feature.name in _AUTHENTICATION_SITES else "")
    kind = "SecurityTokenServiceType" if feature.name in _AUTHENTICATION_SITES else "ApplicationServiceType"
    entity = REALMS.get(feature.name) or issuer(feature.name)
    text = (
        '<?xml version="1.0" encoding="utf-8"?>'
        f'<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID={quoteattr(entity)}>'
        '<RoleDescriptor xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
        ' xmlns:fed="http://docs.oasis-open.org/wsfed/federation/200706"'
        f' xsi:type="fed:{kind}" protocolSupportEnumeration="http://docs.oasis-open.org/wsfed/federation/200706">'
        '<fed:PassiveRequestorEndpoint><EndpointReference xmlns="http://www.w3.org/2005/08/addressing">'
        f"<Address>{escape(address)}</Address></EndpointReference></fed:PassiveRequestorEndpoint>"
        "</RoleDescriptor></EntityDescriptor>"
    )
    return Response(200, {"Content-Type": "text/xml; charset=utf-8"}, text.encode())


def _tenant_api(machine: Machine, request: Request, feature: Feature) -> Response:
    """The tenants' interfaces want a bearer token (private) or a client certificate (public); only /ping is open."""
    path = request.path.lower().rstrip("/")
    if path == "/ping":
        return _ping(machine, feature)
    _use_every_login(machine, feature)
    if feature.name == "TenantAPI":
        with database(machine, feature) as session:
            known = federation.accepted(machine, feature, session, federation.bearer(request), *API_SETTINGS)
        if known:
            return reply([]) if path == "/subscriptions" else not_found()
    return unauthorized("Bearer")


def _provider(machine: Machine, request: Request, feature: Feature) -> Response:
    """A resource provider's own site: the product's interfaces come with basic authentication, nobody else does."""
    _use_every_login(machine, feature)
    assert feature.provider
    password = settings_of(machine, feature)["provider_password"]
    if request.headers.get("authorization") != providers.basic(feature.provider[0], password):
        return unauthorized(f'Basic realm="{feature.site.name}"')
    path = request.path.lower().rstrip("/")
    if path in ("", "/subscriptions"):
        return reply([])
    if path == "/hostingservers" and feature.name in ("MySQL", "SQLServer"):
        with database(machine, feature) as session:
            table = next(iter(TABLES[feature.name]))
            return reply(run(session, f"SELECT [Id] AS ServerId, [Name] FROM {table}"))  # noqa: S608 - our own table
    return not_found()


def _collector(machine: Machine, _: Request, feature: Feature) -> Response:
    """The usage collector has nothing for visitors."""
    _use_every_login(machine, feature)
    return unauthorized(f'Basic realm="{feature.site.name}"')


_ANSWERS: dict[str, Callable[[Machine, Request, Feature], Response]] = {
    "AdminSite": _portal,
    "TenantSite": _portal,
    "AuthSite": _tenant_authentication,
    "WindowsAuthSite": _windows_authentication,
    "TenantAPI": _tenant_api,
    "TenantPublicAPI": _tenant_api,
    "UsageCollector": _collector,
}
