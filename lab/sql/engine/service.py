"""Start and end of the engine as a part of the lab."""

from __future__ import annotations

from lab.world import World


def start(world: World) -> None:
    """Instances whose service is set to start come up; the groups are watched from now on. Opens no port."""
    raise NotImplementedError


def stop(world: World) -> None:
    """End watching and close the files. The state stays."""
    raise NotImplementedError
