import pytest

from scripts.plain_words import pattern, sentences, texts_of

WORDS = pattern({"somebody": "a person", "given up": "stopped"})


@pytest.mark.parametrize(
    ("text", "hits"),
    [
        ("Somebody came.", ["Somebody"]),
        ("It was given up.", ["given up"]),
        ("A busybody, given upstairs.", []),
    ],
)
def test_whole_words_are_found_whatever_their_case(text: str, hits: list[str]) -> None:
    assert WORDS.findall(text) == hits


def test_every_text_of_a_catalogue_is_read() -> None:
    assert list(sentences({"a": "one", "b": {"c": "two", "d": 3}})) == ["one", "two"]


def test_docstrings_and_log_calls_are_read_and_nothing_else() -> None:
    source = '''"""Module."""
name = "somebody"
def walk():
    """Walk."""
    logger.info("walked %s", name)
    print("somebody")
'''
    assert [text for _line, text in texts_of(source)] == ["Module.", "Walk.", "walked %s"]
