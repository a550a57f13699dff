"""Guarantees that every feature of a portal node is configured against the farm's one set of stores.

The first node makes the stores through the availability group's listener; every further node joins them with the same
passphrase, which is checked before anything is touched. Features are configured in the product's order, one step
each, so an interrupted configuration goes on where it stopped. Delete leaves stores and databases as they are, since
Windows Azure Pack offers no way to unconfigure a feature; the node's part goes with its software.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pulumi

from components.resource import MASKED_DIFFERENCE, Managed, Provider, ThroughFarm
from components.steps import Script, Step, leaf
from components.topology import Topology
from components.topology.problem import Location
from remote.errors import MachineError
from remote.secret import Secret
from remote.session import Remote


class ConfigurationInputs(ThroughFarm):
    machine: str
    """The portal node."""
    features: tuple[str, ...]
    """In the order in which they are configured."""
    server: str
    """The listener's full name, with ``,port`` where it is not 1433."""
    login: str
    """The SQL administrator's login, with which stores and logins are made."""
    password: Secret
    """Its password."""
    passphrase: Secret
    """The passphrase of the farm's stores."""
    seconds: float = 1800
    """How long one feature may take."""


@dataclass(frozen=True)
class ConfigurationFacts:
    features: dict[str, bool]
    """Installed features by lower-case name, and whether each is configured."""
    passphrase_fits: bool
    """False when stores exist that were made with another passphrase."""


def too_simple(passphrase: Secret) -> bool:
    """Whether a new store would refuse it (reference: Windows Azure Pack, passphrase; the stricter of two pages)."""
    text = passphrase.reveal()
    return len(text) <= 8 or text.isalnum()


class ConfigurationProvider(Provider[ConfigurationInputs, ConfigurationFacts]):
    INPUTS = ConfigurationInputs
    IDENTITY = ("machine",)
    SECRETS = ("password", "passphrase")

    def title(self, inputs: ConfigurationInputs) -> str:
        return f"the configuration of {inputs.machine}"

    def key(self, inputs: ConfigurationInputs) -> str:
        return f"{inputs.machine}/portal-configuration".lower()

    def home(self, inputs: ConfigurationInputs) -> str:
        return inputs.machine

    def observe(self, inputs: ConfigurationInputs, remote: Remote) -> ConfigurationFacts:
        state = remote.powershell(inputs.machine).run(
            leaf("portal/read_configuration.ps1"),
            {
                "Server": inputs.server,
                "UserName": inputs.login,
                "Password": inputs.password,
                "Passphrase": inputs.passphrase,
            },
            attempted=f"read {self.title(inputs)}",
        )[0]
        features = {feature["name"].lower(): feature["configured"] for feature in state["features"]}
        return ConfigurationFacts(features, state["passphraseFits"])

    def plan(self, inputs: ConfigurationInputs, facts: ConfigurationFacts) -> list[Step]:
        machine = inputs.machine
        attempted = f"bring about {self.title(inputs)}"
        if not facts.passphrase_fits and too_simple(inputs.passphrase):
            raise MachineError(
                machine,
                attempted,
                f"the passphrase is refused: too simple, or not the one of the stores on {inputs.server}",
                "Set `passphrase` to more than eight characters, one of them neither letter nor digit; where there are "
                "stores already, to the one they were made with.",
            )
        if not facts.passphrase_fits:
            raise MachineError(
                machine,
                attempted,
                f"the stores on {inputs.server} were made with another passphrase",
                "Set `passphrase` to the one they were made with; it cannot be recovered from them.",
            )
        if missing := [feature for feature in inputs.features if feature.lower() not in facts.features]:
            raise MachineError(
                machine,
                attempted,
                f"not installed: {', '.join(missing)}",
                "See whether the installation of the portal's software succeeded.",
            )
        due = [feature for feature in inputs.features if not facts.features[feature.lower()]]
        return [
            Step(
                f"On {machine}, configure the feature {feature} ({number} of {len(due)}).",
                Script(
                    machine,
                    "portal/configure_feature.ps1",
                    {
                        "Feature": feature,
                        "Passphrase": inputs.passphrase,
                        "Server": inputs.server,
                        "UserName": inputs.login,
                        "Password": inputs.password,
                    },
                    seconds=inputs.seconds,
                ),
            )
            for number, feature in enumerate(due, 1)
        ]

    def remove(self, inputs: ConfigurationInputs, facts: ConfigurationFacts, before: dict[str, Any]) -> list[Step]:
        return []

    def adoption(self, inputs: ConfigurationInputs, topology: Topology) -> Location:
        return topology.tier_at(inputs.machine)

    def present(self, inputs: ConfigurationInputs, facts: ConfigurationFacts) -> bool:
        return any(facts.features.values())

    def found(self, inputs: ConfigurationInputs, facts: ConfigurationFacts) -> dict[str, Any]:
        live: dict[str, Any] = {
            "features": [feature for feature in inputs.features if facts.features.get(feature.lower())]
        }
        if not facts.passphrase_fits:
            live["passphrase"] = MASKED_DIFFERENCE
        return live


class Configuration(Managed, module="portal", name="Configuration"):
    """The configured features of one portal node."""

    provider_class = ConfigurationProvider

    def __init__(
        self,
        name: str,
        *,
        machine: str,
        features: list[str],
        server: str,
        login: str,
        password: pulumi.Input[str],
        passphrase: pulumi.Input[str],
        seconds: float,
        adopt: bool,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        where = {"server": server, "login": login, "password": password, "passphrase": passphrase}
        super().__init__(
            name, {"machine": machine, "features": features, "seconds": seconds, "adopt": adopt, **where}, opts
        )
