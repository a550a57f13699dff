"""Service Provider Foundation: the registered account is admitted on every server, and behind the common name."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from components.spf.registration import admin_address, tenant_address
from operations.configuration import Context
from operations.row import Check, expect
from remote.errors import MachineError
from remote.http import HttpError, RefusedAccountError, get

LEVEL = "Service Provider Foundation"


def checks(context: Context) -> Iterator[Check]:
    spf, hosts = context.topology.spf, context.remote.hosts
    addresses = {server.name: hosts[server.name].address for server in context.topology.spf_servers}
    for name, address in addresses.items():
        yield Check(LEVEL, name, f"lets {spf.account} in", _Server(context, address), machine=name)
    servers = frozenset(f"{address}:{spf.port}" for address in addresses.values())
    front = _Server(context, hosts.resolve(spf.name), servers)
    yield Check(LEVEL, spf.name, f"lets {spf.account} in", front, common=True)


def refused(context: Context) -> str:
    """Which server does not let the registered account in, as this process has seen it; empty where none refuses it.
    Before something else logs on with that account: servers count failed log-ons of every client."""
    topology, hosts = context.topology, context.remote.hosts
    spf, account = topology.spf, (topology.spf.account, context.spf_password)
    path = admin_address(spf.url).removeprefix(spf.url)
    for server in topology.spf_servers:
        address = hosts[server.name].address
        try:
            answer = get(address, spf.port, spf.name, path, authorities=hosts.authorities, account=account)
        except RefusedAccountError as error:
            return f"{server.name}: {error}"
        except (HttpError, MachineError):  # a row of its own says so
            continue
        if answer.status == 401:
            return f"{server.name}: HTTP 401 for {spf.account}"
    return ""


class _Server:
    """Both services that the portal calls answer this account at one address, under the common name."""

    def __init__(self, context: Context, address: str, leads_to: frozenset[str] = frozenset()) -> None:
        self.context, self.address, self.leads_to = context, address, leads_to

    def __call__(self) -> str:
        spf, authorities = self.context.topology.spf, self.context.remote.hosts.authorities
        account = (spf.account, self.context.spf_password)
        request = partial(
            get, self.address, spf.port, spf.name, authorities=authorities, account=account, leads_to=self.leads_to
        )
        wrong = []
        for url in (admin_address(spf.url), tenant_address(spf.url)):
            path = url.removeprefix(spf.url)
            answer = request(path)
            if answer.status != 200:
                wrong.append(f"HTTP {answer.status} for {path}")
            if answer.status == 401:
                break  # an account that was refused is not sent to the same server again
        return expect(wrong, "both services answer")
