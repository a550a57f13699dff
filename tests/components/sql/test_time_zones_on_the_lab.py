"""Servers in several time zones, on the lab's engine."""

from __future__ import annotations

import time
from pathlib import Path

from components.sql import login
from lab.testing.windows import set_time_zone
from lab.testing.worlds import begin_sql, close, small_world
from tests.components.sql.in_process import Servers


def test_the_password_set_last_is_told_across_time_zones(tmp_path: Path) -> None:
    world = small_world(tmp_path / "lab")
    begin_sql(world)
    servers = Servers(world)
    for machine, minutes in (("SQL1", 10 * 60), ("SQL2", -5 * 60)):
        set_time_zone(world, machine, minutes)
        servers.by_hand(machine, "CREATE LOGIN reader WITH PASSWORD = 'Some-Pass-8!'")
        time.sleep(0.02)  # longer than a step of datetime
    (local,) = servers.by_hand("SQL1", "SELECT DATEDIFF(minute, GETUTCDATE(), GETDATE()) AS ahead")
    assert local["ahead"] in (599, 600, 601)
    first, last = (login.read(servers, machine, "read").named("reader") for machine in ("SQL1", "SQL2"))
    assert first is not None
    assert last is not None
    assert first.password_set < last.password_set
    close(world)
