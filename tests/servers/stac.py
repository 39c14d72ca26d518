"""A STAC API on loopback: box, time, query, and the paging of Earth Search or of Planetary Computer."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from imagery.sources.items import parse_time
from imagery.sources.static import overlaps
from tests.servers.loopback import Answer, Request

Flavour = Literal["earth-search", "planetary-computer"]

COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    "eq": operator.eq,
    "lt": operator.lt,
    "lte": operator.le,
    "gte": operator.ge,
    "in": lambda value, wanted: value in wanted,
}


class StacServer:
    """Answers POST /search below `root`."""

    def __init__(
        self,
        items: Sequence[Mapping[str, Any]],
        *,
        root: str = "",
        flavour: Flavour = "earth-search",
        most: int = 250,
    ) -> None:
        self.items, self.root, self.flavour, self.most = list(items), root, flavour, most
        self.endless = False

    def __call__(self, request: Request) -> Answer:
        if request.method != "POST" or not request.path.endswith("/search"):
            return Answer.of({"code": "NotFound", "description": "Not Found"}, status=404)
        return self.search(request, request.json())

    def search(self, request: Request, query: Mapping[str, Any]) -> Answer:
        matched = self._matching(query)
        limit = min(int(query.get("limit", 10)), self.most)
        start = self._start(matched, query)
        page = matched[start : start + limit]
        if self.endless:
            page = matched[:limit]
        answer: dict[str, Any] = {"type": "FeatureCollection", "features": page, "links": []}
        full = (
            len(page) == limit
        )  # Earth Search offers a next page after a full last one, which is then empty
        more = start + limit < len(matched) or (self.flavour == "earth-search" and full) or self.endless
        if page and more:
            answer["links"].append(self._next(request, query, page[-1]))
        if self.flavour == "earth-search":
            answer |= {"numberMatched": len(matched), "numberReturned": len(page)}
        return Answer.of(answer, kind="application/geo+json; charset=utf-8")

    def _matching(self, query: Mapping[str, Any]) -> list[Mapping[str, Any]]:
        found = [item for item in self.items if item["collection"] in query["collections"]]
        if query.get("bbox"):
            found = [item for item in found if overlaps(tuple(item["bbox"]), tuple(query["bbox"]))]
        if query.get("datetime"):
            first, last = (parse_time(text) for text in query["datetime"].split("/"))
            found = [item for item in found if first <= parse_time(item["properties"]["datetime"]) <= last]
        for key, conditions in (query.get("query") or {}).items():
            for name, wanted in conditions.items():
                found = [item for item in found if COMPARE[name](item["properties"].get(key), wanted)]
        return sorted(found, key=lambda item: (item["properties"]["datetime"], item["id"]), reverse=True)

    def _start(self, matched: Sequence[Mapping[str, Any]], query: Mapping[str, Any]) -> int:
        token = query.get("next") if self.flavour == "earth-search" else query.get("token")
        if not token:
            return 0
        last = token.split(",")[1] if self.flavour == "earth-search" else token.split(":", 2)[2]
        return [item["id"] for item in matched].index(last) + 1

    def _next(self, request: Request, query: Mapping[str, Any], last: Mapping[str, Any]) -> dict[str, Any]:
        href = f"{self.root or 'http://' + request.headers['host']}/search"
        link = {"rel": "next", "method": "POST", "type": "application/geo+json", "href": href}
        if self.flavour == "earth-search":
            token = f"{last['properties']['datetime']},{last['id']},{last['collection']}"
            return {**link, "merge": False, "body": {**query, "next": token}}
        return {**link, "body": {**query, "token": f"next:{last['collection']}:{last['id']}"}}
