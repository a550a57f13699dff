"""A PowerShell runspace: scripts run one after another, variables and functions stay."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

# The general cmdlets register themselves.
from lab.powershell import core_content, core_items, core_json, core_misc, core_objects, core_select, core_write
from lab.powershell.api import PowerShellError, Session
from lab.powershell.errors import BreakFlow, ContinueFlow, ExitFlow, Terminating, error_of, record_of
from lab.powershell.evaluator import Evaluator
from lab.powershell.interpreter import Host
from lab.powershell.scanner import ParseError
from lab.powershell.streams import Streams
from lab.powershell.text_form import error_text
from lab.powershell.values import ErrorRecord

__all__ = [
    "Result",
    "Runspace",
    "core_content",
    "core_items",
    "core_json",
    "core_misc",
    "core_objects",
    "core_select",
    "core_write",
]

# A script's calls nest deeper than Python's usual limit; PowerShell's own limit is some hundreds of calls.
sys.setrecursionlimit(max(sys.getrecursionlimit(), 12000))


@dataclass
class Result:
    """What a script left behind."""

    output: list[Any] = field(default_factory=list)
    errors: list[PowerShellError] = field(default_factory=list)
    """Errors that did not end the script, in order."""
    terminated: PowerShellError | None = None
    """The error that ended it."""
    warnings: list[str] = field(default_factory=list)
    exit_code: int | None = None
    """The argument of ``exit`` when the script used it."""
    records: list[ErrorRecord] = field(default_factory=list)
    verbose: list[str] = field(default_factory=list)


class Runspace:
    """One runspace of one process. Not for use by two threads at once."""

    def __init__(self, session: Session, host: Host | None = None) -> None:
        self.evaluator = Evaluator(session, host)

    def run(
        self,
        script: str,
        arguments: dict[str, Any] | list[Any] | None = None,
        input: list[Any] | None = None,  # noqa: A002 - the name PowerShell gives it
    ) -> Result:
        """Run a script. Never raises for an error of the script: that is in the result.

        Raises NotModelledError when the script uses what the lab does not know.
        """
        result = Result()
        self.stream(script, result, result.output.append, arguments, input)
        return result

    def stream(
        self,
        script: str,
        result: Result,
        out: Any,
        arguments: dict[str, Any] | list[Any] | None = None,
        items: list[Any] | None = None,
        message: Callable[[str, str], None] | None = None,
    ) -> None:
        """Like ``run``, but what the script writes goes to ``out`` at once, and so do its messages.

        ``message`` gets the kind (``error``, ``warning``, ``verbose``, ``debug``) and the text as a console shows it.
        """
        evaluator = self.evaluator
        tell = message or _mute

        def keep(record: ErrorRecord) -> None:
            result.records.append(record)
            result.errors.append(error_of(record))
            tell("error", error_text(record))

        def note(kind: str, into: list[str]) -> Callable[[Any], None]:
            def take(item: Any) -> None:
                into.append(str(item))
                tell(kind, str(item))

            return take

        evaluator.base_error = keep
        evaluator.streams = Streams(
            keep,
            note("warning", result.warnings),
            note("verbose", result.verbose),
            note("debug", result.verbose),
        )
        evaluator.try_depth = 0
        del evaluator.frames[:]
        try:
            evaluator.run_script(evaluator.parse(script), arguments, items, out)
        except ParseError as error:
            result.terminated = error
            tell("error", error_text(record_of(error)))
        except Terminating as error:
            evaluator.remember(error.record)
            result.records.append(error.record)
            result.terminated = error_of(error.record)
            tell("error", error_text(error.record))
        except ExitFlow as flow:
            result.exit_code = flow.code
        except (BreakFlow, ContinueFlow):
            pass  # outside any loop they end the script, without an error
        finally:
            evaluator.scope = evaluator.global_scope


def _mute(_: str, __: str) -> None:
    """Nobody listens to the messages."""
