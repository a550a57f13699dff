"""How a command ends that cannot look at all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import typer

from components.connection_problems import ConfigurationError
from components.topology import TopologyError
from remote.errors import MachineError


@contextmanager
def one_line_errors() -> Iterator[None]:
    """What keeps a command from looking at all is one line, and exit code 2."""
    try:
        yield
    except (TopologyError, ConfigurationError) as error:
        first, *others = str(error).splitlines()
        more = f" ({len(others)} more; `pulumi preview` lists all)" if others else ""
        typer.echo(f"error: {first}{more}", err=True)
        raise typer.Exit(2) from None
    except (MachineError, OSError) as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(2) from None
