"""Settings: `campwatch.toml`, overridden by `CAMPWATCH_…` in the environment. Unknown keys are errors."""

from __future__ import annotations

import datetime as dt
import difflib
import re
import stat
import sys
import tomllib
import urllib.parse
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from aoi.records import Sensitivity, Site
from evidence.errors import SettingsError

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

FILE_NAME = "campwatch.toml"
SECRET_WORDS = (
    "password",
    "secret",
    "token",
    "api_key",
    "access_key",
    "secret_key",
    "subscription_key",
    "webhook",
    "heartbeat",
    "heartbeat_failed",
)
"""Ends of the names of settings whose values nobody else may know."""


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SourceSettings(_Table):
    """One provider; the first in the file that has a product wins, the next fills its gaps."""

    kind: Literal["stac", "sentinelhub", "cdse"]
    url: str | None = None
    """API root, or the path of a static catalog.json (relative to the workspace)."""
    collections: tuple[str, ...] = ()


class SentinelHubSettings(_Table):
    """How to reach Sentinel Hub; credentials come from the environment or the profile, never from here."""

    profile: str = "default"
    base_url: str | None = None
    token_url: str | None = None
    max_processing_units_per_month: float = Field(default=8000, gt=0)


class CdseSettings(_Table):
    """Copernicus Data Space without processing units: a user's own S3 keys, or else an account."""

    access_key: SecretStr | None = None
    secret_key: SecretStr | None = None
    """Of the object store, from the environment (CAMPWATCH_CDSE__ACCESS_KEY, …__SECRET_KEY)."""
    username: SecretStr | None = None
    password: SecretStr | None = None
    """Of the account, for downloads of whole files where there are no keys."""
    secrets: str | None = None
    """A folder with files of these four names (seen from the workspace), as service managers hand over."""
    stac_url: str | None = None
    s3_url: str | None = None
    token_url: str | None = None
    download_url: str | None = None

    def secret(self, name: str, folder: Path) -> SecretStr | None:
        """One of the four, from the settings or from its file below `folder`.

        Raises:
            SettingsError: where a named folder cannot be read.
        """
        stated: SecretStr | None = getattr(self, name)
        if stated is not None or self.secrets is None:
            return stated
        path = folder / self.secrets / name
        try:
            return SecretStr(path.read_text("utf-8").strip()) if path.exists() else None
        except (OSError, UnicodeDecodeError) as err:
            raise SettingsError(f"{path} cannot be read: {err}") from err


class MonitorSettings(_Table):
    """What to look for."""

    since: dt.date = dt.date(2015, 6, 23)
    max_cloud_cover: float = Field(default=100, ge=0, le=100)


class LimitSettings(_Table):
    """What a run may use."""

    memory_gb: float = Field(default=2, gt=0)
    disk_gb: float = Field(default=50, gt=0)
    minutes: float | None = Field(default=None, gt=0)


class PrivacySettings(_Table):
    """What providers learn: a box snapped outward to 0.1°, or only a tile id."""

    mode: Literal["box", "tile"] = "box"


class MapSettings(_Table):
    """Maps and exports of this workspace."""

    restricted: bool | None = None
    """Whether they show what is restricted, and say so; None: only where no site is public."""
    coordinate_decimals: int | None = Field(default=None, ge=0, le=7)
    """Of public maps: vertices are rounded to this many decimals of a degree."""
    delay_days: int = Field(default=0, ge=0)
    """Of public maps: nothing younger than this is shown."""
    time_zone: str = "Asia/Pyongyang"
    """Of the local dates beside UTC."""


class MeasureSettings(_Table):
    """Parameters of the methods, by method; names and meanings are in docs/."""

    stockpile: dict[str, Any] = Field(default_factory=dict)
    ground: dict[str, Any] = Field(default_factory=dict)


class EmailSettings(_Table):
    """An SMTP server; the password comes from the environment (CAMPWATCH_ALERTS__EMAIL__PASSWORD)."""

    host: str
    port: int = Field(default=587, ge=1, le=65535)
    security: Literal["starttls", "tls", "none"] = "starttls"
    sender: str
    recipients: tuple[str, ...] = Field(min_length=1)
    username: str | None = None
    password: SecretStr | None = None
    timeout_s: float = Field(default=30, gt=0)


class AlertSettings(_Table):
    """What is worth an alert, and where it goes."""

    min_disturbance_ha: float = Field(default=0.5, gt=0)
    """Lower end of the interval of a persistent disturbance."""
    outside_boundary: bool = True
    min_outside_ha: float = Field(default=0.5, gt=0)
    """Lower end of the interval of what lies outside."""
    min_opened_ha: float = Field(default=0.5, gt=0)
    """Lower end of what opened in all events of the last `opened_days`, and of the growth of one."""
    opened_days: float = Field(default=90, gt=0)
    stockpile_change: bool = True
    min_stockpile_ha: float = Field(default=0.25, gt=0)
    stockpile_days: float = Field(default=60, gt=0)
    """The newest smoothed value is compared with the one at least so long before."""
    stockpile_sigmas: float = Field(default=4.0, gt=0)
    """By how many standard deviations of the difference it must have changed."""
    no_look_days: int = Field(default=60, gt=0)
    source_failing: bool = True
    file: bool = True
    """Write alerts.jsonl."""
    atom: bool = False
    """Write alerts.atom."""
    email: EmailSettings | None = None
    webhook: SecretStr | None = None
    """Address to which new alerts are posted as JSON: references and rules, no site, no place, no figure."""


class HealthSettings(_Table):
    """When somebody must look at a watch that runs unattended, and who is told that it runs."""

    run_days: float = Field(default=2, gt=0)
    """A site without a good run for longer is told."""
    search_days: float = Field(default=3, gt=0)
    """A site whose sources were not all searched for longer is told."""
    run_hours: float = Field(default=12, gt=0)
    """A run that takes longer is told."""
    tell_again_days: float = Field(default=7, gt=0)
    """What is told already, and still so, is told again after so long."""
    heartbeat: SecretStr | None = None
    """Address that is asked after every complete run: who waits in vain learns that none ended well."""
    heartbeat_failed: SecretStr | None = None
    """Address that is asked after every other run."""


class BackupSettings(_Table):
    """Who can open a backup, and how many are kept."""

    recipients: tuple[str, ...] = ()
    """age public keys; with none backups are not encrypted."""
    keep: int | None = Field(default=None, ge=1)
    """The newest so many stay in their folder; None keeps all."""
    keep_monthly: int = Field(default=12, ge=0)
    """Of older ones, the newest of each of so many months."""


class AnchorSettings(_Table):
    """Who time-stamps custody heads (RFC 3161)."""

    url: str | None = None
    """Of the time-stamping service."""
    certificate: str | None = None
    """PEM file of its root certificate, from the workspace's folder."""


class Settings(BaseSettings):
    """Everything that a workspace can be told."""

    model_config = SettingsConfigDict(
        extra="forbid", frozen=True, env_prefix="CAMPWATCH_", env_nested_delimiter="__"
    )

    source: tuple[SourceSettings, ...] = ()
    sentinelhub: SentinelHubSettings = SentinelHubSettings()
    cdse: CdseSettings = CdseSettings()
    monitor: MonitorSettings = MonitorSettings()
    limits: LimitSettings = LimitSettings()
    privacy: PrivacySettings = PrivacySettings()
    measure: MeasureSettings = MeasureSettings()
    map: MapSettings = MapSettings()
    alerts: AlertSettings = AlertSettings()
    health: HealthSettings = HealthSettings()
    anchor: AnchorSettings = AnchorSettings()
    backup: BackupSettings = BackupSettings()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - pydantic-settings names it
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - pydantic-settings names it
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - pydantic-settings names it
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Environment first, then the file (passed as keywords)."""
        return env_settings, init_settings


def read_settings(path: Path) -> Settings:
    """Read and validate a settings file.

    Raises:
        SettingsError: where it is missing, not TOML, or says something that is not known.
    """
    try:
        values = tomllib.loads(path.read_text("utf-8-sig"))
    except OSError as err:
        raise SettingsError(f"no settings at {path}: {err.strerror}") from err
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as err:
        raise SettingsError(f"{path} is not TOML: {err}") from err
    try:
        return Settings(**values)
    except ValidationError as err:
        raise SettingsError(f"{path}: " + "; ".join(_problems(err))) from err


def exposed_secrets(path: Path) -> list[str]:
    """Secrets in a settings file that other accounts of the machine can read, each with how to mend it.

    Args:
        path: campwatch.toml, or another file of settings that holds some.
    """
    try:
        values, mode = tomllib.loads(path.read_text("utf-8-sig")), path.stat().st_mode
    except (OSError, ValueError):
        return []
    if sys.platform == "win32" or not mode & (stat.S_IRWXG | stat.S_IRWXO):
        return []
    return [
        f"{path.name} holds a secret ({place}) and others on this machine can read it: chmod 600 {path}, or "
        f"leave it out and set {_variable(place)} in the environment"
        for place in _secrets(values)
    ]


def _secrets(value: Any, place: str = "") -> Iterator[str]:
    """Where a document of settings holds what nobody else may know."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _secrets(inner, f"{place}.{key}" if place else str(key))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _secrets(inner, f"{place}.{number}")
    elif isinstance(value, str) and value:
        name = place.rpartition(".")[2].lower()
        address = urllib.parse.urlsplit(value) if "://" in value else None
        if name.endswith(SECRET_WORDS) or (address and (address.password or address.query)):
            yield place


def _variable(place: str) -> str:
    if place.startswith(("alerts.", "health.")):
        return f"CAMPWATCH_{place.upper().replace('.', '__')}"
    return "SH_CLIENT_ID and SH_CLIENT_SECRET" if "client" in place else "it"


def _problems(error: ValidationError) -> list[str]:
    """Every fault of a settings file, in the words of the file, the nearest known value named."""
    return [_problem(fault) for fault in error.errors(include_url=False)]


def _problem(fault: ErrorDetails) -> str:
    place = ".".join(str(part) for part in fault["loc"])
    if fault["type"] == "extra_forbidden":
        near = _nearest(str(fault["loc"][-1]), _known_keys(fault["loc"][:-1]))
        return f"{place} is not a setting" + (f"; the nearest is {near}" if near else "")
    value = fault["input"]
    plain = isinstance(value, (bool, int, float, str)) and not place.lower().endswith(SECRET_WORDS)
    return f"{place}{f' = {value!r}' if plain else ''}: {fault_words(fault)}"


_WORDS = {
    "missing": "is needed",
    "int_parsing": "a whole number is needed",
    "int_type": "a whole number is needed",
    "float_parsing": "a number is needed",
    "float_type": "a number is needed",
    "bool_parsing": "true or false is needed",
    "bool_type": "true or false is needed",
    "string_type": "a text in quotes is needed",
    "tuple_type": "a list in brackets is needed",
    "extra_forbidden": "is not known here",
}
"""Kinds of faults, in words of the field."""


def fault_words(fault: ErrorDetails) -> str:
    """What is wrong with one value, without the words of a library; the nearest known value named."""
    if fault["type"].startswith("date"):
        return "a day is needed, as 2019-01-31"
    context = fault.get("ctx", {})
    for name, words in (
        ("gt", "must be more than"),
        ("ge", "must be at least"),
        ("lt", "must be less than"),
        ("le", "must be at most"),
    ):
        if name in context:
            return f"{words} {context[name]:g}"
    if fault["type"] in {"literal_error", "enum"}:
        known = re.findall("'([^']+)'", str(context["expected"]))
        near = _nearest(str(fault["input"]), known)
        return f"one of {', '.join(known)} is needed" + (f"; the nearest is {near}" if near else "")
    if "error" in context:
        return str(context["error"])
    return _WORDS.get(fault["type"]) or fault["msg"].removeprefix("Input should be ")


def _nearest(word: str, known: list[str]) -> str | None:
    return next(iter(difflib.get_close_matches(word, known, n=1, cutoff=0.0)), None)


def _known_keys(place: tuple[int | str, ...]) -> list[str]:
    model: type[BaseModel] = Settings
    for part in place:
        if isinstance(part, int):
            continue
        annotation = model.model_fields[part].annotation
        inner = next(
            (arg for arg in getattr(annotation, "__args__", ()) if isinstance(arg, type)), annotation
        )
        if not (isinstance(inner, type) and issubclass(inner, BaseModel)):
            return []
        model = inner
    return list(model.model_fields)


def shows_restricted(asked: bool | None, settings: MapSettings, sites: Iterable[Site]) -> bool:  # noqa: FBT001
    """Whether a product shows what is restricted, and says so in its name and on every view.

    The command line decides, else the settings. Where neither says anything, a product is public as far as
    there is anything public to show; where no site is public it can only be a restricted one.

    Args:
        asked: ``--restricted`` or ``--public``; None where neither was given.
        settings: of the workspace.
        sites: that the product is about.
    """
    if asked is not None:
        return asked
    if settings.restricted is not None:
        return settings.restricted
    return all(site.sensitivity is Sensitivity.RESTRICTED for site in sites)
