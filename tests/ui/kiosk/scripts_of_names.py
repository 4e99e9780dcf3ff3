"""Names, rooms and lessons in twelve scripts, short and at the longest that the protocol allows."""

from typing import get_args

from pydantic import StringConstraints

from protocol.v1.fields import Label

SCRIPTS = {
    "latin": "Wilhelmina Achterberg Şebnem Łucja Nguyễn",
    "cyrillic": "Александра Константиновна Щербакова",
    "greek": "Παρασκευή Παπαδοπούλου Ξανθίππη",
    "arabic": "عبد الرحمن محمد الفاروقي خديجة",
    "hebrew": "אברהם בן־גוריון שושנה ירושלמי",
    "devanagari": "श्रीलक्ष्मी विश्वनाथन कृष्णमूर्ति",
    "bengali": "শ্রীলেখা বন্দ্যোপাধ্যায় কৃষ্ণচন্দ্র",
    "tamil": "கிருஷ்ணமூர்த்தி ஸ்ரீலக்ஷ்மி தமிழ்ச்செல்வி",
    "thai": "กฤษณะพงษ์ ศรีสุวรรณ ณัฐฐินันท์",
    "chinese": "歐陽慕雪 張偉 王䶮 司马相如",
    "japanese": "渡邉さくら 髙橋ケンタロウ 𠮷田ひなの",
    "korean": "김민준 이서연 박지후 황보뷁",
}
"""A few names in each script. Among them are letters that stand in few fonts."""

LONGEST = next(
    part.max_length or 0 for part in get_args(Label) if isinstance(part, StringConstraints)
)
"""Characters of a name, a room or a lesson, as the protocol limits them."""


def long_text(script: str) -> str:
    """Return names of a script, with spaces, as long as the protocol allows."""
    return " ".join([SCRIPTS[script]] * LONGEST)[:LONGEST].strip()


def long_word(script: str) -> str:
    """Return the same without a space."""
    return (SCRIPTS[script].replace(" ", "") * LONGEST)[:LONGEST]


def usual_name(script: str) -> str:
    """Return a display name: a first name and an initial."""
    first, last = SCRIPTS[script].split(" ")[:2]
    return f"{first} {last[0]}."
