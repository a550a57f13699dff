"""Writing to the streams, and other cmdlets that only talk."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from lab.powershell.api import Call, EnumValue, PowerShellError, cmdlet
from lab.powershell.convert import to_list, to_text
from lab.powershell.core_select import evaluator_of, input_of
from lab.powershell.text_form import text_of
from lab.powershell.values import ErrorRecord, NetException

WRITE_ERROR = "Microsoft.PowerShell.Commands.WriteErrorException"


@cmdlet("Write-Error")
def write_error(call: Call) -> None:
    runtime: Any = call.runtime
    if "ErrorRecord" in call.parameters:
        record = call.get("ErrorRecord")
        assert isinstance(record, ErrorRecord)
        runtime.write_record(record)
        return
    messages = call.input if call.input and "Message" not in call.parameters else [call.get("Message", "")]
    for message in messages:
        given = call.get("Exception")
        text = to_text(message) if "Message" in call.parameters or given is None else given.message
        exception = given if isinstance(given, NetException) else NetException(WRITE_ERROR, text)
        category = call.get("Category")
        error_id = to_text(call.get("ErrorId")) or exception.type_name
        record = ErrorRecord(
            exception,
            error_id,
            to_text(category.name if isinstance(category, EnumValue) else category) or "NotSpecified",
            call.get("TargetObject"),
        )
        if text != exception.message:
            record.details = text
        record.activity = "Write-Error"
        runtime.write_record(evaluator_of(call).place(record, "Write-Error"))


@cmdlet("Write-Warning")
def write_warning(call: Call) -> None:
    for message in _messages(call):
        call.runtime.write_warning(message)


def _messages(call: Call) -> list[str]:
    return [to_text(call.get("Message"))] if "Message" in call.parameters else [to_text(item) for item in call.input]


@cmdlet("Write-Verbose")
def write_verbose(call: Call) -> None:
    runtime: Any = call.runtime
    for message in _messages(call):
        runtime.message("Verbose", "VerbosePreference", message, evaluator_of(call).streams.verbose)


@cmdlet("Write-Debug")
def write_debug(call: Call) -> None:
    runtime: Any = call.runtime
    for message in _messages(call):
        runtime.message("Debug", "DebugPreference", message, evaluator_of(call).streams.debug)


@cmdlet("Write-Progress")
def write_progress(_: Call) -> None:
    """Nothing: a process without a console shows no progress."""


@cmdlet("Write-Host")
def write_host(call: Call) -> None:
    """To the process's output, past the pipeline."""
    evaluator = evaluator_of(call)
    items = to_list(call.get("Object")) if "Object" in call.parameters else call.input
    separator = to_text(call.get("Separator")) or " "
    text = separator.join(to_text(item, separator) for item in items)
    evaluator.host.write(text + ("" if call.get("NoNewline") else "\r\n"))


@cmdlet("Out-String")
def out_string(call: Call) -> Iterator[str]:
    lines = [line for item in input_of(call) for line in text_of(item)]
    if call.get("Stream"):
        yield from lines
    else:
        yield "".join(f"{line}\r\n" for line in lines)


@cmdlet("Out-Default")
def out_default(call: Call) -> Iterator[Any]:
    yield from input_of(call)


@cmdlet("Out-Host")
def out_host(call: Call) -> None:
    evaluator = evaluator_of(call)
    for item in input_of(call):
        for line in text_of(item):
            evaluator.host.write(f"{line}\r\n")


def no_console() -> PowerShellError:
    return PowerShellError(
        "Windows PowerShell is in NonInteractive mode. Read and Prompt functionality is not available.",
        "InvalidOperation",
        category="InvalidOperation",
        exception_type="System.Management.Automation.PSInvalidOperationException",
    )


@cmdlet("Read-Host")
def read_host(_: Call) -> Iterator[Any]:
    raise no_console()
