"""The topology: what should exist, as data. ``load`` reads and checks one file of ``topologies/``.

``model``, ``parts`` and ``portal`` say what a topology can hold, ``checks`` what must hold between its parts;
``reading`` turns a file into one, or into the list of everything that is wrong with it.
"""

from components.topology.model import Topology
from components.topology.parts import (
    Certificate,
    Domain,
    FailoverCluster,
    Flow,
    Listener,
    Machine,
    Replica,
    Spf,
    Sql,
    Waits,
)
from components.topology.portal import Cluster, LoadBalancer, Plan, Portal, PortRule, Software, Tier
from components.topology.reading import TopologyError, load
from components.topology.roles import ROLES, Role, Site

__all__ = [
    "ROLES",
    "Certificate",
    "Cluster",
    "Domain",
    "FailoverCluster",
    "Flow",
    "Listener",
    "LoadBalancer",
    "Machine",
    "Plan",
    "PortRule",
    "Portal",
    "Replica",
    "Role",
    "Site",
    "Software",
    "Spf",
    "Sql",
    "Tier",
    "Topology",
    "TopologyError",
    "Waits",
    "load",
]
