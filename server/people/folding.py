"""Fold names for search: no case, no accents, one form of each letter. No database here."""

import unicodedata
from functools import cache, lru_cache

import icu

#: Counts up with every change of what `fold` or `search_text` return: stored texts are made again.
FOLDING = 2
#: Characters whose folded form is remembered: all that a school writes.
_MOST_CACHED = 4096

# Quotation marks, accents and letters that stand for an apostrophe. They are written in many ways
# and left out as often. Removed before NFKD, which makes a space of some.
_APOSTROPHES: dict[int, int | str | None] = dict.fromkeys(
    map(ord, "'\u2019\u2018\u201b\u02bc\u02bb`\u00b4\u02bf\u02be\u2032\uff07\u05f3\ua78c\u02c8")
)
# Letters that have no decomposition and are typed for each other.
_ALIKE = str.maketrans(
    {
        "\N{ARABIC LETTER TEH MARBUTA}": "\N{ARABIC LETTER HEH}",
        "\N{ARABIC LETTER AE}": "\N{ARABIC LETTER HEH}",
        "\N{ARABIC LETTER HEH GOAL}": "\N{ARABIC LETTER HEH}",
        "\N{ARABIC LETTER HEH DOACHASHMEE}": "\N{ARABIC LETTER HEH}",
        "\N{ARABIC LETTER TEH MARBUTA GOAL}": "\N{ARABIC LETTER HEH}",
        "\N{ARABIC LETTER ALEF MAKSURA}": "\N{ARABIC LETTER YEH}",
        "\N{ARABIC LETTER FARSI YEH}": "\N{ARABIC LETTER YEH}",
        "\N{ARABIC LETTER YEH BARREE}": "\N{ARABIC LETTER YEH}",
        "\N{ARABIC LETTER ALEF WASLA}": "\N{ARABIC LETTER ALEF}",
        "\N{ARABIC LETTER KEHEH}": "\N{ARABIC LETTER KAF}",
        "\N{ARABIC LETTER HAMZA}": None,
        "\N{ARABIC TATWEEL}": None,
        # Latin letters of Azerbaijani; the second is often typed for the first.
        "\N{LATIN SMALL LETTER SCHWA}": "e",
        "\N{LATIN SMALL LETTER TURNED E}": "e",
    }
)
# What some people type in place of a letter that their keyboard lacks, beside the bare letter.
_SPELLED_OUT = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ø": "oe", "å": "aa", "đ": "dj"})
_SCHWA_AS_A = str.maketrans(
    {"\N{LATIN SMALL LETTER SCHWA}": "a", "\N{LATIN SMALL LETTER TURNED E}": "a"}
)
_EAST_ASIAN = frozenset({"Han", "Hangul", "Hiragana", "Katakana"})
# Names in these scripts are often written without a space between them.
_JOINED_SCRIPTS = _EAST_ASIAN | {"Arabic"}
# Signs that are no accent: without them a syllable is another one. Voiced kana, the virama, and the
# vowels of Thai, Lao and Tibetan. Source: Unicode Standard, Canonical_Combining_Class.
_KEPT_MARKS = frozenset({8, 9, 103, 118, 129, 130, 132})


def fold(text: str) -> str:
    """Return a text in the one form in which words are compared.

    Letters lose case and accents (`Łukasz`, `lukasz`), Arabic letters that are typed for each
    other become one, digits become those of ASCII. Apostrophes and characters without a width
    vanish; everything that is neither letter nor digit becomes one space.
    """
    plain = text.casefold().translate(_APOSTROPHES)
    if plain.isascii():  # nothing to decompose
        return " ".join("".join(char if char.isalnum() else " " for char in plain).split())
    plain = plain.translate(_ALIKE)
    latin = _to_ascii().transliterate(unicodedata.normalize("NFKD", plain).translate(_ALIKE))
    return " ".join("".join(map(_folded, latin.casefold())).split())


def search_text(given_name: str, family_name: str, display_name: str, number: str) -> str:
    """Return the words that a search may name a part of, folded, separated by spaces.

    A name of several words is in it joined too (`annemarie`), a name with letters such as ö also
    as it is typed without them (`moeller`), and one without spaces between its names both ways.
    """
    fields = [given_name, family_name, number]
    if display_name != f"{given_name} {family_name}".strip():
        fields.append(display_name)
    if all(_has_script(name, _JOINED_SCRIPTS) for name in (given_name, family_name)):
        fields += [f"{given_name}{family_name}", f"{family_name}{given_name}"]
    words: dict[str, None] = {}
    for text in fields:
        for spelling in _spellings(text):
            folded = fold(spelling)
            words |= dict.fromkeys([*folded.split(), folded.replace(" ", "")])
    return " ".join(word for word in words if word)


def search_words(text: str) -> list[frozenset[str]]:
    """Return for each word of a search the folded spellings of which a search text has one.

    So `Möller` finds a person who is entered as Moeller.
    """
    spellings = [fold(spelling).split() for spelling in _spellings(text)]
    return [frozenset(word) for word in zip(*spellings, strict=True)]


def words_either_way(text: str) -> set[str]:
    """Return the folded words of a text, with an apostrophe as nothing and as a space."""
    apart = text.translate(dict.fromkeys(_APOSTROPHES, " "))
    return {word for spelling in (text, apart) for word in fold(spelling).split()}


def _spellings(text: str) -> dict[str, None]:
    plain = unicodedata.normalize("NFC", text).casefold()
    with_a = plain.translate(_SCHWA_AS_A)
    bare = (plain, with_a)
    return dict.fromkeys([*bare, *(text.translate(_SPELLED_OUT) for text in bare)])


def comparable_number(number: str) -> str:
    """Return a student number as it is stored and compared: NFKC, only what can be seen."""
    if number.isascii() and number.isprintable():  # nothing to compose, and nothing invisible
        return number.strip()
    seen = _without_invisible(unicodedata.normalize("NFKC", number))
    # What was removed may have kept a letter apart from its accent.
    return unicodedata.normalize("NFKC", seen).strip()


def _without_invisible(text: str) -> str:
    """Return a text without the characters that no reader sees, such as a zero width space."""
    return "".join(char for char in text if not _is_ignorable(char))


def is_east_asian(text: str) -> bool:
    """Whether a text has characters of a script without spaces between words."""
    return _has_script(text, _EAST_ASIAN)


def misleads(text: str) -> bool:
    """Whether a text has control characters, or such that turn the direction of other text.

    Joiners stay allowed, as Persian and Indic names need them, and so do plain direction marks.
    """
    if text.isascii():
        return not text.isprintable()
    return any(
        unicodedata.category(char) in _REFUSED or unicodedata.bidirectional(char) in _TURNING
        for char in text
    )


# Control characters, line and paragraph separators, lone surrogates, and no characters at all.
_REFUSED = frozenset({"Cc", "Zl", "Zp", "Cs", "Cn"})
# Embeddings, overrides and isolates. Source: Unicode Standard Annex #9, table 4.
_TURNING = frozenset({"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"})


@cache
def _to_ascii() -> icu.Transliterator:
    # Letters such as ł, ø, đ and þ have no decomposition; CLDR says what they become.
    return icu.Transliterator.createInstance("Latin-ASCII")


@lru_cache(maxsize=_MOST_CACHED)
def _folded(char: str) -> str:
    mark = unicodedata.combining(char)
    if mark and mark not in _KEPT_MARKS:
        return ""
    if unicodedata.category(char) == "Nd":
        return str(unicodedata.decimal(char))
    if _is_ignorable(char):
        return ""
    # Vowel signs of Indic scripts are marks too, of class 0.
    return char if char.isalnum() or unicodedata.category(char)[0] == "M" else " "


@lru_cache(maxsize=_MOST_CACHED)
def _is_ignorable(char: str) -> bool:
    return bool(icu.Char.hasBinaryProperty(char, icu.UProperty.DEFAULT_IGNORABLE_CODE_POINT))


def _has_script(text: str, scripts: frozenset[str]) -> bool:
    return any(icu.Script.getScript(char).getName() in scripts for char in text)
