"""System.Net.HttpWebRequest, as far as it takes to ask a site whether it answers: GET over HTTPS, without redirects.

Rules: the .NET Framework 4.5 documentation of WebRequest.Create, HttpWebRequest.GetResponse,
HttpWebRequest.ServerCertificateValidationCallback, HttpWebResponse.GetResponseHeader and WebException.Response: an
answer of 400 and above is a WebException that has the answer; one without an answer is a WebException without it.
Unproven: that the callback of a request that waits for its answer may be a script block (it runs in the thread of the
script then; case ``own-site-with-a-certificate-callback``).
"""

from __future__ import annotations

import http
from typing import Any

from lab.powershell.api import DotNet, EnumType, NotModelledError, PowerShellError, PSObject, Session, dotnet
from lab.powershell.calls import CallsBack
from lab.powershell.convert import to_bool
from lab.powershell.values import ScriptBlock
from lab.wap.web import TRUST, WebError, fetch, status_message
from lab.windows.values import text
from lab.world import Response

_EXCEPTION = "System.Net.WebException"
_STATUS = EnumType("System.Net.HttpStatusCode", {one.phrase.replace(" ", ""): one.value for one in http.HTTPStatus})
_LEAST_SECONDS = 2.0
"""Of this computer: a pace that shortens a time-out to nothing would make every site look dead."""


def _response(answer: Response) -> PSObject:
    def header(name: Any) -> str:
        """Empty where there is none."""
        return next((str(value) for key, value in answer.headers.items() if key.lower() == text(name).lower()), "")

    return PSObject(
        "System.Net.HttpWebResponse",
        {"StatusCode": _STATUS.of(answer.status), "StatusDescription": http.client.responses.get(answer.status, "")},
        {"Close": lambda: None, "Dispose": lambda: None, "GetResponseHeader": header},
    )


def _failure(message: str, answer: Response | None = None) -> PowerShellError:
    data = {"Response": None if answer is None else _response(answer)}
    return PowerShellError(message, "WebException", exception_type=_EXCEPTION, data=data)


def _request(session: Session, address: Any) -> PSObject:
    uri = text(address)
    if not uri.lower().startswith("https://"):
        raise NotModelledError(f"a web request to {uri}")

    def answered(invoke: Any) -> PSObject:
        callback = request.get("ServerCertificateValidationCallback")
        if callback is not None and not isinstance(callback, ScriptBlock):
            raise NotModelledError("a certificate callback that is no script block")
        if request.get("AllowAutoRedirect"):
            raise NotModelledError("a web request that follows redirects")
        seconds = int(request.get("Timeout")) / 1000 * session.machine.world.clock.pace
        try:
            answer = fetch(session.machine, uri, verify=callback is None, timeout_seconds=max(_LEAST_SECONDS, seconds))
        except WebError as error:
            raise _failure(error.message) from None
        if callback is not None and not to_bool(invoke(callback, request, None, None, None)):
            raise _failure(TRUST)
        if answer.status >= 400:
            raise _failure(status_message(answer), answer)
        return _response(answer)

    properties = {
        "RequestUri": uri,
        "Method": "GET",
        "Timeout": 100_000,
        "KeepAlive": True,
        "AllowAutoRedirect": True,
        "Proxy": None,
        "ServerCertificateValidationCallback": None,
    }
    request = PSObject("System.Net.HttpWebRequest", properties, {"GetResponse": CallsBack(answered)})
    return request


@dotnet("System.Net.WebRequest", "Net.WebRequest", "System.Net.HttpWebRequest", "Net.HttpWebRequest")
class WebRequest(DotNet):
    statics = {"Create": _request}  # noqa: RUF012 - a constant table
