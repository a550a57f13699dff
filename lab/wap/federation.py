"""Tokens of the authentication sites: how they are issued, and who accepts which.

A portal site and the interfaces accept a token that the farm's key signed, that is for the realm they expect, and that
was issued by the authentication site that their settings name: the one from whose metadata the trust was made.
"""

from __future__ import annotations

import json
from urllib.parse import parse_qs

from lab.sql.api import Session
from lab.wap import secrets, store
from lab.wap.backend import settings_of
from lab.wap.catalogue import Feature
from lab.wap.configure import now
from lab.wap.defaults import IDENTITY_SETTING, REALMS, issuer
from lab.wap.rest import Json
from lab.world import Identity, Machine, Request

TOKEN_SECONDS = 8 * 3600
COOKIE = "FedAuth"


def issue(machine: Machine, feature: Feature, who: Identity, realm: str) -> str:
    """A token of an authentication site; every node with the same store can check it."""
    issued = now()
    claims = {
        "iss": issuer(feature.name),
        "aud": realm,
        "upn": who.user,
        "groups": sorted(who.groups),
        "nbf": int(issued),
        "exp": int(issued) + TOKEN_SECONDS,
    }
    return secrets.sign(claims, settings_of(machine, feature)["token_key"])


def accepted(machine: Machine, feature: Feature, session: Session, token: str, *sites: str) -> Json | None:
    """The claims of a token for one of the portal sites, as a site or interface with this database accepts it."""
    claims = secrets.verify(token.strip(), settings_of(machine, feature)["token_key"], now())
    for site in sites:
        name = IDENTITY_SETTING if feature.name == site else f"{IDENTITY_SETTING}.{site}"
        trusted = json.loads(store.get(session, feature.name, name) or "{}").get("Issuer")
        if claims and claims.get("aud") == REALMS[site] and claims.get("iss") == trusted:
            return claims
    return None


def bearer(request: Request) -> str:
    """The token of an ``Authorization`` header, empty without one."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token if scheme.lower() == "bearer" else ""


def posted(request: Request) -> tuple[str, str] | None:
    """Token and context of a WS-Federation sign-in response; None for any other request."""
    if request.method != "POST":
        return None
    form = parse_qs(request.body.decode(errors="replace"))
    if form.get("wa") != ["wsignin1.0"] or "wresult" not in form:
        return None
    return form["wresult"][0], form.get("wctx", [""])[0]


def cookie(request: Request) -> str:
    """The token that a browser brings back, empty without one."""
    for part in request.headers.get("cookie", "").split(";"):
        name, _, value = part.strip().partition("=")
        if name == COOKIE:
            return value
    return ""
