"""Text of files as programs wrote it: any Unicode spelling, Korean code pages, XML with small faults."""

from __future__ import annotations

import codecs
import re
from html.entities import html5

from evidence.errors import AoiError

KOREAN = "cp949"
"""Korean Windows' code page; EUC-KR is a part of it."""
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_DECLARED = re.compile(rb"^\s*<\?xml[^>]{0,200}?encoding\s*=\s*[\"']([A-Za-z0-9._:-]{1,40})[\"']")
_HANGUL = re.compile("[\uac00-\ud7a3]")
_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_ILLEGAL_REFERENCE = re.compile(r"&#(?:x0*(?:[0-8bceBCE]|1[0-9a-fA-F])|0*(?:[0-8]|1[124-9]|2\d|3[01]));")
_VERBATIM = re.compile(r"(<!\[CDATA\[.*?\]\]>|<!--.*?-->)", re.DOTALL)
_DECLARATION = re.compile(r"^\s*<\?xml\b.*?\?>", re.DOTALL)
_AMPERSAND = re.compile(r"&(?!#\d+;|#x[0-9a-fA-F]+;)(?:([A-Za-z][A-Za-z0-9]{1,31});)?")
_TAG = re.compile(r"<[^<>!?]*>")
_PREFIX = re.compile(r"(?:</?|\s)([A-Za-z_][\w.-]*):[A-Za-z_]")
_NAMESPACE = re.compile(r"\sxmlns:([A-Za-z_][\w.-]*)\s*=")
_ROOT = re.compile(r"<([A-Za-z_][\w.:-]*)")
_PLAIN_ENTITIES = frozenset({"amp", "lt", "gt", "quot", "apos"})


def decoded(data: bytes, notices: list[str], *, encoding: str | None = None) -> str:
    """The text in some bytes.

    Its byte order mark, what the user says, what an XML declaration says, UTF-8 and the Korean code page are
    tried in this order; what was not declared is told.

    Raises:
        AoiError: where none of them fits.
    """
    for mark, name in _MARKS:
        if data.startswith(mark):
            return _strict(data[len(mark) :], name)
    if encoding is not None:
        return _strict(data, encoding)
    match = _DECLARED.match(data)
    declared = match[1].decode("ascii").lower() if match else "utf-8"
    if declared.replace("_", "-") in {"euc-kr", "ks-c-5601-1987", "ksc5601", "uhc", "windows-949"}:
        declared = KOREAN
    if data[:4].count(0) >= 2:  # noqa: PLR2004 - "<" or "{" in two or four bytes, without a mark
        declared = "utf-32" if data[:4].count(0) > 2 else "utf-16-le" if data[1] == 0 else "utf-16-be"  # noqa: PLR2004
    try:
        return _strict(data, declared)
    except AoiError:
        korean = _korean(data)
        if korean is None:
            raise
        notices.append(
            f"the text is not {declared.upper()}; read as CP949 (Korean). --encoding says otherwise"
        )
        return korean


def _strict(data: bytes, name: str) -> str:
    try:
        return data.decode(name)
    except LookupError as error:
        raise AoiError(f"encoding {name!r} is not known; give another with --encoding") from error
    except UnicodeError as error:
        raise AoiError(
            f"the text is not {name.upper()}; say which encoding it has with --encoding"
        ) from error


def _korean(data: bytes) -> str | None:
    try:
        text = data.decode(KOREAN)
    except UnicodeError:
        return None
    return text if _HANGUL.search(text) else None


def stated_page(name: str, values: list[bytes]) -> str | None:
    """The codec of a code page that a file names in words, if its texts are written in it; else None.

    A Western page fits any bytes: where all texts that are not ASCII are UTF-8, or Hangul in the Korean page,
    they are taken for that, since Western text practically never is.
    """
    plain = re.sub(r"^(?:ansi|oem|windows|ms|cp)?[\s_-]*(\d{3,5})$", r"cp\1", name.lower().strip())
    plain = re.sub(r"^(?:iso)?[\s_-]*8859[\s_-]*(\d{1,2})$", r"iso8859-\1", plain)
    korean = re.fullmatch(r"euc[-_]?kr|ks[-_]?c[-_]?5601(?:-\d{4})?|uhc|cp(?:949|51949)", plain) is not None
    codec = KOREAN if korean else {"cp65001": "utf-8"}.get(plain, plain)
    try:
        western = len(bytes(range(0xA0, 0x100)).decode(codec)) == 0x60  # noqa: PLR2004 - each byte a letter
    except (LookupError, UnicodeError):
        western = False
    marked = [value for value in values if not value.isascii()]
    if (
        western
        and marked
        and (all(_fits(value, "utf-8") for value in marked) or all(_korean(value) for value in marked))
    ):
        return None
    try:
        return codec if all(_fits(value, codec) for value in values) else None
    except LookupError:
        return None


def code_page_of(values: list[bytes]) -> str | None:
    """The code page of short texts that say nothing of it, as in a dBase table; None for plain ASCII.

    Raises:
        AoiError: where neither UTF-8 nor the Korean code page fits.
    """
    if all(value.isascii() for value in values):
        return None
    for name in ("utf-8", KOREAN):
        if all(_fits(value, name) for value in values):
            return name
    raise AoiError("its texts are neither UTF-8 nor CP949; say which encoding they have with --encoding")


def _fits(value: bytes, name: str) -> bool:
    """Whether bytes are text; a field of fixed width may cut the last character."""
    for end in (len(value), len(value) - 1, len(value) - 2):
        try:
            value[: max(end, 0)].decode(name)
        except UnicodeError:
            continue
        return True
    return False


def mended_xml(data: bytes, notices: list[str], *, encoding: str | None = None) -> bytes:
    """An XML document in UTF-8, with what programs write and parsers refuse put right.

    Blank lines before the declaration, characters that XML cannot hold, entities of HTML, bare ampersands and
    prefixes without a declaration are mended, each with a notice but the first.
    """
    text = _DECLARATION.sub("", decoded(data, notices, encoding=encoding), count=1).lstrip("\ufeff \t\r\n")
    clean = _ILLEGAL_REFERENCE.sub("", _ILLEGAL.sub("", text))
    if clean != text:
        notices.append("control characters were dropped")
    pieces = _VERBATIM.split(clean)
    unknown: set[str] = set()
    pieces[::2] = [_AMPERSAND.sub(lambda match: _entity(match, unknown), piece) for piece in pieces[::2]]
    if unknown:
        named = ", ".join(sorted(name or "a bare &" for name in unknown))
        notices.append(f"taken as text, though XML does not know it: {named}")
    missing = sorted(_undeclared(pieces[::2]))
    joined = "".join(pieces)
    if missing:
        notices.append(f"prefixes without a declaration were ignored: {', '.join(missing)}")
        declared = "".join(f' xmlns:{prefix}="urn:undeclared:{prefix}"' for prefix in missing)
        joined = _ROOT.sub(lambda match: match[0] + declared, joined, count=1)
    return joined.encode("utf-8")


def _entity(match: re.Match[str], unknown: set[str]) -> str:
    name = match[1]
    if name in _PLAIN_ENTITIES:
        return match[0]
    unknown.add("" if name is None else f"&{name};")
    if name is not None and f"{name};" in html5:
        return "".join(f"&#{ord(char)};" for char in html5[f"{name};"])
    return f"&amp;{match[0][1:]}"


def _undeclared(pieces: list[str]) -> set[str]:
    used: set[str] = set()
    known = {"xml", "xmlns"}
    for piece in pieces:
        for tag in _TAG.finditer(piece):
            if ":" in tag[0]:
                bare = re.sub(r"\"[^\"]*\"|'[^']*'", '""', tag[0])
                used |= set(_PREFIX.findall(bare))
                known |= set(_NAMESPACE.findall(bare))
    return used - known
