"""Whether a text names a person. No database here."""

import unicodedata
from itertools import pairwise

from server.people.folding import (
    fold,
    is_east_asian,
    search_text,
    search_words,
    words_either_way,
)
from server.people.tables import Person

#: Shorter words are particles such as "de", which a text may well hold.
_SHORTEST_NAME = 3
_SHORTEST_EAST_ASIAN = 2


def is_named(person: Person, text: str) -> bool:
    """Whether a word of a text is, or begins with, a name or the number of a person.

    `Lovelace's` begins with one. Two words that make a name together count too: `Anne Marie`.
    """
    names = _names(person)
    # The text is read as a search is: with ö as oe too.
    words = {one for word in search_words(text) for one in word} | words_either_way(text)
    listed = fold(text).split()
    if any(first + second in names for first, second in pairwise(listed)):
        return True
    return any(
        word.startswith(name) or (is_east_asian(name) and name in word)
        for word in words
        for name in names
    )


def _names(person: Person) -> set[str]:
    given, family, number = person.given_name, person.family_name, person.student_number
    words = set(search_text(given, family, person.display_name, number).split())
    words |= words_either_way(f"{given} {family} {person.display_name} {number}")
    # Of Korean, the folded words have each letter of a syllable.
    lengths = {word: len(unicodedata.normalize("NFC", word)) for word in words}
    return {
        word
        for word, length in lengths.items()
        if length >= (_SHORTEST_EAST_ASIAN if is_east_asian(word) else _SHORTEST_NAME)
    }
