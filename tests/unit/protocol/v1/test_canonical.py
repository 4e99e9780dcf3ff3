"""The quick way to canonical JSON gives the very bytes of the RFC 8785 library, or is not taken."""

import json
from collections.abc import Callable
from typing import Any

import pytest
import rfc8785
from hypothesis import example, given
from hypothesis import strategies as st

from protocol.v1 import signing
from protocol.v1.canonical import OrderedObject
from protocol.v1.errors import MalformedMessageError

#: What our own messages hold, and what a hostile peer may put beside it.
_NUMBERS = st.one_of(
    st.integers(),
    st.integers(min_value=-(2**54), max_value=2**54),
    st.floats(),
    st.floats(min_value=-1e6, max_value=1e6),
    st.floats(min_value=0, max_value=1e-3),
    st.floats(min_value=1e14, max_value=1e22),
    st.integers(min_value=-1000, max_value=1000).map(float),
    st.decimals(min_value=-1000, max_value=1000, places=3).map(float),
)
_TEXTS = st.one_of(
    st.text(),
    st.text(alphabet=st.characters()),
    st.text(alphabet='\x00\x1f\x7f"\\/é\u2028\ue000\uffff😀\ud800'),
)
_KEYS = st.one_of(
    st.text(max_size=6), st.sampled_from(["v", "id", "kiosk_id", "é", "\ue000", "😀", "\uffff"])
)
_VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), _NUMBERS, _TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(_KEYS, inner, max_size=4)),
    max_leaves=12,
)


def _said(encode: Callable[[Any], bytes], body: object) -> bytes | None:
    try:
        return encode(body)
    except (MalformedMessageError, rfc8785.CanonicalizationError, UnicodeEncodeError):
        return None


@given(st.dictionaries(_KEYS, _VALUES, max_size=6))
@example({"a": float("inf")})
@example({"a": -0.0, "b": 1e-7, "c": 1e21, "d": 123456789012345680.0})
@example({"😀": 1, "\uffff": 2})
@example({"a": 2**53, "b": True})
def test_the_bytes_are_those_of_the_library(body: dict[str, object]) -> None:
    assert _said(signing.canonical, body) == _said(rfc8785.dumps, body)


@given(st.dictionaries(_KEYS, _VALUES, max_size=6))
def test_what_came_over_the_wire_has_the_same_bytes_too(body: dict[str, object]) -> None:
    try:
        read = json.loads(json.dumps(body))
    except ValueError:
        return
    assert _said(signing.canonical, read) == _said(rfc8785.dumps, read)


@given(st.dictionaries(_KEYS, _VALUES, max_size=6), st.sets(_KEYS, max_size=3))
def test_names_are_left_out_of_the_outermost_object_alone(
    body: dict[str, object], without: set[str]
) -> None:
    rest = {name: value for name, value in body.items() if name not in without}
    said = _said(lambda one: OrderedObject(one).canonical(without=without), body)
    assert said == _said(rfc8785.dumps, rest)


@given(st.dictionaries(_KEYS, _VALUES, max_size=6))
@example({"a": "\x7f"})
@example({"a": "\ud800"})
@example({"a": 30.0, "b": -0.0, "c": [1.0, {"d": 2.5}]})
def test_the_text_is_that_of_the_standard_encoder(body: dict[str, object]) -> None:
    kept = json.dumps(body, sort_keys=True, separators=(",", ":"))
    assert OrderedObject(body).text() == kept


def test_a_usual_event_takes_the_quick_way(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_body: object) -> bytes:
        raise AssertionError("the slow way")

    monkeypatch.setattr(rfc8785, "dumps", refuse)
    body = {
        "v": 1,
        "clock": {"source": "ntp", "offset_ms": 1.25},
        "person_id": None,
        "n": [0.4, 30.0],
    }
    said = b'{"clock":{"offset_ms":1.25,"source":"ntp"},"n":[0.4,30],"person_id":null,"v":1}'
    assert signing.canonical(body) == said


def test_deep_nesting_is_left_to_the_library() -> None:
    body: dict[str, Any] = {"a": 1}
    for _ in range(20):
        body = {"a": body}
    assert signing.canonical(body) == rfc8785.dumps(body)
