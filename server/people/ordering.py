"""The alphabetical order of people: keys that both databases compare alike, as they are bytes."""

from functools import cache

import icu

from server.people.folding import FOLDING

# CLDR sorts this before everything else and compares what is around it level by level.
# Source: Unicode Technical Standard #35 part 5, "U+FFFE".
_BETWEEN_NAMES = "\ufffe"
#: An index of PostgreSQL takes rows of 2,704 bytes at most. Longer keys do not differ in practice.
_LONGEST_KEY = 1000


def sort_key(locale: str, *, family_name: str, given_name: str) -> bytes:
    """Return the place of a person in lists: by family name, then given name.

    Args:
        locale: BCP 47 tag of the school's language, for example `sv`.
        family_name: empty for a person of one name, who is sorted by that.
        given_name: the same.
    """
    names = [name for name in (family_name, given_name) if name]
    key: bytes = _collator(locale).getSortKey(_BETWEEN_NAMES.join(names))
    return key[:_LONGEST_KEY]


def keys_version(locale: str) -> str:
    """Return what stored search texts and sort keys depend on, beside the names."""
    return f"{FOLDING} {icu.ICU_VERSION} {icu.UNICODE_VERSION} {locale}"


@cache
def _collator(locale: str) -> icu.Collator:
    return icu.Collator.createInstance(icu.Locale.forLanguageTag(locale))
