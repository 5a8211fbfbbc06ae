"""The usual `{{convert}}` is filled into a form; the long way prints the same."""

from __future__ import annotations

from unittest import mock

from hypothesis import given
from hypothesis import strategies as st

from bertdata.extract.wikitext import convert as module
from bertdata.extract.wikitext.call import Call
from bertdata.extract.wikitext.convert import convert

_NUMBERS = st.one_of(
    st.sampled_from(("1", "1.0", "0", "01", "1,2,3", "1,234", "12,345,678.50", "5.", "-3", "−40", "3+1/2", "1/2")),
    st.decimals(0, 10**9, places=3, allow_nan=False).map(str),
    st.integers(0, 10**7).map(lambda number: f"{number:,}"),
)
_UNITS = st.sampled_from(("m", "ft", "km", "mi", "kg", "lb", "C", "F", "acre", "e6km2", "in", "nosuch", "5", "-", ""))
_NAMED = st.dictionaries(
    st.sampled_from(("abbr", "adj", "sp", "sing", "order", "disp", "sigfig", "round", "comma", "2", "lk")),
    st.sampled_from(("on", "off", "in", "us", "flip", "or", "2", "5", "values", "unit", "")),
    max_size=3,
)


@given(
    st.sampled_from(("convert", "cvt")),
    st.lists(_UNITS, min_size=1, max_size=3),
    _NAMED,
    st.sampled_from(("en", "de", "mr")),
    st.lists(_NUMBERS, min_size=1, max_size=4),
)
def test_a_form_prints_what_the_long_way_does(
    name: str, behind: list[str], named: dict[str, str], language: str, numbers: list[str]
) -> None:
    for number in numbers:
        call = Call(name, [number, *behind], named, language, "")
        with mock.patch.object(module, "_form", return_value=None):
            long_way = convert(call)
        assert convert(call) == long_way


def test_calls_that_differ_in_their_number_share_a_form() -> None:
    before = module._form.cache_info()
    for number in ("7", "8.5", "1,000"):
        convert(Call("convert", [number, "furlong", "m"], {"adj": "on"}, "en", ""))
    after = module._form.cache_info()
    assert (after.misses - before.misses, after.hits - before.hits) == (1, 2)
    assert module._form("convert", "en", ("m", "ft in"), ()) is None
    assert module._form("convert", "de", ("m",), ()) is None


def test_a_call_without_a_value_by_position_costs_nothing() -> None:
    assert convert(Call("convert", [], {}, "en", "")) == ""
    assert convert(Call("convert", [], {"1": "5", "2": "m"}, "en", "")) == "5"
