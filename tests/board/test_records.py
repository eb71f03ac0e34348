"""
Tests for L{txgearman.board.records}.
"""

from __future__ import annotations

import json
from typing import Any

from attrs import define
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from txgearman.board.dead import DeadJob
from txgearman.board.records import pack, unpack
from txgearman.board.results import Result
from txgearman.errors import BadRow


@define
class Thing:
    """
    Something of all the types that there are.
    """

    name: bytes
    text: str
    count: int
    moment: float
    true: bool
    body: bytes
    later: int = 7


things = st.builds(
    Thing,
    name=st.binary(max_size=9),
    text=st.text(max_size=9),
    count=st.integers(-(2**64), 2**64),
    moment=st.floats(-1e15, 1e15),
    true=st.booleans(),
    body=st.binary(max_size=99),
    later=st.integers(0, 9),
)
moments = st.floats(0, 1e12)
sizes = st.integers(0, 2**53)
deadJobs = st.builds(
    DeadJob,
    handle=st.binary(min_size=1, max_size=9),
    function=st.binary(max_size=9),
    unique=st.binary(max_size=9),
    priority=st.integers(0, 2),
    data=st.binary(max_size=99),
    reducer=st.binary(max_size=9),
    submitted=moments,
    died=moments,
    attempts=sizes,
    error=st.binary(max_size=9),
    size=sizes,
    until=moments,
)
nonsense = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=9), inner, max_size=3)
    ),
    max_leaves=5,
)


def changed(**others: Any) -> bytes:
    """
    A packed thing of which something else is said.
    """
    packed = pack(Thing(b"n", "t", 1, 2.0, True, b"body"), "body")
    head = {**json.loads(packed.split(b"\n")[0]), **others}
    return json.dumps(head).encode() + b"\nbody"


class RecordTests(SynchronousTestCase):
    """
    Things as bytes.
    """

    @given(thing=things)
    def test_roundTrip(self, thing: Thing) -> None:
        """
        What was packed comes back as it was, with a body or without.
        """
        self.assertEqual(unpack(Thing, pack(thing, "body"), "body"), thing)
        self.assertEqual(unpack(Thing, pack(thing)), thing)

    @given(dead=deadJobs)
    def test_dead(self, dead: DeadJob) -> None:
        """
        So does a dead letter.
        """
        self.assertEqual(unpack(DeadJob, dead.pack(), "data"), dead)

    def test_result(self) -> None:
        """
        So does a result.
        """
        result = Result(
            *(b"h", b"f\n", b"\xff", "completed", 1.5, 2.5, 3.5, 2, b"\0\n\xff", 3),
            *(b"why", 99.5),
        )
        self.assertEqual(unpack(Result, result.pack(), "data"), result)

    def test_body(self) -> None:
        """
        The body stands as it is behind one line.
        """
        packed = pack(Thing(b"\n", "\n", 1, 2.0, True, b"a\nb"), "body")
        head, _, body = packed.partition(b"\n")
        self.assertEqual(body, b"a\nb")
        self.assertEqual(json.loads(head)["count"], 1)

    def test_otherVersions(self) -> None:
        """
        What an older version did not know has its default; what a newer one says
        beside is passed over.
        """
        packed = changed(newer=[1, 2])
        head = json.loads(packed.split(b"\n")[0])
        del head["later"]
        older = json.dumps(head).encode() + b"\nbody"
        for value in (packed, older):
            thing = unpack(Thing, value, "body")
            self.assertEqual((thing.later, thing.body), (7, b"body"))

    def test_nonsense(self) -> None:
        """
        What is no such thing is refused.
        """
        bad = [
            b"",
            b"\n",
            b"{}",
            b"{}\n",
            b"[]\n",
            b"null\n",
            b"\xff\n",
            b"[" * 100_000 + b"\n",
            changed(name=1),
            changed(name="\N{SNOWMAN}"),
            changed(text=None),
            changed(count=1.5),
            changed(count=True),
            changed(count="1"),
            changed(moment="now"),
            changed(moment=True),
            changed(moment=float("nan")),
            changed(moment=float("inf")),
            changed(moment=10**400),
            changed(true=1),
        ]
        for value in bad:
            self.assertRaises(BadRow, unpack, Thing, value, "body")

    @given(
        key=st.sampled_from(["name", "text", "count", "moment", "true", "later"]),
        value=nonsense,
    )
    def test_anyValue(self, key: str, value: Any) -> None:
        """
        Whatever is said of one field, it is of its type or refused.
        """
        kinds = {
            "name": bytes,
            "text": str,
            "count": int,
            "moment": float,
            "true": bool,
            "later": int,
        }
        try:
            thing = unpack(Thing, changed(**{key: value}), "body")
        except BadRow as error:
            self.assertIn(key, str(error))
        else:
            self.assertIs(type(getattr(thing, key)), kinds[key])

    @given(value=st.binary(max_size=60))
    def test_anyBytes(self, value: bytes) -> None:
        """
        Bytes of no sense are refused.
        """
        self.assertRaises(BadRow, unpack, Thing, value, "body")
