"""From a fault to an answer: the API speaks ``application/problem+json``, a browser reads the same words on a small page."""

from __future__ import annotations

from typing import Any

from litestar import Request, Response
from litestar.response import Template
from litestar.serialization import encode_json

from appliance.web.problems import PROBLEM_JSON, problem_of

AnyRequest = Request[Any, Any, Any]


def wants_page(request: AnyRequest) -> bool:
    """A person with a browser outside the API reads HTML; everything else reads problem+json."""
    return not request.url.path.startswith("/api") and "text/html" in request.headers.get("accept", "")


def answer_fault(request: AnyRequest, fault: Exception) -> Response[Any]:
    """Litestar's exception handler for everything."""
    problem = problem_of(fault)
    if wants_page(request):
        return Template(
            "problem.html", context={"problem": problem}, status_code=problem.status, headers=problem.all_headers()
        )
    return Response(
        encode_json(problem.document()),
        status_code=problem.status,
        media_type=PROBLEM_JSON,
        headers=problem.all_headers(),
    )
