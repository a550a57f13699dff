"""What a machine of the lab reaches over its network, and what the network lets through."""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import unescape
from pathlib import Path
from urllib.parse import urlencode

from lab import files, identity
from lab.balancer import balancer_of
from lab.files import LabFileError
from lab.powershell.api import Session
from lab.testing.handle import AnyLab, inside
from lab.wap import web
from lab.wap.web import WebError
from lab.world import Response

__all__ = ["LabFileError", "Response", "WebError", "fetch", "open_path", "permit", "serving", "sign_in"]


def permit(lab: AnyLab, flows: Iterable[tuple[str, str, int]]) -> None:
    """What the administrators of the network between the domains let through from now on: source domain, target
    domain, port."""
    world = inside(lab)
    world.topology["flows"] = [{"source": source, "target": target, "port": port} for source, target, port in flows]
    for owner in {endpoint.owner for endpoint in world.network.endpoints()}:
        world.network.refilter(owner)


def fetch(lab: AnyLab, machine: str, url: str) -> Response:
    """GET from a machine, whatever certificate the site has; redirects are not followed. Raises WebError when no answer
    comes."""
    world = inside(lab)
    return web.fetch(world.machine(machine), url, verify=False)


def sign_in(lab: AnyLab, machine: str, user: str, url: str) -> str:
    """The page that a user who is logged on to a machine sees, in a browser, after signing in at a site of the portal
    with Windows authentication."""
    world = inside(lab)
    here = world.machine(machine)
    browser = Session(here, identity.identity(world, here, user), "batch")
    location = web.fetch(here, url, verify=False).headers["location"]
    authorization = {"Authorization": web.negotiate(browser)}
    form = web.fetch(here, location, headers=authorization, verify=False).body.decode()
    fields = {name: unescape(value) for name, value in re.findall(r"name='(\w+)' value=['\"]([^'\"]*)", form)}
    action = re.search(r'action="([^"]+)"', form)
    assert action, form
    answer = web.fetch(here, action[1], "POST", {}, urlencode(fields).encode(), verify=False)
    cookie = answer.headers["set-cookie"].partition(";")[0]
    return web.fetch(here, url, headers={"Cookie": cookie}, verify=False).body.decode()


def serving(lab: AnyLab, cluster: str) -> frozenset[str]:
    """The nodes among which a load balancing cluster distributes its clients now."""
    world = inside(lab)
    return balancer_of(world).mapping(cluster)


def open_path(lab: AnyLab, machine: str, path: str, account: str) -> Path:
    """What an account on a machine reads at a path, shares of other machines included. Raises LabFileError."""
    world = inside(lab)
    return files.resolve(world, world.machine(machine), path, account, False)
