"""What the parts of the REST interface share: one call, an error answer, a JSON answer."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from lab.sql.api import Session
from lab.world import Machine, Request, Response

Json = dict[str, Any]


class ApiError(Exception):
    """An answer that is an error: status, code and message."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


@dataclass(frozen=True)
class RestCall:
    """An authorised request at one machine, with the connection it works on."""

    machine: Machine
    session: Session
    request: Request

    def body(self) -> Json:
        """The request's JSON object. Raises ApiError 400."""
        try:
            body = json.loads(self.request.body)
        except ValueError:
            raise ApiError(400, "InvalidInput", "The request body is not valid JSON.") from None
        if not isinstance(body, dict):
            raise ApiError(400, "InvalidInput", "The request body is not an object.")
        return body


def reply(value: Any, status: int = 200) -> Response:
    return Response(status, {"Content-Type": "application/json; charset=utf-8"}, json.dumps(value).encode())
