"""Service Provider Foundation: the registered account is let in on every server, and behind the common name."""

from __future__ import annotations

from collections.abc import Iterator

from components.spf.registration import admin_address, tenant_address
from operations.configuration import Context
from operations.row import Check, expect
from remote.http import get

LEVEL = "Service Provider Foundation"


def checks(context: Context) -> Iterator[Check]:
    spf = context.topology.spf
    for server in context.topology.spf_servers:
        yield Check(
            LEVEL, server.name, f"lets {spf.account} in", _Server(context, context.remote.hosts[server.name].address)
        )
    yield Check(LEVEL, spf.name, f"lets {spf.account} in", _Server(context, context.remote.hosts.dial(spf.name)))


class _Server:
    """Both services that the portal calls answer this account at one address, under the common name."""

    def __init__(self, context: Context, address: str) -> None:
        self.context, self.address = context, address

    def __call__(self) -> str:
        spf, authorities = self.context.topology.spf, self.context.remote.hosts.authorities
        account = (spf.account, self.context.spf_password)
        wrong = []
        for url in (admin_address(spf.url), tenant_address(spf.url)):
            path = url.removeprefix(spf.url)
            answer = get(self.address, spf.port, spf.name, path, authorities=authorities, account=account)
            if answer.status != 200:
                wrong.append(f"HTTP {answer.status} for {path}")
        return expect(wrong, "both services answer")
