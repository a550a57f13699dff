"""The operations on remote shells: Create, Command, Send, Receive, Signal, Delete (MS-WSMV 3.1.4)."""

from __future__ import annotations

import asyncio
import base64
import binascii
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from lab.powershell import api
from lab.winrm import programs, soap
from lab.winrm.shells import IDLE_TIMEOUT_SECONDS, Process, Shells
from lab.winrm.soap import SHELL, Message

if TYPE_CHECKING:
    from lab.world import Identity

CMD_SHELL = f"{SHELL}/cmd"
_ENCODINGS = {"65001": "utf-8", "437": "cp437", "850": "cp850", "1252": "cp1252", "20127": "ascii"}
_ENVELOPE_OVERHEAD = 2048


async def perform(shells: Shells, who: Identity, request: Message) -> bytes:
    """Carry out one request and give the answer's envelope. Raises soap.Fault, or BrokenWireError for a fault that a
    person ordered."""
    operation = _OPERATIONS.get(request.action)
    if operation is None:
        raise soap.Fault(
            2150858753,
            "a:ActionNotSupported",
            "The WS-Management service cannot process the request. The WS-Addressing action URI is invalid. Check the"
            " documentation for information on how to construct an action URI.",
        )
    if request.resource != CMD_SHELL:
        raise _unknown_resource(request.resource)
    if not who.administrator:
        raise soap.access_denied()
    return soap.answer(request, await operation(shells, who, request))


async def _create(shells: Shells, who: Identity, request: Message) -> str:
    if request.body is None or request.body.tag != f"{{{SHELL}}}Shell":
        raise soap.not_modelled("the creation of a shell without a description of it")
    for unknown in ("Environment", "WorkingDirectory", "Lifetime"):
        if request.body_text(unknown) is not None:
            raise soap.not_modelled(f"{unknown} of a remote shell")
    encoding = _ENCODINGS.get(request.options.get("WINRS_CODEPAGE", "437"))
    if encoding is None:
        raise soap.not_modelled(f"code page {request.options['WINRS_CODEPAGE']} of a remote shell")
    idle = max(1.0, soap.duration(request.body_text("IdleTimeOut") or "", IDLE_TIMEOUT_SECONDS))
    shell = shells.create(who, encoding, idle)
    return (
        f"<x:ResourceCreated><a:Address>https://{shells.machine.fqdn}:5986/wsman</a:Address><a:ReferenceParameters>"
        f"<w:ResourceURI>{CMD_SHELL}</w:ResourceURI>"
        f'<w:SelectorSet><w:Selector Name="ShellId">{shell.id}</w:Selector></w:SelectorSet>'
        f"</a:ReferenceParameters></x:ResourceCreated>"
        f"<rsp:Shell><rsp:ShellId>{shell.id}</rsp:ShellId><rsp:ResourceUri>{CMD_SHELL}</rsp:ResourceUri>"
        f"<rsp:Owner>{escape(who.user)}</rsp:Owner><rsp:IdleTimeOut>PT{shell.idle_timeout_seconds:.3f}S</rsp:IdleTimeOut>"
        "<rsp:InputStreams>stdin</rsp:InputStreams><rsp:OutputStreams>stdout stderr</rsp:OutputStreams></rsp:Shell>"
    )


async def _command(shells: Shells, who: Identity, request: Message) -> str:
    shell = shells.get(request.shell_id, who)
    program = request.body_text("Command")
    if request.body is None or program is None:
        raise soap.not_modelled("a Command operation without a command")
    arguments = [part.text or "" for part in request.body.findall(f"{{{SHELL}}}Arguments")]
    line = " ".join([program.strip(), *arguments]).strip()
    through_cmd = request.options.get("WINRS_SKIP_CMD_SHELL", "FALSE").upper() != "TRUE"
    console = request.options.get("WINRS_CONSOLEMODE_STDIN", "TRUE").upper() == "TRUE"
    session = api.Session(shells.machine, who, "network", next(shells.numbers))
    await asyncio.to_thread(programs.check, session, line, through_cmd=through_cmd)
    loop = asyncio.get_running_loop()
    process = Process(
        loop,
        shell.encoding,
        lambda own: programs.run(session, line, own, through_cmd=through_cmd),
        console=console,
    )
    shell.add(process)
    process.start()
    return f"<rsp:CommandResponse><rsp:CommandId>{process.id}</rsp:CommandId></rsp:CommandResponse>"


async def _send(shells: Shells, who: Identity, request: Message) -> str:
    shell = shells.get(request.shell_id, who)
    streams = [] if request.body is None else request.body.findall(f"{{{SHELL}}}Stream")
    for stream in streams:
        if stream.get("Name") != "stdin":
            raise soap.not_modelled(f"the input stream {stream.get('Name')}")
        process = shell.process(stream.get("CommandId", ""))
        if process.console:
            raise soap.not_modelled("input to a command in console mode (WINRS_CONSOLEMODE_STDIN is TRUE)")
        try:
            data = base64.b64decode((stream.text or "").encode(), validate=False)
        except binascii.Error as error:
            raise soap.not_modelled(f"input that is not base64: {error}") from error
        await _deliver(shells, process, data, end=stream.get("End", "false").lower() in ("true", "1"))
    return "<rsp:SendResponse/>"


async def _deliver(shells: Shells, process: Process, data: bytes, *, end: bool) -> None:
    """Hand input over; where a fault is ordered, break before a request line or after its effect."""
    world = shells.machine.world
    carries_line = b"\n" in data
    watched = carries_line and world.faults.watched
    if watched:
        text = data.decode(errors="replace")
        await asyncio.to_thread(world.faults.trip, shells.machine.name, "winrm", "before", text)
    written = process.written
    process.send(data, end=end)
    if watched and world.faults.has(shells.machine.name, "winrm", "after"):
        await process.reaction(written)
        await asyncio.to_thread(world.faults.trip, shells.machine.name, "winrm", "after")


async def _receive(shells: Shells, who: Identity, request: Message) -> str:
    shell = shells.get(request.shell_id, who)
    wanted = None if request.body is None else request.body.find(f"{{{SHELL}}}DesiredStream")
    if wanted is None:
        raise soap.not_modelled("a Receive operation without DesiredStream")
    identifier = wanted.get("CommandId", "")
    process = shell.process(identifier)
    shell.busy += 1
    try:
        if not await process.news(request.timeout_seconds):
            raise soap.timed_out()
    finally:
        shell.busy -= 1
        shell.used = time.monotonic()
    if identifier.upper() not in shell.processes:
        raise soap.aborted()  # it was ended by a signal while this request waited
    limit = max(1024, (request.max_envelope - _ENVELOPE_OVERHEAD) * 3 // 4)
    return _output(process, limit)


def _output(process: Process, limit: int) -> str:
    code = process.exit_code  # before the output is taken: nothing is written after the end
    pieces = process.take(limit)
    streams = "".join(
        f'<rsp:Stream Name="{name}" CommandId="{process.id}">{base64.b64encode(data).decode()}</rsp:Stream>'
        for name, data in pieces
    )
    if code is None or process.has_output():
        state = f'<rsp:CommandState CommandId="{process.id}" State="{SHELL}/CommandState/Running"/>'
        return f"<rsp:ReceiveResponse>{streams}{state}</rsp:ReceiveResponse>"
    ends = "".join(f'<rsp:Stream Name="{name}" CommandId="{process.id}" End="true"/>' for name in ("stdout", "stderr"))
    state = (
        f'<rsp:CommandState CommandId="{process.id}" State="{SHELL}/CommandState/Done">'
        f"<rsp:ExitCode>{code}</rsp:ExitCode></rsp:CommandState>"
    )
    return f"<rsp:ReceiveResponse>{streams}{ends}{state}</rsp:ReceiveResponse>"


async def _signal(shells: Shells, who: Identity, request: Message) -> str:
    shell = shells.get(request.shell_id, who)
    identifier = "" if request.body is None else request.body.get("CommandId", "")
    process = shell.process(identifier)
    code = (request.body_text("Code") or "").strip().lower().rsplit("/", 1)[-1]
    if code == "terminate":
        del shell.processes[process.id]
    elif code not in ("ctrl_c", "ctrl_break"):
        raise soap.not_modelled(f"the signal {code}")
    process.kill()
    return "<rsp:SignalResponse/>"


async def _delete(shells: Shells, who: Identity, request: Message) -> str:
    shells.delete(shells.get(request.shell_id, who))
    return ""


def _unknown_resource(resource: str) -> soap.Fault:
    if resource.startswith(SHELL) or "powershell" in resource.lower():
        return soap.not_modelled(f"the shell {resource}; use {CMD_SHELL}")
    return soap.Fault(
        2150858752,
        "a:DestinationUnreachable",
        "The WS-Management service cannot process the request. The service cannot find the resource identified by the"
        " resource URI and selectors.",
        detail="InvalidResourceURI",
    )


_OPERATIONS: dict[str, Callable[[Shells, Identity, Message], Awaitable[str]]] = {
    soap.CREATE: _create,
    soap.COMMAND: _command,
    soap.SEND: _send,
    soap.RECEIVE: _receive,
    soap.SIGNAL: _signal,
    soap.DELETE: _delete,
}
