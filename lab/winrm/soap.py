"""SOAP envelopes of WS-Management: reading requests, writing answers and faults.

Sources: DMTF DSP0226, MS-WSMV; codes and sentences of faults as Windows gives them (docs/lab/winrm.md says which were
seen in captures and which are unproven).
"""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass
from xml.etree import ElementTree
from xml.sax.saxutils import escape, quoteattr

SOAP = "http://www.w3.org/2003/05/soap-envelope"
ADDRESSING = "http://schemas.xmlsoap.org/ws/2004/08/addressing"
WSMAN = "http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd"
TRANSFER = "http://schemas.xmlsoap.org/ws/2004/09/transfer"
SHELL = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell"
FAULT_DETAIL = "http://schemas.dmtf.org/wbem/wsman/1/wsman/faultDetail"

CREATE, DELETE = f"{TRANSFER}/Create", f"{TRANSFER}/Delete"
COMMAND, SEND, RECEIVE, SIGNAL = (f"{SHELL}/{name}" for name in ("Command", "Send", "Receive", "Signal"))

DEFAULT_TIMEOUT_SECONDS = 60.0
"""Seconds of an operation that names no time-out: MaxTimeoutms of Windows Server 2012."""
DEFAULT_ENVELOPE = 512000


class Fault(Exception):  # noqa: N818 - the word of SOAP
    """A request that is answered by a SOAP fault and HTTP status 500."""

    def __init__(
        self, wsman_code: int, subcode: str, reason: str, *, code: str = "s:Sender", message: str = "", detail: str = ""
    ) -> None:
        super().__init__(reason)
        self.wsman_code, self.subcode, self.reason, self.code = wsman_code, subcode, reason, code
        self.message = message or reason
        self.detail = detail


@dataclass(frozen=True)
class Message:
    """One request. ``body`` is the first element in the SOAP body, or None."""

    action: str
    message_id: str
    resource: str
    shell_id: str | None
    timeout_seconds: float
    max_envelope: int
    options: dict[str, str]
    body: ElementTree.Element | None

    def body_text(self, name: str) -> str | None:
        """Text of an element of the shell namespace within the body."""
        found = None if self.body is None else self.body.find(f".//{{{SHELL}}}{name}")
        return None if found is None else (found.text or "")


def parse(content: bytes) -> Message:
    """Raises Fault for what is no WS-Management request."""
    if b"<!DOCTYPE" in content:
        raise _invalid("a document type declaration")  # SOAP 1.2 forbids it, and entities could grow without limit
    try:
        root = ElementTree.fromstring(content)  # noqa: S314 - no DTD (above), so no entities
    except ElementTree.ParseError as error:
        raise _invalid(str(error)) from error
    header, body = root.find(f"{{{SOAP}}}Header"), root.find(f"{{{SOAP}}}Body")
    if header is None or body is None:
        raise _invalid("no SOAP 1.2 header and body")

    def text(namespace: str, name: str) -> str:
        found = header.find(f"{{{namespace}}}{name}")
        return (found.text or "").strip() if found is not None else ""

    selectors = header.findall(f"{{{WSMAN}}}SelectorSet/{{{WSMAN}}}Selector")
    options = header.findall(f"{{{WSMAN}}}OptionSet/{{{WSMAN}}}Option")
    size = text(WSMAN, "MaxEnvelopeSize")
    return Message(
        action=text(ADDRESSING, "Action"),
        message_id=text(ADDRESSING, "MessageID"),
        resource=text(WSMAN, "ResourceURI"),
        shell_id=next(((each.text or "") for each in selectors if each.get("Name") == "ShellId"), None),
        timeout_seconds=_seconds(text(WSMAN, "OperationTimeout"), DEFAULT_TIMEOUT_SECONDS),
        max_envelope=min(int(size), DEFAULT_ENVELOPE) if size.isdigit() else DEFAULT_ENVELOPE,
        options={each.get("Name", "").upper(): (each.text or "") for each in options},
        body=next(iter(body), None),
    )


def duration(text: str, default_seconds: float) -> float:
    """Seconds of an xs:duration such as PT7200.000S, or of a plain number of seconds as some clients send it."""
    return float(text) if re.fullmatch(r"\d+(\.\d+)?", text) else _seconds(text, default_seconds)


def _seconds(text: str, default_seconds: float) -> float:
    if not text:
        return default_seconds
    match = re.fullmatch(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?", text)
    if match is None:
        raise _invalid(f"{text} is no duration")
    days, hours, minutes, seconds = (float(part or 0) for part in match.groups())
    return days * 86400 + hours * 3600 + minutes * 60 + seconds


def answer(request: Message, body: str) -> bytes:
    """The envelope of a successful operation; ``body`` is XML."""
    return _envelope(f"{request.action}Response", request.message_id, body)


def fault(request: Message | None, machine: str, problem: Fault) -> bytes:
    detail = f"<w:FaultDetail>{FAULT_DETAIL}/{problem.detail}</w:FaultDetail>" if problem.detail else ""
    body = (
        f"<s:Fault><s:Code><s:Value>{problem.code}</s:Value>"
        f"<s:Subcode><s:Value>{problem.subcode}</s:Value></s:Subcode></s:Code>"
        f'<s:Reason><s:Text xml:lang="en-US">{escape(problem.reason)} </s:Text></s:Reason>'
        f"<s:Detail>{detail}"
        f'<f:WSManFault xmlns:f="http://schemas.microsoft.com/wbem/wsman/1/wsmanfault" Code="{problem.wsman_code}"'
        f" Machine={quoteattr(machine)}><f:Message>{escape(problem.message)} </f:Message></f:WSManFault>"
        "</s:Detail></s:Fault>"
    )
    action = "http://schemas.dmtf.org/wbem/wsman/1/wsman/fault"
    return _envelope(action, request.message_id if request else "", body)


def _envelope(action: str, relates_to: str, body: str) -> bytes:
    related = f"<a:RelatesTo>{escape(relates_to)}</a:RelatesTo>" if relates_to else ""
    return (
        f'<s:Envelope xml:lang="en-US" xmlns:s="{SOAP}" xmlns:a="{ADDRESSING}" xmlns:x="{TRANSFER}" xmlns:w="{WSMAN}"'
        f' xmlns:rsp="{SHELL}" xmlns:p="http://schemas.microsoft.com/wbem/wsman/1/wsman.xsd">'
        f"<s:Header><a:Action>{escape(action)}</a:Action><a:MessageID>uuid:{str(uuid.uuid4()).upper()}</a:MessageID>"
        f"<a:To>{ADDRESSING}/role/anonymous</a:To>{related}</s:Header><s:Body>{body}</s:Body></s:Envelope>"
    ).encode()


def _invalid(what: str) -> Fault:
    return Fault(
        2150858817,
        "w:SchemaValidationError",
        "The SOAP XML in the message does not match the corresponding XML schema definition. Change the XML and retry.",
        message=f"The request is not a valid WS-Management message: {what}.",
    )


def access_denied() -> Fault:
    return Fault(5, "w:AccessDenied", "Access is denied.")


def shell_not_found(shell_id: str) -> Fault:
    return Fault(
        2150858843,
        "w:InvalidSelectors",
        f"The request for the Windows Remote Shell with ShellId {shell_id} failed because the shell was not found on"
        " the server. Possible causes are: the specified ShellId is incorrect or the shell no longer exists on the"
        " server. Provide the correct ShellId or create a new shell and retry the operation.",
        detail="UnexpectedSelectors",
    )


def command_not_found() -> Fault:
    return Fault(
        2150858843,
        "w:InvalidSelectors",
        "The Windows Remote Shell received a request to perform an operation on a command identifier that does not"
        " exist. Either the command has completed execution or the client specified an invalid command identifier.",
        detail="UnexpectedSelectors",
    )


def timed_out() -> Fault:
    return Fault(
        2150858793,
        "w:TimedOut",
        "The WS-Management service cannot complete the operation within the time specified in OperationTimeout.",
        code="s:Receiver",
    )


def aborted() -> Fault:
    return Fault(
        995,
        "w:InternalError",
        "The I/O operation has been aborted because of either a thread exit or an application request.",
        code="s:Receiver",
    )


def system_error(code: int, text: str) -> Fault:
    """A Windows system error as HRESULT, as the shell service passes on what it could not do."""
    return Fault(0x80070000 | code, "w:InternalError", text, code="s:Receiver")


def not_modelled(what: str) -> Fault:
    """The lab is the limit here, not Windows; the sentence says so."""
    return Fault(0x80004001, "w:InternalError", f"The lab does not model {what}.", code="s:Receiver")
