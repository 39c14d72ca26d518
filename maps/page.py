"""A Folium map that is whole in itself: Leaflet inlined, nothing that a browser would fetch by itself."""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Mapping
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import folium
from branca.element import Figure
from folium.template import Template
from xstatic.pkg import leaflet

from evidence.errors import ExportError

TILE_HOSTS = ("https://tile.openstreetmap.org", "https://server.arcgisonline.com")
"""The only hosts that the page's own policy lets it ask, and only after the user allowed them."""
POLICY = (
    "default-src 'none'; script-src 'unsafe-inline' 'self' file:; style-src 'unsafe-inline'; "
    f"img-src data: blob: {' '.join(TILE_HOSTS)}; connect-src 'none'; form-action 'none'; base-uri 'none'"
)
FETCHED = re.compile(r"""<(?:script|link)\b[^>]*\b(?:src|href)=["'](https?:[^"']+)""")
"""Scripts and styles that elements would have a browser fetch."""
MARK = re.compile(r"\[\[part:([a-z]+)\]\]")
MIME = {".png": "image/png", ".svg": "image/svg+xml", ".gif": "image/gif"}


@cache
def asset(name: str) -> str:
    """A text file of `maps/assets`."""
    return resources.files("maps").joinpath("assets", name).read_text(encoding="utf-8")


@cache
def leaflet_script() -> str:
    """Leaflet itself, without the address of its source map."""
    text = (Path(leaflet.BASE_DIR) / "leaflet.js").read_text(encoding="utf-8")
    return re.sub(r"//# sourceMappingURL=\S+", "", text).replace("</script", "<\\/script")


@cache
def leaflet_style() -> str:
    """Leaflet's style sheet with its pictures in it."""
    folder = Path(leaflet.BASE_DIR)
    text = (folder / "leaflet.css").read_text(encoding="utf-8")

    def inline(match: re.Match[str]) -> str:
        path = folder / match.group(1)
        if not path.is_file():
            return match.group(0)
        data = base64.b64encode(path.read_bytes()).decode("ascii")
        return f'url("data:{MIME[path.suffix]};base64,{data}")'

    return re.sub(r"url\(['\"]?([^'\")#:]+)['\"]?\)", inline, text)


class OfflineFigure(Figure):
    """The page around a map: language, title and a policy that forbids requests.

    Branca compiles what elements rendered as templates once more, so that a name such as ``{{ 7*7 }}`` from a
    file would be run. Elements here render marks instead, and the parts are put in after the last template.
    """

    _template = Template(
        "<!DOCTYPE html>\n"
        '<html lang="{{ this.language }}">\n<head>\n'
        "{{ this.header.render(**kwargs) }}\n"
        "</head>\n<body>\n{{ this.html.render(**kwargs) }}\n"
        "<script>\n{{ this.script.render(**kwargs) }}\n</script>\n</body>\n</html>\n"
    )

    def __init__(self, *, parts: Mapping[str, str], language: str = "en", **options: Any) -> None:
        """`parts` are put in where the elements left their marks; `options` go to branca's figure."""
        super().__init__(**options)
        self.parts = parts
        self.language = language

    def render(self, **options: Any) -> str:
        """The page with its parts; what a part holds is never read as a template or a mark.

        Raises:
            ExportError: where an element (a plugin of Folium's, say) takes its program from a network.
        """
        frame: str = super().render(**options)
        asked = sorted(set(FETCHED.findall(frame)))
        if asked:
            raise ExportError(
                "a page that works without a network cannot hold what takes its program from one: "
                + ", ".join(asked)
            )
        return MARK.sub(lambda mark: self.parts[mark.group(1)], frame)


class OfflineMap(folium.Map):
    """`folium.Map` that works from a file with the network unplugged.

    Folium's own lists of scripts and styles name four content networks; here they are empty and Leaflet comes
    from the installed XStatic-Leaflet. Layers that need nothing but Leaflet (`GeoJson`, `ImageOverlay`,
    `Polygon`, …) can be added as to any Folium map; a plugin whose program lies on a network is refused.
    """

    default_js: list[tuple[str, str]] = []  # noqa: RUF012 - the base class's own attribute
    default_css: list[tuple[str, str]] = []  # noqa: RUF012 - the same

    _template = Template(
        """
        {% macro header(this, kwargs) %}
        <meta http-equiv="Content-Security-Policy" content="[[part:policy]]">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta name="referrer" content="no-referrer">
        <link rel="icon" href="data:,">
        <title>[[part:title]]</title>
        <style>[[part:style]]</style>
        <script>L_NO_TOUCH = false; L_DISABLE_3D = false;</script>
        <script>[[part:leaflet]]</script>
        {% endmacro %}
        {% macro html(this, kwargs) %}
        [[part:before]]<div class="folium-map" id="{{ this.get_name() }}"></div>[[part:after]]
        {% endmacro %}
        {% macro script(this, kwargs) %}
        var {{ this.get_name() }} = L.map("{{ this.get_name() }}", {
            center: {{ this.location|tojson }}, crs: L.CRS.EPSG3857, ...{{ this.options|tojavascript }}
        });
        [[part:program]]
        {% endmacro %}
        """
    )

    def __init__(
        self,
        *,
        title: str,
        location: tuple[float, float],
        style: str = "",
        before: str = "",
        after: str = "",
        program: str = "",
        language: str = "en",
        **options: Any,
    ) -> None:
        """Build the page.

        Args:
            title: plain text, escaped here.
            location: (latitude, longitude), Folium's order.
            style: CSS after Leaflet's.
            before: HTML before the map's element.
            after: HTML after the map's element.
            program: JavaScript after the map was made; the map is `map_page`.
            language: of the page as it opens.
            options: for `folium.Map`.
        """
        super().__init__(location=list(location), tiles=None, **options)
        self._id = "page"
        parts = {
            "title": html.escape(title),
            "policy": POLICY,
            "style": f"{leaflet_style()}\n{style}",
            "leaflet": leaflet_script(),
            "before": before,
            "after": after,
            "program": program,
        }
        OfflineFigure(parts=parts, language=language).add_child(self)

    def to_html(self) -> str:
        """The whole page."""
        text: str = self.get_root().render()
        return text
