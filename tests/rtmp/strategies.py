"""hypothesis strategies for AMF values."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from hypothesis import strategies as st

from rtmp.amf_value import (
    UNDEFINED,
    Dictionary,
    EcmaArray,
    OtherDate,
    TypedObject,
    Vector,
    VectorType,
    XmlDocument,
)

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
texts = st.text(st.characters(codec="utf-8"), max_size=40)
names = st.text(st.characters(codec="utf-8"), min_size=1, max_size=10)
dates = st.integers(-(10**12), 10**13).map(lambda ms: EPOCH + timedelta(milliseconds=ms))
# all that a Date of ActionScript may be and a datetime may not, but for NaN, which is not equal to itself
other_dates = st.one_of(
    st.floats(260_000_000_000_000, 8.64e15), st.floats(-8.64e15, -63_000_000_000_000), st.just(float("inf"))
).map(OtherDate)
scalars = st.one_of(
    st.none(),
    st.just(UNDEFINED),
    st.booleans(),
    st.floats(allow_nan=False),
    texts,
    dates,
    other_dates,
    st.builds(XmlDocument, texts),
    st.binary(max_size=40),
)


number_vectors = st.one_of(
    st.builds(partial(Vector, VectorType.INT), st.lists(st.integers(-(1 << 31), (1 << 31) - 1), max_size=4)),
    st.builds(partial(Vector, VectorType.UINT), st.lists(st.integers(0, (1 << 32) - 1), max_size=4)),
    st.builds(partial(Vector, VectorType.NUMBER), st.lists(st.floats(allow_nan=False), max_size=4)),
)


def _containers(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    members = st.dictionaries(names, inner, max_size=4)
    return st.one_of(
        st.lists(inner, max_size=4),
        members,
        members.filter(bool).map(EcmaArray),
        st.builds(TypedObject, names, members),
        number_vectors,
        st.builds(
            partial(Vector, VectorType.OBJECT),
            st.lists(inner, max_size=4),
            fixed=st.booleans(),
            class_name=st.one_of(st.just(""), names),
        ),
        st.builds(Dictionary, st.lists(st.tuples(inner, inner), max_size=3).map(tuple), st.booleans()),
    )


values = st.recursive(scalars, _containers, max_leaves=12)
