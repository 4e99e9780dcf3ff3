"""The ways without a face on the policy's form: any number of them, none included."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.v1.messages import Fallback
from server.policies import forms
from server.policies.forms import PolicyRefusedError
from server.policies.schemas import SchoolPolicy

WAYS = tuple(one.value for one in Fallback)


@given(st.sets(st.sampled_from(WAYS)))
def test_what_is_checked_is_allowed(chosen: set[str]) -> None:
    fields = [("fallbacks", ""), *(("fallbacks", word) for word in sorted(chosen))]
    policy = forms.read(forms.form_values(fields), SchoolPolicy())
    assert set(policy.kiosk.fallbacks) == chosen
    (setting,) = [one for one in forms.SETTINGS if one.name == "fallbacks"]
    again = forms.read({"fallbacks": setting.text_in(policy)}, SchoolPolicy())
    assert set(again.kiosk.fallbacks) == chosen


def test_a_form_without_the_field_changes_nothing() -> None:
    assert forms.read({}, SchoolPolicy()).kiosk.fallbacks == SchoolPolicy().kiosk.fallbacks


def test_an_unknown_way_is_refused() -> None:
    with pytest.raises(PolicyRefusedError) as refused:
        forms.read({"fallbacks": "qr,shout"}, SchoolPolicy())
    assert set(refused.value.problems) == {"fallbacks"}
