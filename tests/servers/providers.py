"""Planetary Computer and Copernicus Data Space side by side on loopback, under their own host names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from imagery.sources.stac_api import PLANETARY_COMPUTER
from tests.servers import tiny
from tests.servers.files import serve_files
from tests.servers.hub import Hub, hub_item, ramp
from tests.servers.loopback import Answer, Loopback, Request
from tests.servers.proxy import Proxy
from tests.servers.stac import StacServer

HOSTS = (
    r"planetarycomputer\.microsoft\.com|.*\.blob\.core\.windows\.net"
    r"|(sh|identity)\.dataspace\.copernicus\.eu"
)
SECRETS = {
    "SH_CLIENT_ID": "sh-cl1ent-of-the-test",
    "SH_CLIENT_SECRET": "sh-s3cret-of-the-test",
    "PC_SDK_SUBSCRIPTION_KEY": "pc-subscr1ption-of-the-test",
}


@dataclass
class Providers:
    """What the servers hold, and what they saw."""

    stac: StacServer
    hub: Hub
    server: Loopback
    proxy: Proxy
    bucket: Path
    signatures: list[str] = field(default_factory=list)
    withdrawn: list[str] = field(default_factory=list)
    """Signatures that storage refuses although they have not ended."""

    def secrets(self) -> list[str]:
        """Everything that must not be found anywhere."""
        return [*SECRETS.values(), *self.hub.tokens, *(s.split("sig=")[1] for s in self.signatures)]


@contextmanager
def providers(bucket: Path, folder: Path) -> Iterator[Providers]:
    """Serve `bucket` as every container of Azure, and one radar pass through Process."""
    stac = StacServer([], root=PLANETARY_COMPUTER, flavour="planetary-computer")
    hub = Hub(
        {"sentinel-1-grd": [radar_item()]},
        ramp,
        lambda item: f"s3://EODATA/Sentinel-1/SAR/{item['id']}",
        client=(SECRETS["SH_CLIENT_ID"], SECRETS["SH_CLIENT_SECRET"]),
    )
    files = serve_files(bucket)
    found: list[Providers] = []

    def handle(request: Request) -> Answer:
        here = found[0]
        if request.host.endswith("dataspace.copernicus.eu"):
            return hub(request)
        if request.path.startswith("/api/sas/v1/token/"):
            here.signatures.append(f"st=2026&sig=s1gnature-of-the-test-{len(here.signatures)}")
            return Answer.of({"msft:expiry": "2999-01-01T00:00:00Z", "token": here.signatures[-1]})
        if request.host == "planetarycomputer.microsoft.com":
            return stac(request)
        return _stored(here, request, files)

    with Loopback(handle) as server, Proxy({HOSTS: server.port}, folder) as proxy:
        found.append(Providers(stac, hub, server, proxy, bucket))
        yield found[0]


def _stored(here: Providers, request: Request, files: Any) -> Answer:
    """A file of a container: `/container/any name/file`, for whoever brings a signature of it."""
    good = [signature for signature in here.signatures if signature not in here.withdrawn]
    if not any(signature in request.target for signature in good):
        return Answer(status=403, body=b"<Error><Code>AuthenticationFailed</Code></Error>")
    _, _, path = request.path.lstrip("/").partition("/")
    told = {name: getattr(request, name) for name in ("method", "host", "headers", "body")}
    answer: Answer = files(Request(**told, target=f"/{path}"))
    return answer


def environment(here: Providers, folder: Path) -> Mapping[str, str]:
    """What a process needs to meet these servers, with credentials."""
    return {**here.proxy.environment(), **SECRETS, "XDG_CONFIG_HOME": str(folder / "config")}


def radar_item() -> dict[str, Any]:
    """One frame of Sentinel-1, as the Catalog lists it."""
    return hub_item(
        "S1A_IW_GRDH_1SDV_20240302T093000_20240302T093025_052800_0663C5_AAAA",
        "2024-03-02T09:30:12Z",
        tiny.tile_bounds(),
        epsg=4326,
        platform="sentinel-1a",
    )
