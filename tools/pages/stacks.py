"""Pulumi.dev*.yaml: the stack of each design on the lab, from its topology and the secrets in stacks.yaml."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from components.topology.model import Topology
from tools.bootstrap.design import Design
from tools.bootstrap.project import ROOT

_SECRETS = yaml.safe_load((Path(__file__).parent / "stacks.yaml").read_text(encoding="utf-8"))

_HEAD = """# The design {design} on the lab of this computer. Written by `python -m tools.pages`.
# Secrets are encrypted with the passphrase `lab` (tools/pages/stacks.yaml), and open nothing but the lab; in clear they
# stand in lab/accounts.yaml. Nothing resolves the lab's names, so `hosts` has the loopback address that stands for each
# of them: {address} is {loopback}.
"""


def file(design: Design) -> Path:
    return ROOT / f"Pulumi.{design.stack}.yaml"


def render(design: Design, topology: Topology) -> str:
    """The text of a design's stack file."""
    addresses = {machine.name: machine.address for machine in topology.machines}
    addresses |= {tier.front.name: tier.front.address for tier in topology.portal.tiers}
    addresses[topology.listener_fqdn] = topology.sql.listener.address
    addresses[topology.spf.name] = topology.spf.address
    config: dict[str, Any] = {
        "topology": design.topology,
        "hosts": {name: {"address": _loopback(address)} for name, address in addresses.items()},
        "credentials": {
            domain.name: {
                "username": rf"{domain.netbios}\installer",
                "password": _secure(_SECRETS["installers"][domain.name]),
            }
            for domain in topology.domains
        },
        "authorities": f"{design.lab}/authority/ca.pem",
        **{key: _secure(_SECRETS[key]) for key in ("sqlAdministratorPassword", "passphrase", "spfAccountPassword")},
        "certificates": {
            certificate.name: {
                "file": f"{design.lab}/certificates/{certificate.name}.pfx",
                "password": _secure(_SECRETS["certificates"]),
            }
            for certificate in topology.certificates
        },
    }
    document = {
        "encryptionsalt": _SECRETS["encryptionsalt"],
        "config": {f"windows-azure-pack-ha:{key}": value for key, value in config.items()},
    }
    address = topology.machines[0].address
    head = _HEAD.format(design=design.name, address=address, loopback=_loopback(address))
    return head + yaml.safe_dump(document, sort_keys=False, width=1000)


def _loopback(address: str) -> str:
    return f"127.{address.split('.', 1)[1]}"


def _secure(encrypted: str) -> dict[str, str]:
    return {"secure": encrypted}
