"""An administrator's browser on a machine of the lab: what an administrator does in the product's own sites.

Nothing reaches the stores from here but a form over HTTPS, as the account that is logged on at the machine.
"""

from __future__ import annotations

import re
from urllib.parse import urlencode

from lab import identity
from lab.powershell.api import Session
from lab.wap.catalogue import CONFIG_SITE, FEATURES
from lab.wap.web import WebError, fetch, negotiate
from lab.world import Machine

PORTS = {"portal": FEATURES["AdminSite"].site.port, "configuration": CONFIG_SITE.port}
"""The two sites that an administrator uses on a portal server."""


class ClickError(Exception):
    """The site did not do it; the text is what it shows."""


def submit(machine: Machine, user: str, path: str, *, site: str = "portal", **fields: str) -> None:
    """Fill in one of a site's forms and press its button. Raises ClickError."""
    try:
        who = identity.identity(machine.world, machine, user)
    except identity.UnknownAccountError as error:
        raise ClickError(f"nobody is called {user}") from error
    headers = {
        "Authorization": negotiate(Session(machine, who, "interactive")),
        "Content-Type": "application/x-www-form-urlencoded",
    }
    try:
        url = f"https://localhost:{PORTS[site]}{path}"
        answer = fetch(machine, url, "POST", headers, urlencode(fields).encode(), verify=False, timeout_seconds=600)
    except WebError as error:
        raise ClickError(error.message) from None
    if answer.status != 200:
        shown = re.sub(r"<[^>]+>", " ", answer.body.decode("utf-8", "replace").partition("<body>")[2])
        raise ClickError(f"HTTP {answer.status}: {' '.join(shown.split())}")
