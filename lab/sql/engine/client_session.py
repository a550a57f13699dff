"""A session in a client's hands (``lab.sql.api.Session``): it takes batches."""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterator

from lab.sql.api import Column, Event, Parameter
from lab.sql.engine.batch import run_batch
from lab.sql.engine.describe import describe
from lab.sql.engine.errors import error
from lab.sql.engine.instance import Instance
from lab.sql.engine.principal import Principal
from lab.sql.engine.session import CancelledError, Session


class ClientSession(Session):
    def __init__(
        self, instance: Instance, principal: Principal, spid: int, *, host: str = "", program: str = ""
    ) -> None:
        super().__init__(instance, principal, spid, host=host, program=program)
        self._busy = threading.Lock()

    def execute(self, text: str, parameters: tuple[Parameter, ...] = ()) -> Iterator[Event]:
        """Run a batch (see ``lab.sql.api.Session``); ``outputs`` has its output parameters afterwards."""
        with self._busy:
            self.cancelled.clear()
            self.running, self.last_request = True, self.instance.world.clock.now()
            events: Generator[Event, None, None] = run_batch(self, text, parameters)
            try:
                if self.closed.is_set():
                    yield error(10054)
                    return
                yield from events
            except CancelledError:
                self.end_statement(keep=False)
                if self.closed.is_set():
                    yield error(10054)
            finally:
                events.close()
                self.running = False

    def describe(self, text: str, parameters: tuple[Parameter, ...] = ()) -> tuple[Column, ...] | None:
        """Columns of the first result set of a batch; nothing is run."""
        return describe(self, text, parameters)
