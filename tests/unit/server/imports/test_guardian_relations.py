"""Relations of guardians are read in every language of the pages, and nothing is guessed."""

import pytest

from server.guardians.tables import GuardianRelation
from server.imports.findings import RowError
from server.imports.guardian_relations import read_relation
from server.web.translations import LANGUAGES, translator


@pytest.mark.parametrize("language", sorted(LANGUAGES))
@pytest.mark.parametrize("relation", list(GuardianRelation))
def test_what_the_pages_call_a_relation_is_read(relation: GuardianRelation, language: str) -> None:
    words = translator(language)(f"guardians.relation.{relation}")
    assert read_relation(words, "relation") is relation


def test_codes_and_an_empty_cell_are_read() -> None:
    codes = list(GuardianRelation)
    assert [read_relation(one.value.upper(), "relation") for one in codes] == codes
    assert read_relation("", "relation") is None


@pytest.mark.parametrize("text", ["moth", "M", "mother and father", "Mutter 2", "..."])
def test_other_words_are_refused(text: str) -> None:
    with pytest.raises(RowError):
        read_relation(text, "relation")
