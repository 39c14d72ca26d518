"""The language of what people read: English is written and kept, Korean is read off at the border.

Whatever this program computes, keeps in the ledger or hands to programs is English, and English governs.
Where a text reaches a person (a line of the terminal, a Word table, a figure, a mail) it goes through
`told`, which looks it up in the catalogue `locale/ko/LC_MESSAGES/messages.po` (gettext). The ids of the
catalogue are texts with places, `{0} of {1} findings`: a text is one of them whole, or with something in
its places, which is looked up in turn, except where the Korean says `{0!s}`: names, ids and paths stay as
they are. So a reason that was written into the ledger years ago reads in Korean too. What is not in the
catalogue stays English. `python -m benchmarks.korean` collects the ids from the source, and a test holds
that none is missing.
"""

from __future__ import annotations

import gettext
import hashlib
import json
import locale
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

ENGLISH, KOREAN = "en", "ko"
LANGUAGES = (ENGLISH, KOREAN)
CATALOGUE = Path(__file__).parent / "locale" / KOREAN / "LC_MESSAGES" / "messages.po"
"""What translators edit; `messages.mo` beside it is made of it and is what is read."""
DRAFT = "DRAFT: nobody has signed the Korean words of this version; the English text governs"
GOVERNS = "the Korean words are signed by {signer}; the English text governs"

_spoken: ContextVar[str] = ContextVar("language", default=ENGLISH)
_LATIN = re.compile(r"[A-Za-z]{2}")
_LATIN_WORD = re.compile(r"[A-Za-z]{2,}")
_PLACE = re.compile(r"\{(\w+)\}")
_KOREAN_PLACE = re.compile(r"\{(\w+)(!s)?\}")
"""With `!s` what stands in it is a name, and is not looked up."""


def system_language(environ: Mapping[str, str]) -> str:
    """Korean where the system speaks it, else English: gettext's variables, then what Windows says.

    Args:
        environ: the environment.
    """
    for name in ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"):
        if environ.get(name):
            return KOREAN if environ[name].lower().startswith(KOREAN) else ENGLISH
    if sys.platform == "win32":
        return KOREAN if (locale.getlocale()[0] or "").lower().startswith(KOREAN) else ENGLISH
    return ENGLISH


def spoken() -> str:
    """The language that people are spoken to in now."""
    return _spoken.get()


def speak(language: str) -> None:
    """From now on speak this language."""
    _spoken.set(language)


@contextmanager
def speaking(language: str) -> Iterator[None]:
    """Speak this language for a while."""
    before = _spoken.set(language)
    try:
        yield
    finally:
        _spoken.reset(before)


def told(text: str, language: str | None = None) -> str:
    """The text as people read it: in `language`, or in the one that is spoken now."""
    if (language or spoken()) == ENGLISH or not _LATIN.search(text):
        return text
    return _korean(text)


def korean(text: str) -> str:
    """The text in Korean, whatever is spoken: for pages that hold both languages."""
    return told(text, KOREAN)


def told_with(text: str, language: str | None = None, /, **places: object) -> str:
    """A text with named places, filled: `told_with("net {text}", "ko", text="…")`."""
    here = language or spoken()
    if here == ENGLISH:
        return text.format(**places)
    read = told(text, here)
    kept = {name for name, as_it_is in _KOREAN_PLACE.findall(read) if as_it_is}
    filled = {
        name: _korean(what) if isinstance(what, str) and name not in kept else what
        for name, what in places.items()
    }
    return with_particles(read.format(**filled))


def korean_digest() -> str:
    """SHA-256 of every Korean text with its English, which a signature names."""
    pairs = sorted(_catalogue().pairs().items())
    return hashlib.sha256(json.dumps(pairs, ensure_ascii=False).encode()).hexdigest()


class _Catalogue(gettext.GNUTranslations):
    """The compiled catalogue, with its ids."""

    _catalog: dict[str, str]

    def pairs(self) -> dict[str, str]:
        """Korean by English; the header is left out."""
        return {english: korean for english, korean in self._catalog.items() if english and korean}


@cache
def _catalogue() -> _Catalogue:
    with CATALOGUE.with_suffix(".mo").open("rb") as file:
        return _Catalogue(file)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Template:
    """An id with places, and what it is in Korean."""

    pattern: re.Pattern[str]
    anchor: str
    """The longest piece without a place: what does not hold it is not this."""
    korean: str
    letters: int
    """Outside the places: of two that match, the one with more is meant."""
    narrow: bool
    """Whether it says so little that each place holds one word, with a digit in it."""

    def places(self, text: str) -> dict[str, str] | None:
        """What stands in its places; None where the text is not it."""
        match = self.pattern.fullmatch(text) if self.anchor in text else None
        if match is None:
            return None
        given = {name[2:]: value or "" for name, value in match.groupdict().items()}
        if self.narrow and not all(_DIGIT.search(value) for value in given.values()):
            return None
        return given


@cache
def _whole_texts() -> dict[str, str]:
    return {" ".join(english.split()): korean for english, korean in _catalogue().pairs().items()}


@cache
def _templates() -> tuple[_Template, ...]:
    made = [
        _template(english, korean) for english, korean in _whole_texts().items() if _PLACE.search(english)
    ]
    return tuple(sorted(made, key=lambda one: -one.letters))


def _template(english: str, korean: str) -> _Template:
    pieces = _PLACE.split(english)
    fixed, names = pieces[::2], pieces[1::2]
    letters = sum(character.isalpha() for piece in fixed for character in piece)
    says_something = set(_WORD.findall(" ".join(fixed).lower())) - _LITTLE_WORDS
    anything = ".*?" if says_something else _ONE_WORD
    parts = [re.escape(fixed[0])]
    seen: set[str] = set()
    for number, (name, piece) in enumerate(zip(names, fixed[1:], strict=True)):
        followed_at_once = not piece and number + 1 < len(names)
        held = ".*" if followed_at_once else anything
        parts.append(f"(?P=p_{name})" if name in seen else f"(?P<p_{name}>{held})")
        parts.append(re.escape(piece))
        seen.add(name)
    return _Template(
        pattern=re.compile("".join(parts), re.DOTALL),
        anchor=max((piece.strip() for piece in fixed), key=len),
        korean=korean,
        letters=letters,
        narrow=not says_something,
    )


_WORD = re.compile(r"[a-z]{2,}")
_LITTLE_WORDS = frozenset(
    {"to", "of", "at", "and", "by", "in", "on", "from", "since", "or", "for", "is", "was", "has", "the", "ha"}
)
"""A template of these alone, as `{0} to {1}`, is narrow, lest it match any sentence."""
_DIGIT = re.compile(r"\d")
_ONE_WORD = r"(?:[^A-Za-z,;]|,(?! ))*?(?:[A-Za-z][\w.:/-]*)?(?:[^A-Za-z,;]|,(?! ))*?"
_SEPARATORS = ("\n", " · ", ". ", "; ", ": ", ", ", " [", " (", " | ")
"""Between parts that are texts of their own."""
_OPENING = (" (", " [")
"""Separators whose second half belongs to the part after them."""
_BRACKETS = re.compile(r"([\[(])(.*)([\])][.;]?)", re.DOTALL)
_SPLIT_COST, _OPEN_COST = 0.5, 10.0
_LONGEST_NAME = 4
"""Words; what has more is a sentence."""


def _korean(text: str) -> str:
    return _read(text)[1]


@lru_cache(maxsize=50_000)
def _read(text: str) -> tuple[int, str]:
    """How many English words are left that are no names, and the text."""
    bare = text.strip()
    if not _LATIN.search(bare):
        return 0, text
    whole = _whole_texts().get(" ".join(bare.split()))
    left, *_, found = (_english_words(whole), whole) if whole is not None else min(_readings(bare))
    return left, f"{text[: len(text) - len(text.lstrip())]}{found}{text[len(text.rstrip()) :]}"


def _readings(text: str) -> Iterator[tuple[int, float, int, str]]:
    """Every way to read a text, the best the least: by English words left, what places swallow, letters."""
    yield _english_words(text), 0.0, 0, text
    flat = " ".join(text.split())
    for template in _templates():
        if (given := template.places(flat)) is not None:
            left, read = _filled(template.korean, given)
            yield left, _swallowed(given.values()), -template.letters, with_particles(read)
    if inside := _BRACKETS.fullmatch(text):
        left, read = _read(inside[2])
        yield left, 0.0, 0, f"{inside[1]}{read}{inside[3]}"
    if text.endswith("."):
        left, read = _read(text[:-1])
        yield left, _SPLIT_COST, 0, f"{read}."
    for separator in _SEPARATORS:
        before, found, after = (text.rpartition if separator in _OPENING else text.partition)(separator)
        if found:
            ends = "." if separator == ". " else ""
            begins = separator[1] if separator in _OPENING else ""
            between = " " if ends or begins else separator
            first, second = _read(before + ends), _read(begins + after)
            yield first[0] + second[0], _SPLIT_COST, 0, f"{first[1]}{between}{second[1]}"


def _swallowed(values: Iterable[str]) -> float:
    """How little a reading can be meant: separators in its places, and brackets that do not close there."""
    return sum(
        sum(separator in value for separator in _SEPARATORS)
        + _OPEN_COST * (value.count("(") != value.count(")"))
        for value in values
    )


def _filled(korean: str, places: Mapping[str, str]) -> tuple[int, str]:
    """English words left that are no names, and the Korean text with what stands in its places."""
    left = _english_words(_KOREAN_PLACE.sub(" ", korean))
    parts, end = [], 0
    for place in _KOREAN_PLACE.finditer(korean):
        value = places.get(place[1], place[0])
        words, read = (_words_of_name(value), value) if place[2] or place[1] not in places else _read(value)
        left += words
        parts += [korean[end : place.start()], read]
        end = place.end()
    return left, "".join((*parts, korean[end:]))


def _words_of_name(text: str) -> int:
    """None of what may be a name; of what is a sentence, all."""
    words = _english_words(text)
    is_sentence = words > _LONGEST_NAME or any(separator in text for separator in _SEPARATORS)
    return words if is_sentence and " " in text else 0


def _english_words(text: str) -> int:
    return len(_LATIN_WORD.findall(text))


_PARTICLE = re.compile(r"(\S)([\"'’”)\]]*)(을\(를\)|은\(는\)|이\(가\)|과\(와\)|\(으\)로|\(이\))")
_FORMS = {
    "을(를)": ("을", "를"),
    "은(는)": ("은", "는"),
    "이(가)": ("이", "가"),
    "과(와)": ("과", "와"),
    "(으)로": ("으로", "로"),
    "(이)": ("이", ""),
}
"""After a consonant, after a vowel."""
_DIGITS_OPEN, _DIGITS_L = "2459", "178"
"""Digits that are read with a vowel at their end (이 사 오 구), and with ㄹ (일 칠 팔)."""
_FIRST_SYLLABLE, _LAST_SYLLABLE, _FINALS, _FINAL_L = 0xAC00, 0xD7A3, 28, 8


def with_particles(text: str) -> str:
    """The text with the form of each particle that what stands before it asks for.

    `3을(를)` is read 삼을, `2을(를)` 이를, `저탄장(으)로` 저탄장으로. After Latin letters both forms stay.
    """
    return _PARTICLE.sub(_particle, text)


def _particle(match: re.Match[str]) -> str:
    before, closing, particle = match.groups()
    after_consonant, after_vowel = _FORMS[particle]
    code = ord(before)
    if _FIRST_SYLLABLE <= code <= _LAST_SYLLABLE:
        final = (code - _FIRST_SYLLABLE) % _FINALS
        closed, flowing = final > 0, final == _FINAL_L
    elif before.isdigit():
        closed, flowing = before not in _DIGITS_OPEN, before in _DIGITS_L
    elif before == "%":
        closed, flowing = False, False
    else:
        return match[0]
    chosen = after_consonant if closed and not (flowing and particle == "(으)로") else after_vowel
    return f"{before}{closing}{chosen}"
