"""The running part: which code answers for which site. The sites themselves are IIS's."""

from __future__ import annotations

from lab.wap import sites, spf, wizard
from lab.wap.catalogue import CONFIG_SITE, FEATURES
from lab.world import World


def start(world: World) -> None:
    """Put the code of every site of Windows Azure Pack and of SPF in its place."""
    for feature in FEATURES.values():
        world.site_handlers[feature.site.name.lower()] = sites.handler(feature)
    world.site_handlers[CONFIG_SITE.name.lower()] = wizard.config_site
    world.site_handlers[spf.SITE.lower()] = spf.handle


def stop(world: World) -> None:
    """Take it away again."""
    for name in [feature.site.name for feature in FEATURES.values()] + [CONFIG_SITE.name, spf.SITE]:
        world.site_handlers.pop(name.lower(), None)
