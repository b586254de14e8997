"""Field tables of every kind."""

from hypothesis import strategies as st

from amqpbroker.wire.tables import Field


def integers(kind: str, bits: int, *, signed: bool) -> st.SearchStrategy[Field]:
    """Fields of a kind that has so many bits."""
    low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)
    return st.builds(Field, st.just(kind), st.integers(low, high))


NAMES = st.binary(max_size=255).map(lambda octets: octets.decode("utf-8", "surrogateescape"))
LEAVES = st.one_of(
    st.builds(Field, st.just("t"), st.booleans()),
    *(integers(kind, bits, signed=True) for kind, bits in {"b": 8, "s": 16, "I": 32, "l": 64, "L": 64}.items()),
    *(integers(kind, bits, signed=False) for kind, bits in {"B": 8, "u": 16, "i": 32, "T": 64}.items()),
    st.builds(Field, st.just("f"), st.floats(width=32, allow_nan=False, allow_infinity=False)),
    st.builds(Field, st.just("d"), st.floats(allow_nan=False, allow_infinity=False)),
    st.builds(Field, st.just("D"), st.tuples(st.integers(0, 255), st.integers(0, (1 << 32) - 1))),
    st.builds(Field, st.sampled_from("Sx"), st.binary(max_size=20)),
    st.just(Field("V", None)),
)
FIELDS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.builds(Field, st.just("A"), st.lists(inner, max_size=3)),
        st.builds(Field, st.just("F"), st.dictionaries(NAMES, inner, max_size=3)),
    ),
    max_leaves=10,
)
TABLES = st.dictionaries(NAMES, FIELDS, max_size=5)
