"""The configuration site (port 30101): the wizard with which an administrator configures a node in a browser.

It asks for the database server, a login and the passphrase, and configures every installed feature as the cmdlets do
(the article). The form's names are the lab's own.
"""

from __future__ import annotations

from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

from lab.powershell.api import PowerShellError, Session
from lab.wap import configure, local
from lab.wap.answers import not_found, page, unauthorized
from lab.wap.database import Target
from lab.wap.setup import Setup
from lab.wap.web import redeem
from lab.world import Machine, Request, Response

_TITLE = "Configuration"
_FIELDS = ("server", "login", "password", "passphrase")


def config_site(machine: Machine, request: Request) -> Response:
    """Only a Windows administrator of the machine is admitted."""
    who = redeem(machine, request.headers.get("authorization", ""))
    if who is None or not who.administrator:
        return unauthorized("Negotiate", "NTLM")
    if request.path not in ("", "/"):
        return not_found()
    if request.method != "POST":
        return page(_TITLE, "<h1>Database Server Setup</h1>")
    form = dict(parse_qsl(request.body.decode(), keep_blank_values=True))
    if missing := [name for name in _FIELDS if not form.get(name)]:
        return page(_TITLE, f"<h2>Please enter: {', '.join(missing)}.</h2>", 400)
    target = Target(form["server"], user=form["login"], password=form["password"])
    setup = Setup(Session(machine, who, "interactive"), target, form["passphrase"])
    try:
        for feature in local.features(machine):
            configure.initialize(setup, feature)
    except PowerShellError as error:
        return page(_TITLE, f"<h2>{escape(error.message)}</h2>", 400)
    return page(_TITLE, "<h1>The configuration is complete.</h1>")
