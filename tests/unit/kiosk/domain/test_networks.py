"""What a kiosk opens: its own setting, the school's choice, and the next network beside it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiosk.domain.networks import Wanted, wanted_networks
from protocol.v1.messages import NetworkChoice

IDS = st.sampled_from(["dlib-resnet-v1", "sface-2021dec", "omz-0095"])
CHOICES = st.none() | st.builds(
    NetworkChoice, current=IDS, next=st.none() | IDS, collects_scans=st.booleans()
)


@given(CHOICES, st.just("auto") | IDS)
def test_auto_follows_the_school_and_an_explicit_setting_never_does(
    choice: NetworkChoice | None, setting: str
) -> None:
    wanted = wanted_networks(setting, "auto", choice)

    follows = setting == "auto" and choice is not None
    assert wanted.is_named_by_school is follows
    assert wanted.embedder == (choice.current if follows and choice else setting)


@given(CHOICES)
def test_templates_are_made_only_of_another_network_than_the_current_one(
    choice: NetworkChoice | None,
) -> None:
    wanted = wanted_networks("auto", "auto", choice)

    assert wanted.next != wanted.embedder
    assert not wanted.collects_scans or wanted.next is not None


@pytest.mark.parametrize("setting", ["auto", "dlib-resnet-v1"])
def test_a_school_without_a_choice_leaves_it_to_the_setting(setting: str) -> None:
    assert wanted_networks(setting, "auto", None) == Wanted(setting)
