"""Guarantees that every feature of a portal node is configured against the farm's one set of stores.

The first node makes the stores through the availability group's listener; every further node joins them with the same
passphrase, which is checked before anything is touched. Until the stores are in the group a failover leaves them
behind, and the listener leads to a server without any: right before each feature the replicas are asked where the
stores are, and any other primary is refused. Features are configured in the product's order, one step
each, so an interrupted configuration goes on where it stopped. Where the product has no cmdlets for it (open for
Windows Azure for Windows Server), the operator configures the node at its configuration site: the step says how, and a
feature counts as configured when its site answers. Another passphrase in the stack's configuration is set in the stores
(``Reset-MgmtSvcPassphrase``) by the first node that is updated; every other node finds that it fits, or says so. Delete
leaves stores and databases as they are, since Windows Azure Pack offers no way to unconfigure a feature; the node's
part goes with its software.

What a configured node keeps for itself cannot change afterwards, and a preview says so: the listener's name and port,
the availability group, and the features.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import PrivateAttr

from components.portal.databases import CONFIG, DATABASES
from components.resource import (
    MASKED_DIFFERENCE,
    Adoptable,
    FarmResource,
    InputPart,
    PlansByChange,
    ReplaceOn,
    ThroughFarm,
    ValidatesChange,
)
from components.site_probe import probe_site
from components.sql import whereabouts
from components.sql.replicas import OnReplicas
from components.sql.whereabouts import Whereabouts
from components.steps import OperatorStep, Script, Step, load_script
from components.topology import Topology
from components.topology.problem import Location
from remote.errors import MachineError
from remote.hosts import NOTHING
from remote.names import folded
from remote.secret import Secret
from remote.session import Remote

CONFIGURATION_PORT = 30101
"""Of the product's configuration site, on every node."""


class FeatureSite(InputPart):
    feature: str
    """The feature that counts as configured when the site answers, as `features` names it."""
    ports: tuple[int, ...]
    """Where its site may answer: its own port, and the one it moves to later."""


class ConfigurationInputs(ThroughFarm, OnReplicas):
    machine: Annotated[str, ReplaceOn()]
    """The portal node, by its name in the topology."""
    features: tuple[str, ...]
    """In the order in which they are configured."""
    server: str
    """The listener's full name, with ``,port`` where it is not 1433."""
    login: str
    """The SQL administrator's login, with which stores and logins are made."""
    password: Secret
    """Its password, in clear only on the wire."""
    passphrase: Secret
    """The passphrase that encrypts secrets in the farm's stores, the same on every node; it cannot be recovered."""
    sites: tuple[FeatureSite, ...] = ()
    """Where the features' sites are, for a product that may have no cmdlets to configure them. A feature without a
    site is not looked at then."""
    timeout_seconds: float = 1800
    """How long one feature may take."""
    manual_seconds: float = 0
    """How long to wait for the operator's manual step, if there is one. 0: do not wait, end with the instructions."""
    group: str
    """The availability group that the stores are to be in."""
    replicas: tuple[str, ...]
    """All of its replicas: where the stores may be."""
    joins: bool = False
    """Whether another tier makes the stores, so that they have to be there."""
    _former: Secret = PrivateAttr(default=NOTHING)
    """In an update the passphrase before, where it is another one."""

    @property
    def former(self) -> Secret:
        return self._former

    def after(self, former: object) -> ConfigurationInputs:
        """The same inputs for an update from this passphrase of the state."""
        made = self.model_copy()
        if isinstance(former, str) and former not in (MASKED_DIFFERENCE, self.passphrase.reveal()):
            made._former = Secret(former)
        return made


@dataclass(frozen=True)
class ConfigurationFacts:
    features: dict[str, bool]
    """Installed features by lower-case name, and whether each is configured."""
    passphrase_fits: bool | None
    """False when stores exist that were made with another passphrase, or when it is too simple for new ones. None when
    there is nothing to try it with: no store where the listener leads."""
    stores: Whereabouts
    """Where the stores are."""
    unattended: bool = True
    """Whether the product has cmdlets for it."""

    @property
    def configured(self) -> list[str]:
        return [feature for feature, configured in self.features.items() if configured]


@dataclass(frozen=True)
class AtTheStores:
    """Refuses to configure anything while the listener does not lead to the stores: the product would make others.

    Raises ``MachineError``. Passes where there are none yet and this node is the one that makes them.
    """

    inputs: ConfigurationInputs
    """Of the node that is to be configured: its listener and group, and whether it joins stores of another tier."""
    attempted: str
    """What the error says that was attempted."""

    def __call__(self, facts: ConfigurationFacts) -> None:
        stores, inputs = facts.stores, self.inputs
        whereabouts.refuse_two_sets(stores, self.attempted)
        if stores.astray:
            raise MachineError(inputs.machine, self.attempted, stores.astray, whereabouts.to_bring_back(stores))
        if not stores.group.primary:
            found = f"the availability group {inputs.group} has no primary, so no server answers at {inputs.server}"
            raise MachineError(inputs.machine, self.attempted, found, "Bring it online, then run `pulumi up` again.")
        if stores.has(CONFIG):
            return
        if stores.unreachable:
            found = (
                f"no replica that answers has {CONFIG}, and {' and '.join(stores.unreachable)}, which may have it, did "
                "not answer"
            )
            raise MachineError(inputs.machine, self.attempted, found, "Bring it back, then run `pulumi up` again.")
        if inputs.joins or facts.configured:
            why = "another tier made the stores that this node is to join"
            if facts.configured:
                why = f"features of this node are configured already: {', '.join(facts.configured)}"
            raise MachineError(
                inputs.machine,
                self.attempted,
                f"no replica of {inputs.group} has {CONFIG}, and {why}",
                "Restore the farm's databases from a backup. To start over instead, uninstall the portal's software on "
                "every portal server; then run `pulumi up` again.",
            )


def too_simple(passphrase: Secret) -> bool:
    """Whether a new store would refuse it (reference: Windows Azure Pack, passphrase; the stricter of two pages)."""
    text = passphrase.reveal()
    return len(text) <= 8 or text.isalnum()


class ConfigurationResource(
    Adoptable[ConfigurationInputs, ConfigurationFacts],
    PlansByChange[ConfigurationInputs, ConfigurationFacts],
    ValidatesChange[ConfigurationInputs, ConfigurationFacts],
):
    def display_name(self, inputs: ConfigurationInputs) -> str:
        return f"the configuration of {inputs.machine}"

    def resource_id(self, inputs: ConfigurationInputs) -> str:
        return f"{inputs.machine}/portal-configuration".lower()

    def validate_change(self, olds: dict[str, Any], inputs: ConfigurationInputs) -> str:
        was, now = olds.get("server", inputs.server), inputs.server
        if was != now:
            return (
                f"{inputs.machine} is configured against the listener {was}: connection strings of its sites and of "
                f"the stores hold that name and port, and no known document says how to change them all. With {now} "
                "every site would lose its databases. Put the listener's name and port back."
            )
        if (group := olds.get("group", inputs.group)) != inputs.group:
            return (
                f"{inputs.machine} is configured against databases in the availability group {group}, which cannot be "
                f"renamed to {inputs.group}: its databases would leave it first. Put `sql.group` back."
            )
        wanted = {feature.lower() for feature in inputs.features}
        if gone := [feature for feature in olds.get("features", ()) if feature.lower() not in wanted]:
            return (
                f"{inputs.machine} is configured with {', '.join(gone)}, which no role of its tier brings any more; "
                "Windows Azure Pack cannot take a feature off a node that keeps others. Put the role back into the "
                "tier, or take the node out of the topology."
            )
        return ""

    def observe(self, inputs: ConfigurationInputs, remote: Remote) -> ConfigurationFacts:
        attempted = f"read {self.display_name(inputs)}"
        stores = whereabouts.observe(remote, inputs, inputs.replicas, inputs.group, DATABASES, attempted)
        state = remote.powershell(inputs.machine).run(
            load_script("portal/read_configuration.ps1"),
            {
                "Server": inputs.server,
                "UserName": inputs.login,
                "Password": inputs.password,
                "Passphrase": inputs.passphrase,
            },
            attempted=attempted,
        )[0]
        if state["features"] is None and inputs.sites:
            answers = {
                folded(site.feature): not all(probe_site(remote, inputs.machine, port) for port in site.ports)
                for site in inputs.sites
            }
            return ConfigurationFacts(answers, passphrase_fits=None, stores=stores, unattended=False)
        features = {folded(feature["name"]): feature["configured"] for feature in state["features"] or []}
        # Without a store the product's test only says whether a new one would take the passphrase.
        proves = stores.has(CONFIG) or not state["passphraseFits"]
        return ConfigurationFacts(features, state["passphraseFits"] if proves else None, stores=stores)

    def plan(self, inputs: ConfigurationInputs, facts: ConfigurationFacts) -> list[Step]:
        machine = inputs.machine
        attempted = f"bring about {self.display_name(inputs)}"
        # The last feature may have made another set while the group failed over.
        whereabouts.refuse_two_sets(facts.stores, attempted)
        if inputs.former and not facts.unattended:
            raise MachineError(
                machine,
                attempted,
                "this stack has another passphrase, and the product has no cmdlet here that changes it in the stores",
                "Set `passphrase` to the one before.",
            )
        if facts.passphrase_fits is False and too_simple(inputs.passphrase):
            raise MachineError(
                machine,
                attempted,
                f"the passphrase is refused: too simple, or not the one of the stores on {inputs.server}",
                "Set `passphrase` to more than eight characters, one of them neither letter nor digit; where there are "
                "stores already, to the one they were made with.",
            )
        if facts.passphrase_fits is False and inputs.former:
            return [self._new_passphrase(inputs, AtTheStores(inputs, attempted))]
        if facts.passphrase_fits is False:
            raise MachineError(
                machine,
                attempted,
                f"the stores on {inputs.server} were made with another passphrase",
                "Set `passphrase` to the one they were made with; it cannot be recovered from them.",
            )
        if not facts.unattended:
            if not _unreachable(facts):
                return []
            provided = AtTheStores(inputs, attempted)
            provided(facts)
            return [self._by_hand(inputs, provided)]
        if missing := [feature for feature in inputs.features if folded(feature) not in facts.features]:
            raise MachineError(
                machine,
                attempted,
                f"not installed: {', '.join(missing)}",
                "See whether the installation of the portal's software succeeded.",
            )
        due = [feature for feature in inputs.features if not facts.features[folded(feature)]]
        provided = AtTheStores(inputs, attempted)
        if due:
            provided(facts)
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
                    timeout_seconds=inputs.timeout_seconds,
                ),
                provided=provided,
            )
            for number, feature in enumerate(due, 1)
        ]

    def _new_passphrase(self, inputs: ConfigurationInputs, provided: AtTheStores) -> Step:
        arguments = {"Server": inputs.server, "UserName": inputs.login, "Password": inputs.password}
        arguments |= {"OldPassphrase": inputs.former, "NewPassphrase": inputs.passphrase}
        what = f"Through {inputs.machine}, change the passphrase of the stores on {inputs.server}."
        action = Script(
            inputs.machine, "portal/reset_passphrase.ps1", arguments, timeout_seconds=inputs.timeout_seconds
        )
        return Step(what, action, provided=provided)

    def inputs_of_update(self, olds: dict[str, Any], inputs: ConfigurationInputs) -> ConfigurationInputs:
        return inputs.after(olds.get("passphrase"))

    def _by_hand(self, inputs: ConfigurationInputs, provided: AtTheStores) -> Step:
        """The article's way, in a browser on the node."""
        machine = inputs.machine
        enter = f"Log on to {machine} as an administrator and open https://localhost:{CONFIGURATION_PORT}/."
        server = f"Enter the database server {inputs.server}, select SQL Server Authentication, enter the user name"
        who = f"{inputs.login}, its password (sqlAdministratorPassword of this stack)"
        click = f"{server} {who} and the passphrase (passphrase of this stack), and finish the wizard."
        action = OperatorStep(machine, (enter, click), _unanswering_sites, inputs.manual_seconds)
        return Step(f"In the configuration site on {machine}, configure the node.", action, provided=provided)

    def adoption(self, inputs: ConfigurationInputs, topology: Topology) -> Location:
        return topology.tier_at(inputs.machine)

    def actual(self, inputs: ConfigurationInputs, facts: ConfigurationFacts) -> dict[str, Any] | None:
        if not any(facts.features.values()):
            return None
        live: dict[str, Any] = {
            "features": [f for f in inputs.features if facts.features.get(folded(f), not facts.unattended)]
        }
        if facts.passphrase_fits is False:
            live["passphrase"] = MASKED_DIFFERENCE
        return live


def _unreachable(facts: ConfigurationFacts) -> list[str]:
    return [feature for feature, answers in facts.features.items() if not answers]


def _unanswering_sites(facts: ConfigurationFacts) -> str:
    unreachable = _unreachable(facts)
    return f"the sites of {', '.join(unreachable)} to answer" if unreachable else ""


class Configuration(FarmResource[ConfigurationInputs], module="portal", name="Configuration"):
    """The configured features of one portal node."""

    implementation = ConfigurationResource
