"""Service Provider Foundation: the account on every server, and its registration with the portal."""

from __future__ import annotations

import pulumi

from components.component import Component
from components.portal.interface import interface
from components.portal.stores import Place
from components.resource import later_secret
from components.secrets import FarmSecrets
from components.spf.registration import Registration, RegistrationInputs
from components.spf.registration_by_hand import RegistrationByHand, RegistrationByHandInputs
from components.topology import Topology
from components.windows.local_account import LocalAccount, LocalAccountInputs


class ServiceProviderFoundation(Component):
    """Servers that are installed already behind one name; the portal reaches them with one local account."""

    def __init__(
        self, name: str, topology: Topology, secrets: FarmSecrets, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("spf:ServiceProviderFoundation", name, opts)
        self._topology, self._secrets = topology, secrets
        spf = topology.spf
        self.accounts = [
            LocalAccount(
                f"{server.name}-account",
                LocalAccountInputs(
                    machine=server.name,
                    account=spf.account,
                    password=later_secret(secrets.spf_password),
                    groups=spf.groups,
                    description="The portal registers and calls Service Provider Foundation with this account.",
                    adopt=spf.adopt,
                ),
                self.child(),
            )
            for server in topology.spf_servers
        ]
        self.register_outputs({"url": spf.url})

    def ask_for_registration(self, where: Place, *depends_on: pulumi.Resource) -> RegistrationByHand:
        """Have the operator register it with the portal, once."""
        spf = self._topology.spf
        return RegistrationByHand(
            "spf-registration",
            RegistrationByHandInputs(
                **where,
                url=spf.url,
                account=spf.account,
                adopt=spf.adopt,
            ),
            self.child(*self.accounts, *depends_on),
        )

    def register(self, machine: str, *depends_on: pulumi.Resource) -> Registration:
        """Register with the portal, once, through one of its nodes."""
        spf = self._topology.spf
        return Registration(
            "spf-registration",
            RegistrationInputs(
                **interface(self._topology, machine),
                url=spf.url,
                account=spf.account,
                password=later_secret(self._secrets.spf_password),
                adopt=spf.adopt,
            ),
            self.child(*self.accounts, *depends_on),
        )
