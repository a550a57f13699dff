"""``python3 -m tools.bootstrap setup|up|down|check|test|bench|clients|env``: what the make targets call."""

from __future__ import annotations

import argparse
import sys
import time
from concurrent.futures import ThreadPoolExecutor

if sys.version_info < (3, 11):  # noqa: UP036 - it runs under whatever Python the system has
    sys.exit(f"Python 3.11 or newer is needed, this is {sys.version.split()[0]}: make PYTHON=python3.11 …")

from tools.bootstrap import checks, farm, project
from tools.bootstrap.bench import bench
from tools.bootstrap.command_plugin import command_plugin
from tools.bootstrap.design import Design
from tools.bootstrap.pulumi_cli import pulumi_cli
from tools.bootstrap.python_environment import bytecode, python_environment
from tools.bootstrap.stage import StageError, check_writable, fail, say, summary
from tools.bootstrap.system_packages import browser, odbc


def setup(*, cli: bool = True) -> None:
    """Install what is missing; what is installed is skipped. The two that take longest are installed side by side."""
    begun = time.monotonic()
    with ThreadPoolExecutor() as pool:
        started = [pool.submit(packages), *([pool.submit(pulumi_cli)] if cli else [])]
    for one in started:
        one.result()
    if cli:
        command_plugin()
    say(f"== Set-up is complete ({time.monotonic() - begun:.1f} s)")


def packages() -> None:
    """What needs no Pulumi CLI."""
    python_environment()
    odbc()
    bytecode()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python3 -m tools.bootstrap", description=__doc__)
    parser.add_argument("target", choices=["setup", "up", "down", "check", "test", "bench", "clients", "env"])
    parser.add_argument("--design", default="single-domain", help="a topology of topologies/, without .yaml")
    arguments = parser.parse_args()
    begun = time.monotonic()
    try:
        if arguments.target == "env":
            print(project.exports(**Design.named(arguments.design).environment()), end="")
            return 0
        check_writable()
        setup(cli=arguments.target not in ("check", "clients"))
        if arguments.target == "up":
            farm.up(arguments.design)
        elif arguments.target == "down":
            farm.down(arguments.design)
        elif arguments.target == "check":
            checks.check()
        elif arguments.target == "test":
            browser()
            checks.test()
        elif arguments.target == "clients":
            checks.clients()
        elif arguments.target == "bench":
            bench()
    except StageError as error:
        return fail(error)
    except OSError as error:
        return fail(StageError(f"{error.filename or 'the project folder'}: {error.strerror or error}."))
    except KeyboardInterrupt:
        return fail(StageError("interrupted; run it again to go on."))
    if arguments.target in ("check", "test", "clients"):
        say(f"\n== Stages\n{summary()}")
    say(f"== make {arguments.target}: {time.monotonic() - begun:.1f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
