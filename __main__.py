"""A highly available Windows Azure Pack farm: read configuration and topology, build the farm, say what came of it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pulumi
from pulumi.runtime import is_config_secret

from components import connection_problems, settings
from components.connection_problems import ConfigurationError
from components.farm import Farm
from components.portal.databases import DATABASES
from components.secrets import FarmSecrets
from components.topology import TopologyError, load
from components.topology.balancing import instructions, virtual_servers
from components.verification import verification
from components.windows import pfx
from components.windows.certificate import RENEW

config = pulumi.Config()

try:
    topology = load(Path(config.require("topology")))
except TopologyError as error:
    raise pulumi.RunError(str(error)) from None

problems: list[str] = []
for key in ("credentials", "certificates"):
    encrypted = is_config_secret(config.full_key(key))
    problems += connection_problems.in_clear(key, settings.decoded(config.get(key)), encrypted=encrypted)
try:
    settings.check(config.get)
except ConfigurationError as error:
    problems.append(str(error))
try:
    certificates = pfx.read_all(
        settings.decoded(config.require("certificates")),
        {known.name: known.dns_names for known in topology.certificates},
        config.get("authorities") or "",
    )
except pfx.CertificateError as error:
    problems.append(str(error))
if problems:
    raise pulumi.RunError("\n".join(problems))

for name, certificate in certificates.items():
    if concern := certificate.concern(datetime.now(UTC)):
        pulumi.warn(f"certificate {name}: {concern}. {RENEW.format(name=name)}")

secrets = FarmSecrets(
    sql_password=config.require_secret("sqlAdministratorPassword"),
    passphrase=config.require_secret("passphrase"),
    spf_password=config.require_secret("spfAccountPassword"),
    certificates=certificates,
)
farm = Farm("farm", topology, secrets, proof=f"built {config.get('prove') or ''}".strip())
checked = verification(farm.resources())

pulumi.export("portal", f"https://{topology.portal.tier_of('tenant-site').front.name}")
pulumi.export("addresses", {tier.front.name: str(tier.front.address) for tier in topology.portal.tiers})
if balancers := virtual_servers(topology):
    pulumi.export("loadBalancer", instructions(balancers))
pulumi.export("primary", farm.primary)
pulumi.export("databases", list(DATABASES))
pulumi.export("mirroredLogins", farm.logins.logins.apply(", ".join))
pulumi.export("loginReport", farm.login_report)
pulumi.export("plan", farm.plan_id)
pulumi.export("verification", checked.stdout)
