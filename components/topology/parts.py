"""The parts of a topology beside the portal: domains, machines, certificates, SQL Server, SPF and the waits."""

from __future__ import annotations

import ipaddress
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from components.topology.values import (
    AccountName,
    Address,
    AdministratorName,
    CertificateDnsName,
    DnsName,
    Flag,
    Instance,
    NetbiosName,
    Port,
    Seconds,
    SecondsOrZero,
    Share,
    SqlIdentifier,
    Subnet,
    Text,
)


class Part(BaseModel):
    """Frozen, and refuses unknown keys. The sentence below a key is its meaning in ``docs/topology.md``."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Domain(Part):
    """An Active Directory domain whose machines take part."""

    name: DnsName
    """Full DNS name. Machines are named by it, and so are the credentials in the stack's configuration."""
    netbios: NetbiosName
    """The short name that stands before the backslash of an account."""
    subnet: Subnet
    """Every address of the domain's machines and clusters lies in here."""

    @property
    def mask(self) -> str:
        """The subnet's mask in dotted form."""
        return str(ipaddress.ip_network(self.subnet).netmask)


class Flow(Part):
    """Traffic that is allowed from one domain into another. Inside a domain everything may talk to everything."""

    source: DnsName
    """Domain from which connections are made."""
    target: DnsName
    """Domain in which they arrive."""
    port: Port
    """TCP port in the target domain."""


class Machine(Part):
    """A Windows server that is there already."""

    name: NetbiosName
    """Computer name without the domain, at most 15 characters."""
    domain: DnsName
    """The domain it is a member of."""
    address: Address
    """Its own (dedicated) IPv4 address, in the subnet of its domain."""
    interface: Text | None = None
    """The network card that a load balancing cluster binds to. Needed on nodes of a `cluster`."""
    lost: Flag = False
    """This server will not come back as it is. It is taken out of every list of this file, and the farm goes on without
    it: nothing contacts it any more, and what the program keeps of it leaves the state."""

    @property
    def fqdn(self) -> str:
        return f"{self.name}.{self.domain}".lower()


class Certificate(Part):
    """A certificate that clients see. File and password stand in the stack's configuration under the same name."""

    name: Text
    """What tiers call it."""
    dns_names: Annotated[tuple[CertificateDnsName, ...], Field(min_length=1)]
    """The names it is issued for; `*.` in front covers one label."""
    adopt: Flag = False
    """Take over a certificate with the same thumbprint that is installed already."""


class Replica(Part):
    """One SQL Server of the availability group. A machine's name alone means: every other key has its default."""

    machine: NetbiosName
    """The machine that it runs on, by its name in the topology."""
    instance: Instance | None = None
    """Name of the instance; left out for the default instance."""
    port: Port = 1433
    """TCP port of the instance."""
    endpoint_port: Port = 5022
    """TCP port on which replicas talk to each other."""
    commit: Literal["synchronous", "asynchronous"] = "synchronous"
    """Whether a commit on the primary waits until this replica has written the log."""
    failover: Literal["automatic", "manual"] | None = None
    """How it may become primary. Left out: automatic when synchronous, else manual."""

    @model_validator(mode="before")
    @classmethod
    def _machine_alone(cls, value: Any) -> Any:
        return {"machine": value} if isinstance(value, str) else value

    @property
    def automatic(self) -> bool:
        return (self.failover or ("automatic" if self.commit == "synchronous" else "manual")) == "automatic"

    @property
    def server(self) -> str:
        """What the instance calls itself, and the group its replica: ``SQL1``, or ``SQL2\\WAP`` with a name."""
        return f"{self.machine}\\{self.instance}" if self.instance else self.machine

    @property
    def service(self) -> str:
        """The Windows service of the instance."""
        return f"MSSQL${self.instance}" if self.instance else "MSSQLSERVER"


class FailoverCluster(Part):
    """The Windows failover cluster below the availability group."""

    name: NetbiosName
    """Its name object in the domain."""
    address: Address
    """Its administrative IPv4 address, in the subnet of a replica."""


class Listener(Part):
    """Where clients reach the primary, whichever server that is."""

    name: NetbiosName
    """Its name object in the domain (the group's client access point)."""
    address: Address
    """Its address, in the replicas' subnet."""
    port: Port = 1433
    """Its TCP port. Clients have to name any other than 1433."""


class Sql(Part):
    """The availability group that carries the farm's databases."""

    replicas: Annotated[tuple[Replica, ...], Field(min_length=2, max_length=5)]
    """The servers of the group; SQL Server 2012 allows five."""
    cluster: FailoverCluster
    """The failover cluster below the group."""
    group: SqlIdentifier
    """Name of the availability group in SQL Server and in the failover cluster."""
    listener: Listener
    """The group's listener, to which every part of the farm connects."""
    backup_share: Share
    """Where databases pass from one replica to the others; every SQL Server's service account writes there."""
    authentication: Literal["mixed"] = "mixed"
    """Windows Azure Pack uses SQL logins, so SQL Server must admit them."""
    administrator: AdministratorName = "sa"
    """The SQL login with which the farm is set up. Any other than `sa` is created."""
    logins: tuple[SqlIdentifier, ...] = ()
    """SQL logins to keep equal on all replicas beside those that own users in the farm's databases. A login of these
    databases that is an administrator of its server (sysadmin, securityadmin, CONTROL SERVER, ALTER ANY LOGIN) becomes
    one on the others only when it is named here."""
    drop_logins: Flag = False
    """Drop a login on a replica where this program made it, once no database needs it any more."""
    unreachable: Literal["stop", "proceed"] = "stop"
    """A replica that does not answer is unknown, never absent. `stop`: an error; `proceed`: go on with the others, with
    a warning, and bring that one in order when it answers again."""
    preferred_primary: NetbiosName
    """The replica (its machine) that carries the primary while the farm is built, and after a proof."""
    primary_policy: Literal["build", "always", "never"] = "build"
    """`build`: move the primary there while the farm is built, later only report; `always`: move it in every update;
    `never`: only report. Until all of the farm's databases are in the group the primary has to be where they are:
    `build` and `always` take it back to them in every update, `never` ends with an error that says where they are."""
    adopt: Flag = False
    """Take over a group, its listener and endpoints, and the administrator's login, that exist already. What does not
    exist is made either way."""


class Spf(Part):
    """Service Provider Foundation: installed already, behind one name."""

    name: DnsName
    """The load-balanced name of its servers."""
    address: Address
    """The IPv4 address behind that name."""
    port: Port = 8090
    """HTTPS port of its web site."""
    servers: Annotated[tuple[NetbiosName, ...], Field(min_length=1)]
    """The machines that run it, by their names in `machines`."""
    account: AccountName
    """The local account, the same on every server, with which the portal registers and calls it."""
    groups: Annotated[tuple[Text, ...], Field(min_length=1)] = ("SPF_Admin", "SPF_Provider", "SPF_VMM")
    """Local groups the account must be in. They are made by the installer of Service Provider Foundation."""
    adopt: Flag = False
    """Take over a local account of this name, and a registration in the portal, that exist already."""

    @property
    def url(self) -> str:
        return f"https://{self.name}:{self.port}"


class Budget(Part):
    """Seconds of disruption that clients may notice while one server of a level is away."""

    sql_seconds: SecondsOrZero
    """A replica of the availability group."""
    spf_seconds: SecondsOrZero
    """A server of Service Provider Foundation."""
    portal_seconds: SecondsOrZero
    """A portal server."""


class Drill(Part):
    """What `python -m operations drill` measures against. The defaults are what the parts can do: Network Load
    Balancing misses a node after five heartbeats of a second and converges in ten; a group fails over in seconds once
    the cluster orders it. Where a server is gone, the health-check time-out (30 seconds) and the session time-out (10)
    come before that."""

    planned: Budget = Budget(sql_seconds=30, spf_seconds=15, portal_seconds=15)
    """A server that shuts down in order."""
    unplanned: Budget = Budget(sql_seconds=60, spf_seconds=15, portal_seconds=15)
    """A server whose power is cut."""


class Waits(Part):
    """Every wait has an end. Seconds of the real world."""

    convergence_seconds: Seconds = 120
    """A load balancing cluster agrees on its nodes."""
    service_restart_seconds: Seconds = 300
    """A Windows service stops and starts."""
    synchronization_seconds: Seconds = 600
    """A database's backup, restore or catching up on the other replicas makes no progress."""
    failover_seconds: Seconds = 120
    """The availability group changes its primary and is healthy again."""
    installation_seconds: Seconds = 3600
    """The portal's software is installed on one node."""
    configuration_seconds: Seconds = 1800
    """The portal's features are configured on one node."""
    restart_seconds: Seconds = 900
    """A machine restarts and can be reached again."""
    log_off_seconds: Seconds = 120
    """No session uses a login that has to be recreated."""
    site_seconds: Seconds = 180
    """A web site answers."""
    manual_seconds: SecondsOrZero = 0
    """The operator carries out the product's manual steps. 0: do not wait, end with the instructions."""
