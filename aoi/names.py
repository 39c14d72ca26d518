"""Names as people write them: slugs, and keys under which different spellings meet.

A Korean place has a Hangul name in a northern and a southern spelling (로동 and 노동, 룡 and 용), in composed
or decomposed Unicode, and Latin names in McCune-Reischauer with or without its marks (Pukch'ang, Pukchang),
in the Revised Romanisation (Bukchang) and in mixtures. A key keeps what all of them agree on.
"""

from __future__ import annotations

import re
import unicodedata

HANGUL_FIRST, HANGUL_LAST = 0xAC00, 0xD7A3
SYLLABLES_PER_INITIAL, SYLLABLES_PER_VOWEL = 588, 28
INITIALS = ["g", "kk", "n", "d", "tt", "r", "m", "b", "pp", "s", "ss", ""]
INITIALS += ["j", "jj", "ch", "k", "t", "p", "h"]
VOWELS = ["a", "ae", "ya", "yae", "eo", "e", "yeo", "ye", "o", "wa", "wae"]
VOWELS += ["oe", "yo", "u", "wo", "we", "wi", "yu", "eu", "ui", "i"]
FINALS = ["", "k", "k", "k", "n", "n", "n", "t", "l", "k", "m", "l", "l", "l"]
FINALS += ["p", "l", "m", "p", "p", "t", "t", "ng", "t", "t", "k", "t", "p", "t"]
MAX_SLUG = 64

NORTH_INITIAL_R, NO_INITIAL, INITIAL_N = 5, 11, 2
FRONT_VOWELS = frozenset({2, 3, 6, 7, 12, 17, 20})
"""Indices of ya, yae, yeo, ye, yo, yu, i: before them the south drops an initial ㄹ or ㄴ (룡 → 용)."""
APOSTROPHES = re.compile(r"['’‘ʼ`´]")
FOLDS = (
    ("ch", "c"), ("j", "c"), ("g", "k"), ("d", "t"), ("b", "p"), ("ng", "n"), ("l", "n"), ("r", "n"),
    ("kk", "k"), ("tt", "t"), ("pp", "p"), ("ss", "s"), ("cc", "c"),
    ("yeo", "yo"), ("eo", "o"), ("eu", "u"), ("wo", "o"), ("ae", "e"), ("oe", "e"), ("ui", "i"),
    ("nn", "n"), ("mn", "n"), ("kn", "n"), ("sh", "s"),
)  # fmt: skip
"""Letters that one system writes and another does not, in the order in which they are folded."""


def hangul_to_latin(text: str) -> str:
    """Syllable by syllable romanisation (letters of the Revised Romanisation, without sound changes)."""
    return "".join(_syllable(char) for char in unicodedata.normalize("NFC", text))


def _split(char: str) -> tuple[int, int, int] | None:
    code = ord(char) - HANGUL_FIRST
    if not 0 <= code <= HANGUL_LAST - HANGUL_FIRST:
        return None
    return (
        code // SYLLABLES_PER_INITIAL,
        code % SYLLABLES_PER_INITIAL // SYLLABLES_PER_VOWEL,
        code % SYLLABLES_PER_VOWEL,
    )


def _syllable(char: str) -> str:
    jamo = _split(char)
    return char if jamo is None else INITIALS[jamo[0]] + VOWELS[jamo[1]] + FINALS[jamo[2]]


def _southern(char: str) -> str:
    """The syllable as the south spells it at the start of a word (로 → 노, 룡 → 용)."""
    jamo = _split(char)
    if jamo is None or jamo[0] not in {NORTH_INITIAL_R, INITIAL_N}:
        return char
    initial = NO_INITIAL if jamo[1] in FRONT_VOWELS else INITIAL_N
    return chr(HANGUL_FIRST + initial * SYLLABLES_PER_INITIAL + jamo[1] * SYLLABLES_PER_VOWEL + jamo[2])


def _plain(text: str) -> str:
    """Lower-case letters without marks, apostrophes gone."""
    bare = APOSTROPHES.sub("", unicodedata.normalize("NFKD", text).casefold())
    return unicodedata.normalize("NFC", "".join(c for c in bare if not unicodedata.combining(c)))


def slug_from(name: str) -> str:
    """An id made from a name; empty where the name has no letter or digit that can be written in ASCII."""
    return re.sub(r"[^a-z0-9]+", "-", _plain(hangul_to_latin(name))).strip("-")[:MAX_SLUG].strip("-")


def hangul_key(name: str) -> str:
    """The Hangul of a name, every syllable in its southern word-initial spelling; empty without Hangul."""
    return "".join(_southern(char) for char in unicodedata.normalize("NFC", name) if _split(char) is not None)


def latin_key(name: str) -> str:
    """What the romanisations of a name agree on; digits stay."""
    key = re.sub(r"[^a-z0-9]+", "", _plain(hangul_to_latin(name)))
    for spelling, folded in FOLDS:
        key = key.replace(spelling, folded)
    return key


def name_keys(name: str) -> frozenset[str]:
    """The keys under which a name is found."""
    southern = "".join(_southern(char) for char in unicodedata.normalize("NFC", name))
    return frozenset(key for key in (hangul_key(name), latin_key(name), latin_key(southern)) if key)
