"""Pages that every site of the product answers with: an error, a refusal, nothing there."""

from __future__ import annotations

from xml.sax.saxutils import escape

from lab.world import Response


def page(title: str, text: str, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    body = f"<!DOCTYPE html>\n<html><head><title>{escape(title)}</title></head><body>{text}</body></html>\n"
    return Response(status, {"Content-Type": "text/html; charset=utf-8", **(headers or {})}, body.encode())


def failure() -> Response:
    """What a visitor sees of an exception: ASP.NET hides the reason from remote clients."""
    return page("Runtime Error", "<h2>Server Error in '/' Application.</h2><h3>Runtime Error</h3>", 500)


def unauthorized(*schemes: str) -> Response:
    text = "<h2>401 - Unauthorized: Access is denied due to invalid credentials.</h2>"
    return page("401 - Unauthorized", text, 401, {"WWW-Authenticate": ", ".join(schemes)})


def not_found() -> Response:
    return page("404 - File or directory not found.", "<h2>404 - File or directory not found.</h2>", 404)
