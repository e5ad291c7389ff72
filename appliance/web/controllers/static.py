"""Scripts, styles and icons."""

from __future__ import annotations

from litestar import Controller, Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath, SkipValidation

from appliance.errors import NotFound
from appliance.web.assets import Asset, Assets
from appliance.web.errors import AnyRequest

TheAssets = NamedDependency[SkipValidation[Assets]]

_FOR_EVER = "public, max-age=31536000, immutable"
_ASK_AGAIN = "no-cache"


class StaticController(Controller):
    include_in_schema = False

    @get("/static/{version:str}/{name:str}")
    async def asset(
        self, version: FromPath[str], name: FromPath[str], request: AnyRequest, assets: TheAssets
    ) -> Response[bytes]:
        """An address of this release never changes what it stands for; one of another release gets ours, uncached."""
        return _serve(assets.get(name), request, cache=_FOR_EVER if version == assets.version else _ASK_AGAIN)

    @get("/widget.js")
    async def widget(self, request: AnyRequest, assets: TheAssets) -> Response[bytes]:
        """The one script that other sites name, so its address is the same in every release."""
        return _serve(assets.get("widget.js"), request, cache=_ASK_AGAIN)

    @get("/favicon.ico")
    async def icon(self, request: AnyRequest, assets: TheAssets) -> Response[bytes]:
        return _serve(assets.get("icon.svg"), request, cache=_ASK_AGAIN)


def _serve(asset: Asset | None, request: AnyRequest, *, cache: str) -> Response[bytes]:
    if asset is None:
        raise NotFound("There is no such file.", remedy="Reload the page.")
    headers = {"ETag": asset.etag, "Cache-Control": cache}
    if asset.etag in request.headers.get("if-none-match", ""):
        return Response(b"", status_code=304, headers=headers)
    return Response(asset.content, media_type=asset.media_type, headers=headers)
