"""Read what files call the relation of a guardian to a student. No database here."""

from server.guardians.tables import GuardianRelation
from server.imports.findings import RowError
from server.people.folding import fold

_WORDS = {
    GuardianRelation.MOTHER: (
        "mother", "mum", "mom", "mutter", "mère", "maman", "madre", "mamá", "أم", "الأم",
        "والدة", "الوالدة",
    ),
    GuardianRelation.FATHER: (
        "father", "dad", "vater", "père", "papa", "padre", "papá", "أب", "الأب", "والد",
        "الوالد",
    ),
    GuardianRelation.GUARDIAN: (
        "guardian", "parent", "carer", "legal guardian", "parent or guardian", "vormund",
        "elternteil", "erziehungsberechtigte", "erziehungsberechtigter", "sorgeberechtigte",
        "sorgeberechtigter", "tuteur", "tutrice", "responsable légal", "tutor", "tutora",
        "ولي الأمر", "ولي أمر", "وصي", "الوصي",
    ),
    GuardianRelation.OTHER: (
        "other", "relative", "grandmother", "grandfather", "grandparent", "aunt", "uncle",
        "sister", "brother", "stepmother", "stepfather", "foster parent", "sonstige", "andere",
        "großmutter", "großvater", "oma", "opa", "tante", "onkel", "schwester", "bruder",
        "stiefmutter", "stiefvater", "pflegeeltern", "autre", "grand-mère", "grand-père", "oncle",
        "sœur", "frère", "belle-mère", "beau-père", "otro", "otra", "abuela", "abuelo", "tía",
        "tío", "hermana", "hermano", "madrastra", "padrastro", "أخرى", "صلة أخرى", "جدة", "جد",
        "عم", "عمة", "خال", "خالة", "أخ", "أخت",
    ),
}  # fmt: skip
_RELATIONS = {fold(word): relation for relation, words in _WORDS.items() for word in words}


def read_relation(text: str, column: str) -> GuardianRelation | None:
    """Return a relation; None where the cell is empty.

    Raises:
        RowError: it is no word that is known. Nothing is guessed about a family.
    """
    if not text:
        return None
    found = _RELATIONS.get(fold(text))
    if found is None:
        raise RowError("relation", column, value=text)
    return found
