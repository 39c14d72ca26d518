"""Result layers: what a record's columns mean, who may see them, how a layer is keyed and shown.

This module knows no layer. A record class is made with `record`, each of its fields with `column` (or `kept`,
for what stays in the ledger): a field without either is an error at import. A `LayerSpec` stands beside its
record and says how rows are made of it; `campwatch.layers` lists them. Tables, exports, disclosure, the
dictionary, maps, reviews and the memory of runs follow the list.

    @record
    class Pond:
        pond_id: str = column("the pond", "못", shown=Shown.PUBLIC)
        area_ha: Quantity = column("area of open water", "수면 면적", unit="ha", shown=Shown.PUBLIC)

    PONDS = LayerSpec(
        name="ponds", title="Ponds", title_ko="못", record=Pond, subject="{pond_id}", method="ponds/1",
        rows=Rows.PUBLIC,
    )
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import typing
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, dataclass, field
from enum import StrEnum
from types import UnionType
from typing import TYPE_CHECKING, Any, TypedDict, TypeVar, Unpack, dataclass_transform

from evidence.errors import LedgerError
from evidence.quantity import Quantity
from evidence.rows import Row, StoredRow, iso_utc, record_data, record_geometry

if TYPE_CHECKING:
    from evidence.ledger import Ledger

BLACK, ORANGE, SKY, GREEN, YELLOW, BLUE, VERMILION, PURPLE = (
    "#000000", "#E69F00", "#56B4E9", "#009E73", "#F0E442", "#0072B2", "#D55E00", "#CC79A7",
)  # fmt: skip
"""Colours of layers and figures that the colour-blind tell apart (Okabe and Ito 2008)."""
GREY = "#7F7F7F"

GEOMETRY = "geometry"
"""The field that becomes a row's geometry."""
ALL_SCENES, NO_SCENES = "all scenes", "no scenes"
"""What a layer's rows were made from, where no field says it."""
_COLUMN = "column"


class Kind(StrEnum):
    """What a column holds."""

    TEXT = "text"
    INTEGER = "integer"
    REAL = "real"
    BOOLEAN = "boolean"
    QUANTITY = "quantity"
    """Three columns: the value, `_low` and `_high`."""
    LIST = "list"
    """Several texts, joined by spaces."""
    SECTORS = "sectors"
    """By compass sector a figure with its interval, as text: `E 12 (3 to 20); NE 8 (1 to 15)`."""
    OUTLINE = "outline"
    """A second geometry, GeoJSON in the ledger: a table of its own, so that every program draws it."""


class Shown(StrEnum):
    """To whom a column may be shown; one without a rule is for the restricted profile only."""

    PUBLIC = "public"
    BOUNDARY = "with its boundary"
    """Public where the boundary version that it is relative to is public, else withheld."""
    WHOLE = "with the whole site"
    """Public where no zone of the site is restricted: a sum over everything tells of what is not shown."""


class Rows(StrEnum):
    """Which rows of a layer a public file may hold; the default is none."""

    RESTRICTED = "none"
    PUBLIC = "those that name nothing restricted"
    OUTSIDE_RESTRICTED_ZONES = "of these, subjects that never touch a restricted zone"


class ReferenceKind(StrEnum):
    """What somebody gives as the truth that a layer's intervals are checked against."""

    NONE = "none"
    """Nothing can be given for this layer yet."""
    OUTLINES = "outlines"
    """Outlines and absences of piles in images of 1 m or finer."""
    LABELS = "labels"
    """Resolved labels of a stratified random sample."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column, or the three of a quantity."""

    name: str
    kind: Kind
    meaning: str
    meaning_ko: str = ""
    unit: str = ""
    shown: Shown | None = None
    public_decimals: int | None = None
    """Decimals that a public file keeps, the interval rounded outwards; None for all."""
    names: str | None = None
    """What the column names: "zone", "boundary", or a kind of subject of another layer, such as "pile"."""
    names_by: str | None = None
    """The column that says what this one names."""
    judged: bool = False
    """Whether a verdict has to be given again where this changes."""
    title: str = ""
    """Of the table that an `OUTLINE` becomes."""
    title_ko: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Meta:
    """What `column` and `kept` leave in a field: a column without the name and perhaps without the kind."""

    told: Mapping[str, Any]
    kind: Kind | None
    in_tables: bool


class _Told(TypedDict, total=False):
    """What `column` takes beside the meanings: the fields of `Column` of these names."""

    unit: str
    shown: Shown
    public_decimals: int
    names: str
    names_by: str
    judged: bool
    title: str
    title_ko: str


def column(
    meaning: str,
    meaning_ko: str,
    *,
    kind: Kind | None = None,
    default: Any = MISSING,
    **told: Unpack[_Told],
) -> Any:
    """A record's field that is a column of its layer.

    Args:
        meaning: in English.
        meaning_ko: in Korean.
        kind: where the field's type does not say it.
        default: of the field; none where missing.
        told: what else `Column` says of it; without `shown` it is kept out of public files.
    """
    known = {"meaning": meaning, "meaning_ko": meaning_ko, **told}
    return field(default=default, metadata={_COLUMN: _Meta(told=known, kind=kind, in_tables=True)})


def same_column(kind: type, name: str) -> Any:
    """A record's field told as another record tells it: the same meaning, unit and rules of showing."""
    (found,) = (f for f in dataclasses.fields(kind) if f.name == name)
    return field(metadata=found.metadata)


def kept(meaning: str, *, default: Any = MISSING, default_factory: Any = MISSING) -> Any:
    """A record's field that the ledger keeps and no table shows; `meaning` says what it is for."""
    meta = {_COLUMN: _Meta(told={"meaning": meaning}, kind=Kind.TEXT, in_tables=False)}
    if default_factory is not MISSING:
        return field(default_factory=default_factory, metadata=meta)
    return field(default=default, metadata=meta)


Class = TypeVar("Class", bound=type)


@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(column, kept))
def record(cls: Class) -> Class:
    """A frozen dataclass whose fields all say what they are.

    Raises:
        TypeError: for a field that was made with neither `column` nor `kept`.
    """
    made: Any = dataclass(frozen=True, slots=True, kw_only=True)(cls)
    bare = [f.name for f in dataclasses.fields(made) if _COLUMN not in f.metadata and f.name != GEOMETRY]
    if bare:
        raise TypeError(f"{cls.__name__}: {', '.join(bare)}: a record's field is a column(...) or kept(...)")
    return typing.cast("Class", made)


def _text(name: str, meaning: str, meaning_ko: str) -> Column:
    return Column(name=name, kind=Kind.TEXT, meaning=meaning, meaning_ko=meaning_ko, shown=Shown.PUBLIC)


COMMON_COLUMNS = (
    _text(
        "row_id", "digest of everything the row says; the same finding has the same id",
        "행 내용 전체의 해시값; 같은 결과는 같은 id를 갖는다",
    ),
    _text("site_id", "the site", "대상지"),
    _text("method", "name and version of the method", "방법의 이름과 버전"),
    _text("params_hash", "SHA-256 of the method's parameters", "방법 매개변수의 SHA-256"),
    _text(
        "inputs_hash", "SHA-256 over site file, zones, boundary version and every scene used",
        "대상지 파일, 구역, 경계 판본, 사용한 모든 영상에 대한 SHA-256",
    ),
    _text("run_id", "the run that appended the row", "이 행을 추가한 실행"),
    _text("as_of", "when it was appended, UTC", "추가된 시각(UTC)"),
    Column(
        name="level", kind=Kind.REAL, meaning="probability that an interval is meant to cover the truth",
        meaning_ko="구간이 참값을 포함하도록 의도된 확률", shown=Shown.PUBLIC,
    ),
    _text(
        "validated_on", "what the interval was checked against: simulation, painted or site_reference",
        "구간을 무엇으로 검증했는지(모의, 합성 또는 현장 기준자료)",
    ),
    _text(
        "validation", "the same in words, for this site: what references stand behind the interval",
        "같은 내용을 이 대상지에 대해 문장으로: 구간을 뒷받침하는 기준자료",
    ),
    _text("reason", "why there is no value, where there is none", "값이 없을 때 그 이유"),
)  # fmt: skip
"""What every layer has beside its own columns."""
COMMON_NAMES = frozenset(column.name for column in COMMON_COLUMNS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """Outline and filling of one layer on every map."""

    line: str
    """#RRGGBB."""
    width_mm: float = 0.5
    fill_opacity: float = 0.0
    dashed: bool = False
    height: int = 0
    """The larger, the nearer to the top of the map."""
    shown_at_first: bool = False
    """Whether a program that opens the file draws it before it is asked to."""

    def rgb(self) -> tuple[int, int, int]:
        """The line's colour, 0 to 255."""
        return int(self.line[1:3], 16), int(self.line[3:5], 16), int(self.line[5:7], 16)


PLAIN_STYLE = Style(line="#7F7F7F", width_mm=0.4)
"""Of a layer with geometry that has no style of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Printed:
    """What of a layer a document prints, one table for each site."""

    caption: str
    caption_ko: str
    columns: tuple[tuple[str, str, str], ...]
    """(column, head, head in Korean)."""
    note: str = ""
    note_ko: str = ""
    sorted_by: tuple[str, ...] = ()
    """Columns; in the order of the ledger where empty."""
    newest_by: str | None = None
    """Only the newest assessable row of each value of this column and each year."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """One table of results, as it is shown."""

    name: str
    title: str
    title_ko: str
    columns: tuple[Column, ...] = ()
    has_geometry: bool = False
    label: str = "{row_id}"
    """A short name of one row, made of its columns."""
    span: tuple[str, str | None] | None = None
    """Columns of the first day and of the first day after, for time sliders."""
    moment: str | None = None
    """The column of the one time, for time sliders."""
    age: str | None = None
    """The column whose date governs a public delay; None where rows have no age."""
    style: Style = PLAIN_STYLE
    printed: Printed | None = None

    @property
    def quantities(self) -> tuple[Column, ...]:
        """The columns with intervals."""
        return tuple(column for column in self.columns if column.kind is Kind.QUANTITY)

    @property
    def table_columns(self) -> tuple[Column, ...]:
        """The columns that a table holds; outlines are tables of their own."""
        return tuple(column for column in self.columns if column.kind is not Kind.OUTLINE)

    def column(self, name: str) -> Column | None:
        """One of its own columns."""
        return next((column for column in self.columns if column.name == name), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerSpec(Layer):
    """A result layer: its record, how rows are made of it, who may see them, and how they are shown."""

    record: type
    method: str
    """Name and version of the method that its rows carry."""
    subject: str
    """What a row is about, within layer and site, of the record's fields: "{zone_id}"."""
    absent: str = ""
    """What stands for a field of the subject that is None."""
    time: tuple[str, ...] = ()
    """Fields with the instant, or first day and first day after; none where the subject alone tells a row."""
    scenes: str = ALL_SCENES
    """The field with the scenes that a row was made from, or `ALL_SCENES` or `NO_SCENES`."""
    from_imagery: bool = True
    """Whether whoever made the imagery is to be named."""
    measured: bool = False
    """Whether the measurement of a site describes it completely."""
    references: ReferenceKind | None = None
    """What its intervals can be checked against; None for a layer without intervals."""
    rows: Rows = Rows.RESTRICTED
    finding: str | None = None
    """The column by which one of its findings is named."""
    on_map: bool = True
    """Whether the site's page tells it."""
    reviewed_as: str | None = None
    """What reviewers call one of its subjects; None for a layer that nobody judges."""
    derived: Callable[[Ledger, str | None, str | None], list[StoredRow]] | None = None
    """Gives its rows as of a run (now where None), of one site (all where None), where they are not kept as
    rows of the ledger."""
    added: tuple[Column, ...] = ()
    """Columns that are no field of the record: what other rows say of this one when files are written."""

    def __post_init__(self) -> None:
        """Derive the columns of the record.

        Raises:
            TypeError: where the record has a field without metadata, or the spec names a field that it lacks.
        """
        columns = (*_columns_of(self.record), *self.added)
        object.__setattr__(self, "columns", columns)
        names = {f.name for f in dataclasses.fields(self.record)}
        object.__setattr__(self, "has_geometry", GEOMETRY in names)
        told = [*self.time, *filter(None, (self.age, self.finding, self.moment, *(self.span or ())))]
        told += [name for name, *_ in self.printed.columns] if self.printed else []
        told += [] if self.scenes in (ALL_SCENES, NO_SCENES) else [self.scenes]
        unknown = set(told) - names - {column.name for column in columns}
        if unknown:
            raise TypeError(f"{self.name}: no field {', '.join(sorted(unknown))} in {self.record.__name__}")

    @property
    def outlines(self) -> tuple[Layer, ...]:
        """The tables of its second geometries."""
        return tuple(_outline_layer(self, column) for column in self.columns if column.kind is Kind.OUTLINE)

    @property
    def judged(self) -> tuple[Column, ...]:
        """The columns that a verdict rests on."""
        return tuple(column for column in self.columns if column.judged)

    def subject_of(self, record: Any) -> str:
        """What a record is about, within layer and site."""
        names = (f.name for f in dataclasses.fields(record))
        told = {name: self.absent if (value := getattr(record, name)) is None else value for name in names}
        return self.subject.format_map(told)

    def time_of(self, record: Any) -> str:
        """The instant or the interval of a record; "" where the subject alone tells it."""
        return "/".join(_iso(getattr(record, name)) for name in self.time)

    def scenes_of(self, record: Any) -> Iterable[str] | None:
        """The scenes that a record was made from; None for all."""
        if self.scenes == ALL_SCENES:
            return None
        if self.scenes == NO_SCENES:
            return ()
        named = getattr(record, self.scenes)
        return (named,) if isinstance(named, str) else tuple(named)

    def row(
        self,
        record: Any,
        *,
        site_id: str,
        params_hash: str = "",
        inputs_hash: str = "",
        method: str | None = None,
        validated_on: str | None = None,
    ) -> Row:
        """The ledger row of one record."""
        return Row(
            layer=self.name,
            site_id=site_id,
            subject=self.subject_of(record),
            time=self.time_of(record),
            method=method or self.method,
            params_hash=params_hash,
            inputs_hash=inputs_hash,
            data=record_data(record) | ({"validated_on": validated_on} if validated_on else {}),
            geometry=record_geometry(record),
        )


def _iso(value: Any) -> str:
    if isinstance(value, dt.datetime):
        return iso_utc(value)
    return value.isoformat() if isinstance(value, dt.date) else str(value)


_KINDS: Mapping[Any, Kind] = {
    str: Kind.TEXT,
    dt.date: Kind.TEXT,
    dt.datetime: Kind.TEXT,
    int: Kind.INTEGER,
    float: Kind.REAL,
    bool: Kind.BOOLEAN,
    Quantity: Kind.QUANTITY,
}


def _columns_of(record: type) -> tuple[Column, ...]:
    hints = typing.get_type_hints(record)
    columns = []
    for f in dataclasses.fields(typing.cast("Any", record)):
        if f.name == GEOMETRY:
            continue
        meta = f.metadata.get(_COLUMN)
        if meta is None:
            raise TypeError(f"{record.__name__}.{f.name}: a record's field is a column(...) or kept(...)")
        if meta.in_tables:
            kind = meta.kind or _kind_of(hints[f.name])
            if kind is None:
                raise TypeError(f"{record.__name__}.{f.name}: of what kind is a {hints[f.name]}?")
            columns.append(Column(name=f.name, kind=kind, **meta.told))
    return tuple(columns)


def _kind_of(hint: Any) -> Kind | None:
    origin = typing.get_origin(hint)
    if origin in (typing.Union, UnionType):
        inner = [arg for arg in typing.get_args(hint) if arg is not type(None)]
        return _kind_of(inner[0]) if len(inner) == 1 else None
    if origin is tuple:
        return Kind.LIST
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return Kind.TEXT
    return _KINDS.get(hint)


def _outline_layer(spec: LayerSpec, outline: Column) -> Layer:
    return Layer(
        name=f"{spec.name}_{outline.name.removesuffix('_geojson')}",
        title=outline.title or outline.meaning,
        title_ko=outline.title_ko or outline.meaning_ko,
        columns=spec.table_columns,
        has_geometry=True,
        label=spec.label,
        span=spec.span,
        moment=spec.moment,
        age=spec.age,
        style=dataclasses.replace(spec.style, dashed=True),
    )


def by_name(specs: Iterable[LayerSpec]) -> dict[str, LayerSpec]:
    """The specs by their names.

    Raises:
        LedgerError: where two have one name.
    """
    found: dict[str, LayerSpec] = {}
    for spec in specs:
        if spec.name in found:
            raise LedgerError(f"two layers are called {spec.name}")
        found[spec.name] = spec
    return found
