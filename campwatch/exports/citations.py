"""Citations for Zotero and others: RIS and CSL-JSON of the data set and of the sources that it rests on."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from campwatch.exports.bundle import Bundle
from campwatch.exports.formats import named
from campwatch.exports.labels import site_label
from campwatch.exports.stamp import imagery_attribution
from evidence.files import write_text
from imagery.cube.observations import OBSERVATIONS

SENTINEL2_URL = "https://dataspace.copernicus.eu/explore-data/data-collections/sentinel-data/sentinel-2"
_RIS_END = "\r\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Citation:
    """One thing to cite."""

    id: str
    title: str
    publisher: str
    issued: dt.date | None
    version: str | None = None
    url: str | None = None
    note: str = ""


def citations(bundle: Bundle) -> list[Citation]:
    """The data set, its imagery, and who published each place and traced each boundary."""
    return [_dataset(bundle), *_imagery(bundle), *_sources(bundle)]


def write_citations(bundle: Bundle, folder: Path) -> list[Path]:
    """Write `campwatch.ris` and `campwatch.csl.json`."""
    cited = citations(bundle)
    ris = named(folder, "campwatch", ".ris", restricted=bundle.stamp.restricted)
    csl = named(folder, "campwatch", ".csl.json", restricted=bundle.stamp.restricted)
    write_text(ris, "".join(_ris(citation) for citation in cited))
    document = [_csl(citation) for citation in cited]
    write_text(csl, json.dumps(document, ensure_ascii=False, indent=2) + "\n")
    return [ris, csl]


def _dataset(bundle: Bundle) -> Citation:
    stamp = bundle.stamp
    names = "; ".join(map(site_label, bundle.sites))
    return Citation(
        id=f"campwatch-{stamp.run_id}",
        title=f"Satellite measurements of disturbed ground and probable coal stockpiles: {names}",
        publisher=f"campwatch {stamp.version}",
        issued=dt.datetime.fromisoformat(stamp.as_of).date(),
        version=stamp.release,
        note="; ".join(f"{what}: {value}" for what, value in stamp.items()),
    )


def _imagery(bundle: Bundle) -> list[Citation]:
    table = bundle.table(OBSERVATIONS.name)
    if table is None:
        return []
    looks = table.frame[~table.frame["site_id"].isin(bundle.stamp.simulated)]
    if looks.empty:
        return []
    sensors = sorted({str(sensor) for sensor in looks["sensor"]})
    days = sorted(str(moment)[:10] for moment in looks["datetime"])
    years = {int(day[:4]) for day in days}
    return [
        Citation(
            id="copernicus-sentinel",
            title=f"Copernicus Sentinel data ({', '.join(sensors)}), {days[0]} to {days[-1]}",
            publisher="European Union, Copernicus; processed by ESA",
            issued=dt.date.fromisoformat(days[-1]),
            url=SENTINEL2_URL if any(sensor.startswith("sentinel-2") for sensor in sensors) else None,
            note=f"{imagery_attribution(sensors, years)}; product ids: in the archive and in evidence bags",
        )
    ]


def _sources(bundle: Bundle) -> list[Citation]:
    told: dict[tuple[str, str | None], list[str]] = {}
    for site in bundle.sites:
        if site.source:
            told.setdefault((site.source, site.source_url), []).append(f"location of {site.name}")
        for boundary in site.boundaries:
            if boundary.source:
                told.setdefault((boundary.source, None), []).append(
                    f"boundary version {boundary.boundary_id}"
                )
        for point in site.points:
            if point.source:
                told.setdefault((point.source, point.source_url), []).append(f"published point {point.id}")
    return [
        Citation(
            id=f"source-{number}",
            title=source,
            publisher="",
            issued=None,
            url=url,
            note=f"cited for: {', '.join(uses)}",
        )
        for number, ((source, url), uses) in enumerate(told.items(), start=1)
    ]


def _ris(citation: Citation) -> str:
    dataset = citation.issued is not None
    lines = [("TY", "DATA" if dataset else "GEN"), ("ID", citation.id), ("TI", citation.title)]
    if citation.publisher:
        lines.append(("PB", citation.publisher))
    if citation.issued is not None:
        lines += [("PY", f"{citation.issued:%Y}"), ("DA", f"{citation.issued:%Y/%m/%d}")]
    lines += [("ET", citation.version)] if citation.version else []
    lines += [("UR", citation.url)] if citation.url else []
    lines += [("N1", citation.note), ("ER", "")]
    return "".join(f"{tag}  - {' '.join(text.split())}{_RIS_END}" for tag, text in lines) + _RIS_END


def _csl(citation: Citation) -> dict[str, Any]:
    told: dict[str, Any] = {
        "id": citation.id,
        "type": "dataset" if citation.issued is not None else "document",
        "title": citation.title,
        "publisher": citation.publisher,
        "version": citation.version,
        "URL": citation.url,
        "note": citation.note,
    }
    if citation.issued is not None:
        told["issued"] = {"date-parts": [[citation.issued.year, citation.issued.month, citation.issued.day]]}
    return {name: value for name, value in told.items() if value}
