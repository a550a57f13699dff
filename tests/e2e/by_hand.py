"""The operator beside the program: does in the lab's portal what ``up`` or ``destroy`` asks for, and runs it again."""

from __future__ import annotations

from tests.e2e.farm import SECRETS, Farm, Result

STORE = "Microsoft.MgmtSvc.Store"


def up(farm: Farm) -> list[Result]:
    """``up`` until it is through: at the first stop every manual step is done."""
    first = farm.up()
    if first.ok or not farm.model.release.by_hand:
        return [first]
    click(farm)
    return [first, farm.up()]


def destroy(farm: Farm) -> list[Result]:
    """``destroy`` until it is through, likewise."""
    first = farm.destroy()
    if first.ok or not farm.model.release.by_hand:
        return [first]
    unclick(farm)
    return [first, farm.destroy()]


def click(farm: Farm) -> None:
    """Make the plan and register Service Provider Foundation, in a browser on the first node with the site."""
    make_plan(farm)
    register(farm)


def make_plan(farm: Farm) -> None:
    plan = farm.model.portal.plan
    services = [part for service in plan.services for part in ("--service", service)]
    _done(farm.lab("click", "create-plan", _node(farm), "--name", plan.name, *services))


def register(farm: Farm) -> None:
    spf = farm.model.spf
    form = ("--url", spf.url, "--account", spf.account)
    _done(farm.lab("click", "register-spf", _node(farm), *form, given=SECRETS["spfAccountPassword"]))


def configure(farm: Farm, node: str) -> None:
    """The configuration site's wizard, where the product has no cmdlets."""
    model = farm.model
    form = ("--server", model.listener_address, "--login", model.sql.administrator)
    secrets = f"{SECRETS['sqlAdministratorPassword']}\n{SECRETS['passphrase']}\n"
    _done(farm.lab("click", "configure", node, *form, given=secrets))


def unclick(farm: Farm) -> None:
    """Delete the plan in the browser, and the registration as its makers published."""
    _done(farm.lab("click", "delete-plan", _node(farm), "--name", farm.model.portal.plan.name))
    statement = "DELETE FROM mp.ResourceProviders WHERE Name = 'systemcenter'"
    farm.sql(farm.model.sql.preferred_primary, statement, database=STORE)


def _node(farm: Farm) -> str:
    return farm.model.portal.tier_of("admin-site").nodes[0]


def _done(result: Result) -> None:
    assert result.ok, result.output
