# ruff: noqa: E501 - commands are read whole
"""An example for each command, shown by its help and by the manual."""

from __future__ import annotations

from campwatch.language import told

EXAMPLES: dict[str, tuple[str, ...]] = {
    "init": ("campwatch init my-watch", "campwatch init my-watch --site camp-18 --site tukchang"),
    "run": ("campwatch -C my-watch run", "campwatch -C my-watch run --site my-place --since 2019-01-01"),
    "search": ("campwatch -C my-watch search --since 2024-01-01",),
    "export": (
        "campwatch -C my-watch export --format xlsx",
        "campwatch -C my-watch export --format kmz --restricted",
    ),
    "figure": (
        "campwatch -C my-watch figure --site my-place --kind pair --before 2020-08-01 --after 2024-08-01",
    ),
    "pair": ("campwatch pair images/2020-08-01 images/2024-08-01 --out score.tif",),
    "calibrate": ("campwatch -C my-watch calibrate pukchang-power-plant --use-at my-place --actor a1",),
    "question": (
        "campwatch -C my-watch question new stockpile --site my-place --id yard-2024",
        "campwatch -C my-watch question yard-2024 --actor a1",
    ),
    "claims": ("campwatch -C my-watch claims my-place --restricted",),
    "report": (
        "campwatch -C my-watch report my-place --format docx,pdf",
        "campwatch -C my-watch report check my.docx",
    ),
    "verify": ("campwatch -C my-watch verify --deep",),
    "anchor": ("campwatch -C my-watch anchor --print page.html",),
    "migrate": ("campwatch -C my-watch migrate",),
    "backup": (
        "campwatch -C my-watch backup /media/disk",
        "campwatch -C my-watch backup /media/disk --no-pixels",
    ),
    "restore": ("campwatch restore BACKUP my-watch",),
    "serve": ("campwatch -C my-watch serve --review",),
    "redact": ('campwatch -C my-watch redact "a name" --reason "named by mistake" --actor a1',),
    "reproduce": ("campwatch -C my-watch reproduce RUN",),
    "release": (
        "campwatch -C my-watch release 2026-11 --restricted",
        "campwatch -C my-watch release compare 2026-05 2026-11",
    ),
    "status": ("campwatch -C my-watch status --months",),
    "healthcheck": ("campwatch -C my-watch healthcheck --tell",),
    "doctor": ("campwatch -C my-watch doctor", "campwatch -C my-watch doctor --live my-place"),
    "schedule": ("campwatch -C my-watch schedule --systemd",),
    "map": ("campwatch -C my-watch map --site my-place",),
    "demo": ("campwatch demo",),
    "sites list": ("campwatch sites list Deukjang --shipped", "campwatch -C my-watch sites list"),
    "sites show": ("campwatch sites show camp-18 --shipped",),
    "sites add": (
        "campwatch -C my-watch sites add my-place.kmz",
        "campwatch -C my-watch sites add trace.kml --id my-place --date fence=2020-05-01 --accuracy 5",
    ),
    "sites accept": ("campwatch -C my-watch sites accept tukchang",),
    "sites validate": ("campwatch -C my-watch sites validate",),
    "review list": ("campwatch -C my-watch review list --site my-place",),
    "review set": (
        "campwatch -C my-watch review set ID --site my-place --verdict accepted --reason ground_works --reviewer r1",
    ),
    "merge": ("campwatch -C my-watch merge ../other-laptop --actor r1",),
    "review add": (
        "campwatch -C my-watch review add --site my-place --kind absent --label yard --reviewer r1 --image Maxar,ID,2024-08-02,0.5",
    ),
    "review import": ("campwatch -C my-watch review import reviews.json",),
    "review references": ("campwatch -C my-watch review references my-place",),
    "review sample": (
        "campwatch -C my-watch review sample my-place --n 300 --reader r1 --reader r2 --seed 1",
    ),
}
"""By what is typed after `campwatch`."""


def epilog(name: str) -> str:
    """What the help of a command ends with."""
    lines = EXAMPLES.get(name, ())
    return "\n\n".join((told("For example:"), *(f"  {line}" for line in lines))) if lines else ""
