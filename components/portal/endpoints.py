"""Everything in the stores that says where a site, an interface or a resource provider is: its load-balanced name."""

from __future__ import annotations

import pulumi

from components.component import Component
from components.portal.federation import PAIRS, Federation, FederationInputs, Pair
from components.portal.interface import interface
from components.portal.provider_endpoints import ProviderEndpoints, ProviderEndpointsInputs
from components.portal.public_endpoint_name import PublicEndpointName, PublicEndpointNameInputs
from components.resource import later_secret
from components.secrets import FarmSecrets
from components.topology import Topology


class Endpoints(Component):
    """First the names, then the trust that is made of them; the resource providers beside that.

    A topology without authentication sites has none of this: its sites send nobody anywhere.
    """

    def __init__(
        self,
        name: str,
        topology: Topology,
        secrets: FarmSecrets,
        admin_node: str,
        depends_on: pulumi.Resource,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """``admin_node`` is the node on which the administrators' cmdlets run; ``depends_on`` is everything that has
        to serve under its public name before it is asked for its metadata."""
        super().__init__("portal:Endpoints", name, opts)
        self._topology, self._secrets, self._depends_on = topology, secrets, depends_on
        self._at = {s.namespace: (tier, s, port) for tier, s, port in topology.portal.published() if s.namespace}
        pairs = [pair for pair in PAIRS if pair.site in self._at and pair.authentication in self._at]
        if pairs:
            names = {namespace: self._fqdn(namespace) for namespace in self._at}
            for pair in pairs:
                self._federation(pair, [names[pair.site], names[pair.authentication]])
            self._provider_endpoints(admin_node)
        self.register_outputs({})

    def _fqdn(self, namespace: str) -> PublicEndpointName:
        tier, _, port = self._at[namespace]
        return PublicEndpointName(
            f"{namespace}-name",
            PublicEndpointNameInputs(
                machine=tier.nodes[0],
                namespace=namespace,
                fqdn=tier.front.name,
                port=port,
                server=self._topology.listener_address,
                login=self._topology.sql.administrator,
                password=later_secret(self._secrets.sql_password),
            ),
            self.child(self._depends_on),
        )

    def _federation(self, pair: Pair, names: list[PublicEndpointName]) -> None:
        tier, _, port = self._at[pair.site]
        other, _, other_port = self._at[pair.authentication]
        Federation(
            f"{pair.site}-trust",
            FederationInputs(
                site=pair.site,
                machine=other.nodes[0],
                site_machine=tier.nodes[0],
                sign_in=f"{other.front.name}:{other_port}",
                reply_to=f"{tier.front.name}:{port}",
                server=self._topology.listener_address,
                login=self._topology.sql.administrator,
                password=later_secret(self._secrets.sql_password),
            ),
            self.child(*names),
        )

    def _provider_endpoints(self, admin_node: str) -> None:
        for tier, site, port in self._topology.portal.published():
            if site.provider:
                ProviderEndpoints(
                    f"{site.provider}-endpoints",
                    ProviderEndpointsInputs(
                        **interface(self._topology, admin_node),
                        provider=site.provider,
                        url=f"https://{tier.front.name}:{port}",
                    ),
                    self.child(self._depends_on),
                )
