"""One portal server: software, configuration against the farm's stores, operators, open ports, certificates."""

from __future__ import annotations

import pulumi

from components.component import Component
from components.failover_proof import SiteInputs
from components.iis.site_binding import SiteBinding, SiteBindingInputs
from components.iis.site_certificates import SiteCertificates, SiteCertificatesInputs, SitePort
from components.portal.configuration import Configuration, ConfigurationInputs, FeatureSite
from components.portal.software import Software, SoftwareInputs, SoftwareSpec
from components.portal.software_source import SoftwareSource, SoftwareSourceInputs
from components.resource import later, later_secret
from components.secrets import FarmSecrets
from components.topology import Topology
from components.topology.firewall_openings import firewall_openings
from components.topology.portal import Tier
from components.topology.roles import ROLES
from components.windows.certificate import Certificate, CertificateInputs, IntermediateInputs
from components.windows.firewall_rule import FirewallRule, FirewallRuleInputs
from components.windows.group_members import GroupMembers, GroupMembersInputs
from components.windows.superseded_rules import SupersededRules, SupersededRulesInputs

OPERATORS = "MgmtSvc Operators"
"""The local group that the portal's installer makes on every node (reference: Windows Azure Pack, Operators)."""
TENANT_SITE = "MgmtSvc-TenantSite"
TENANT_SITE_PORT = 30081


class PortalNode(Component):
    """A node of a tier.

    ``configuration`` is what its features have, ``usable`` the stage at which they can be used on the node itself, and
    ``published``, from ``publish`` on, the last resource before clients come to it.
    """

    def __init__(
        self,
        name: str,
        topology: Topology,
        tier: Tier,
        secrets: FarmSecrets,
        opts: pulumi.ResourceOptions,
        *,
        software_after: pulumi.Resource,
        balancing: pulumi.Resource | None,
        configured_after: pulumi.Resource | None,
        neighbour: PortalNode | None,
    ) -> None:
        """Its software is installed after ``software_after`` and after ``balancing``, which load balancing needs on the
        machine, and is configured after ``configured_after`` as well.

        ``neighbour``: the node of the tier whose certificates change before this one's, since a node that changes
        them takes no clients."""
        super().__init__("portal:PortalNode", name, opts)
        self._topology, self._tier, self._pfx = topology, tier, secrets.certificates[tier.certificate]
        self.name, waits, self._neighbour = name, topology.waits, neighbour
        self._interface = (topology.machine(name).interface or "") if tier.cluster is not None else ""
        self._tenant_site: SiteBinding | None = None
        self.certificate = Certificate(
            f"{name}-certificate",
            CertificateInputs(
                machine=name,
                name=tier.certificate,
                thumbprint=self._pfx.thumbprint,
                pfx=self._pfx.content,
                password=self._pfx.password,
                valid_from=self._pfx.not_before,
                valid_until=self._pfx.not_after,
                intermediates=tuple(
                    IntermediateInputs(thumbprint=one.thumbprint, content=one.content)
                    for one in self._pfx.intermediates
                ),
                adopt=topology.certificate(tier).adopt,
            ),
            self.child(),
        )
        installed = Software(
            f"{name}-software",
            SoftwareInputs(
                machine=name,
                **software_parts(topology, tier),
                interface=self._interface,
                timeout_seconds=waits.installation_seconds,
                restart_seconds=waits.restart_seconds,
                adopt=tier.adopt,
            ),
            self.child(software_after, balancing, self.certificate),
        )
        self.configuration = Configuration(
            f"{name}-configuration",
            ConfigurationInputs(
                machine=name,
                features=tier.features,
                server=topology.listener_address,
                login=topology.sql.administrator,
                password=later_secret(secrets.sql_password),
                passphrase=later_secret(secrets.passphrase),
                sites=self._feature_sites() if topology.release.cmdlets_open else (),
                timeout_seconds=waits.configuration_seconds,
                manual_seconds=waits.manual_seconds,
                group=topology.sql.group,
                replicas=tuple(replica.machine for replica in topology.sql.replicas),
                joins=not _makes_the_stores(tier),
                unreachable=topology.sql.unreachable,
                adopt=tier.adopt,
            ),
            self.child(installed, configured_after),
        )
        operators = GroupMembers(
            f"{name}-operators",
            GroupMembersInputs(
                machine=name,
                group=OPERATORS,
                members=topology.portal.operators,
            ),
            self.child(self.configuration),
        )
        rules = [
            FirewallRule(
                f"{name}-firewall-{opening.purpose}",
                FirewallRuleInputs(
                    machine=name,
                    rule=opening.rule,
                    ports=tuple(str(port) for port in opening.ports),
                    remote=opening.sources,
                ),
                self.child(),
            )
            for opening in firewall_openings(topology, tier)
        ]
        self._certified = self._certificates()
        self._needed: list[pulumi.Resource] = [operators, *rules, *self._certified]
        """Named directly by what follows on the node, so that it leaves before them (``Stage``)."""
        self.usable = self.stage(f"{name}-usable", *self._needed)
        self.register_outputs({})

    def _certificates(self) -> list[SiteCertificates]:
        """The tier's certificate for every site but the tenants', which gets it when it moves; none for a tier with no
        other."""
        sites = tuple(
            SitePort(site=site.name, port=site.port)
            for role in self._tier.ordered_roles
            for site in role.sites
            if site.port is not None and site.name != TENANT_SITE
        )
        if not sites:
            return []
        inputs = SiteCertificatesInputs(
            machine=self.name,
            sites=sites,
            thumbprint=self._pfx.thumbprint,
            interface=self._interface,
            timeout_seconds=self._topology.waits.convergence_seconds,
        )
        before = self._neighbour._certified if self._neighbour is not None else []
        options = self.child(self.configuration, self.certificate, *before)
        return [SiteCertificates(f"{self.name}-site-certificates", inputs, options)]

    def publish(self, depends_on: pulumi.Resource) -> None:
        """Move the tenants' site to its public port with the tier's certificate, where the tier has it; then the
        installer's rules go off, which open the site's own port until then."""
        if "tenant-site" in self._tier.roles:
            self._tenant_site = SiteBinding(
                f"{self.name}-tenant-site",
                SiteBindingInputs(
                    machine=self.name,
                    site=TENANT_SITE,
                    port=self._topology.portal.tenant_site_port,
                    old_port=TENANT_SITE_PORT,
                    thumbprint=self._pfx.thumbprint,
                    interface=self._interface,
                    timeout_seconds=self._topology.waits.convergence_seconds,
                ),
                self.child(
                    *self._needed, self.certificate, depends_on, self._neighbour and self._neighbour._tenant_site
                ),
            )
        self.published = SupersededRules(
            f"{self.name}-installers-rules",
            SupersededRulesInputs(
                machine=self.name,
                rules=installers_rules(self._tier),
                configured=later(self.configuration.revision),
            ),
            self.child(*self._needed, self._tenant_site or depends_on),
        )

    def _feature_sites(self) -> tuple[FeatureSite, ...]:
        """The sites of the node's features with the ports on which each may be found."""
        public = {"TenantSite": [self._topology.portal.tenant_site_port]}
        return tuple(
            FeatureSite(feature=feature, ports=(*ports, *public.get(feature, [])))
            for role in self._tier.ordered_roles
            for feature in role.features
            if (ports := role.ports_of(feature))
        )

    def sites(self) -> list[SiteInputs]:
        """The node's sites with the ports on which each may be found."""
        public = {TENANT_SITE: [self._topology.portal.tenant_site_port]}
        return [
            SiteInputs(machine=self.name, name=site.name, ports=(site.port, *public.get(site.name, [])))
            for role in self._tier.ordered_roles
            for site in ROLES[role.name].sites
            if site.port is not None
        ]


def installers_rules(tier: Tier) -> tuple[str, ...]:
    """The rules with which the portal's installer opens each site's own port to everybody, as a deployment guide names
    them."""
    sites = [site.name for role in tier.ordered_roles for site in role.sites if site.port is not None]
    return tuple(f"{site} (HTTPS-In)" for site in sites)


def _makes_the_stores(tier: Tier) -> bool:
    """The tier of the first role does, by whichever of its nodes comes first."""
    return next(iter(ROLES)) in tier.roles


def software_source(
    name: str, topology: Topology, tier: Tier, opts: pulumi.ResourceOptions | None = None
) -> SoftwareSource:
    """What a node's software will be installed from, looked at before anything is touched."""
    return SoftwareSource(f"{name}-software-source", software_source_inputs(name, topology, tier), opts)


def software_source_inputs(name: str, topology: Topology, tier: Tier) -> SoftwareSourceInputs:
    """What is looked at for a node of a tier."""
    return SoftwareSourceInputs(machine=name, **software_parts(topology, tier))


def software_parts(topology: Topology, tier: Tier) -> SoftwareSpec:
    """What is installed on a node of a tier, and from where."""
    software = topology.portal.software
    return {
        "source": software.source,
        "products": topology.portal.products(tier),
        "feed": software.feed,
        "folder": software.folder,
        "packages": tuple(dict.fromkeys(package for role in tier.ordered_roles for package in role.packages)),
        "features": tier.features,
    }
