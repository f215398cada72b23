"""The form of ingest in the API's description, which the route itself is not part of."""

from __future__ import annotations

from typing import Any

from litestar import Litestar
from litestar.openapi.spec import (
    OpenAPIMediaType,
    OpenAPIResponse,
    OpenAPIType,
    Operation,
    PathItem,
    RequestBody,
    Schema,
)

from trainfare.server import ingest

REFUSALS = {
    400: "It is no shipment; nothing of it was kept.",
    401: "The token opens nothing.",
    403: "The token may not ship, or a run is another team's; nothing of it was kept.",
    408: "It came too slowly.",
    413: f"It is of more than {ingest.BODY_MAX} bytes, or {ingest.CONTENT_MAX} once inflated.",
    429: "More is being sent than can be written: come again after Retry-After.",
    503: "The ledger could not be written: come again after Retry-After.",
}


def describe_ingest(app: Litestar) -> None:
    """Add the route to the description of *app*."""
    accepted = Schema(type=OpenAPIType.ARRAY, items=Schema(type=OpenAPIType.INTEGER))
    answer = Schema(type=OpenAPIType.OBJECT, properties={"accepted": accepted})
    responses: dict[str, Any] = {
        "200": OpenAPIResponse(
            "How long the file of each chunk now is here, committed: where to go on.",
            content={"application/json": OpenAPIMediaType(schema=answer)},
        )
    }
    for status, why in REFUSALS.items():
        content = {"application/json": OpenAPIMediaType(schema=Schema(type=OpenAPIType.OBJECT))}
        responses[str(status)] = OpenAPIResponse(why, content=content)
    body = Schema(type=OpenAPIType.STRING, description=ingest.__doc__)
    paths = app.openapi_schema.paths
    assert paths is not None
    paths[ingest.PATH] = PathItem(
        post=Operation(
            tags=["ingest"],
            summary="Ship pieces of spools",
            operation_id="IngestShipment",
            request_body=RequestBody(
                {"application/octet-stream": OpenAPIMediaType(schema=body)}, required=True
            ),
            responses=responses,
        )
    )
