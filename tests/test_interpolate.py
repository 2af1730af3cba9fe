"""`{{name}}`: the one thing replaced in a prompt, and everything else left as it is."""

from __future__ import annotations

import re

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from routebook.errors import UsageError
from routebook.notebook.interpolate import MOST, MOST_TEXT, interpolate

UNTOUCHED = [
    '{"a": {"b": {"c": 1}}}',
    '{{"a": 1}}',
    "{{ 'a' }}",
    r"\frac{{a}+{b}}{c}",
    r"$\mathbf{{\,x\,}}$",
    "\\begin{align}{{a \\over b}}\\end{align}",
    "a{color:red}b{{color:red}}",
    "@media print{a{color:red}}",
    'f"{value:>{width}} {{literal {brace}}}"',
    "{{a.b}} {{a[0]}} {{a()}} {{a|upper}} {{a b}} {{a-b}}",
    "{% if a %}{{ a.b }}{% endif %}",
    "{{}} {{ }} {{1}} {{1a}} {} { {a} } {{a} }",
    "{{#each items}}{{/each}} {{> partial}} {{!comment}} {{&raw}}",
    "%s %(name)s $name ${name} {name} <%= name %>",
    "{{\nname\n}}",
    "}}name{{",
]


def undefined(prompt: str, **names: object) -> str:
    """What a prompt with an unknown name is answered."""
    with pytest.raises(UsageError) as caught:
        interpolate(prompt, names)
    return str(caught.value)


@pytest.mark.parametrize("prompt", UNTOUCHED)
def test_braces_of_other_languages_pass_untouched(prompt: str) -> None:
    """Prompts are full of JSON, LaTeX, CSS, templates and f-strings; a format string would break on each."""
    assert interpolate(prompt, {"name": "x", "a": "y"}) == prompt


def test_a_string_goes_in_as_it_is() -> None:
    """Quotes, line ends and further braces in a value are the user's text."""
    value = 'say "{{other}}"\n\\1 \\g<0>'
    assert interpolate("<{{value}}|{{ value }}>", {"value": value, "other": "no"}) == f"<{value}|{value}>"


def test_braces_around_a_name_in_braces_stay() -> None:
    """`{{{name}}}` is a JSON object or a LaTeX group around a value."""
    assert interpolate("{{{name}}}", {"name": "x"}) == "{x}"


def test_names_of_any_alphabet_are_names() -> None:
    """Python allows them, so prompts do."""
    assert interpolate("{{größe}} {{数}} {{_x1}}", {"größe": 1, "数": 2, "_x1": 3}) == "1 2 3"


def test_other_values_go_in_by_str() -> None:
    """As an f-string would show them."""
    assert interpolate("{{n}} {{some}} {{nothing}}", {"n": 1.5, "some": [1, "a"], "nothing": None}) == "1.5 [1, 'a'] None"


def test_a_table_goes_in_as_schema_head_and_size() -> None:
    """Ten thousand rows would fill the window and say no more."""
    frame = pd.DataFrame({"month": [f"m{n}" for n in range(10_000)], "units": range(10_000)})
    text = interpolate("{{frame}}", {"frame": frame})
    assert text.startswith("DataFrame with 10,000 rows and 2 columns\n")
    assert "units: int64" in text
    assert "m4,4" in text
    assert "m5,5" not in text


def test_a_series_and_an_empty_table_go_in_too() -> None:
    """Both are what people have at hand."""
    assert interpolate("{{s}}", {"s": pd.Series([1.5], name="kg")}).startswith("DataFrame with 1 row and 1 column\n")
    assert "kg: float64" in interpolate("{{s}}", {"s": pd.Series([1.5], name="kg")})
    assert interpolate("{{e}}", {"e": pd.DataFrame()}).startswith("DataFrame with 0 rows")


def test_columns_of_one_name_and_of_two_levels_go_in() -> None:
    """A pivot table is an ordinary table."""
    twins = pd.DataFrame([[1, "a"]], columns=["x", "x"])
    levels = pd.DataFrame([[1, 2]], columns=pd.MultiIndex.from_tuples([("a", "b"), ("a", "c")]))
    assert "x: int64" in interpolate("{{t}}", {"t": twins})
    assert "b" in interpolate("{{t}}", {"t": levels})


def test_a_named_index_is_shown_with_its_rows() -> None:
    """After a groupby the index holds what the rows are about."""
    frame = pd.DataFrame({"units": [1, 2]}, index=pd.Index(["Rome", "Oslo"], name="city"))
    text = interpolate("{{t}}", {"t": frame})
    assert "city" in text
    assert "Rome" in text


def test_an_unknown_name_is_answered_with_the_near_ones() -> None:
    """A silent empty prompt would be paid for and useless."""
    assert "'sales'" in undefined("{{slaes}}", sales=1, other=2)
    assert "--raw" in undefined("{{slaes}}", sales=1)


def test_all_unknown_names_are_named_at_once() -> None:
    """One run, one correction."""
    said = undefined("{{a}} {{b}} {{a}}", known=1)
    assert said.count("{{a}}") == 1
    assert "{{b}}" in said


def test_with_nothing_defined_the_message_still_reads() -> None:
    """A fresh notebook is the usual place for this mistake."""
    assert undefined("{{a}}") == "The prompt uses what is not defined: {{a}}. (--raw leaves {{…}} as it is.)"


def test_a_value_far_too_long_is_refused_by_name() -> None:
    """What was not meant costs money; the message says which variable it was. A long text is meant: it may be read in chunks."""
    said = undefined("{{log}}", log=["x" * MOST])
    assert "{{log}}" in said
    assert f"{MOST:,}" in said
    assert interpolate("{{log}}", {"log": "x" * (MOST + 1)}) == "x" * (MOST + 1)
    assert f"{MOST_TEXT:,}" in undefined("{{log}}", log="x" * (MOST_TEXT + 1))


@given(st.text(alphabet=st.sampled_from("{} \t\nab1_.é\\$\"'"), max_size=60) | st.text(max_size=60))
def test_nothing_but_a_usage_error_ever_comes_of_a_prompt(prompt: str) -> None:
    """A prompt is any text at all."""
    try:
        interpolate(prompt, {"a": "x", "b": 1})
    except UsageError:
        assert "{{" in prompt


@given(st.text(alphabet=st.sampled_from('{} \nab"\\'), max_size=60))
def test_a_prompt_without_a_name_in_double_braces_is_untouched(prompt: str) -> None:
    """Byte for byte."""
    if re.search(r"\{\{[ \t]*\w+[ \t]*\}\}", prompt) is None:
        assert interpolate(prompt, {"a": "no", "b": "no", "ab": "no"}) == prompt


@given(st.text(max_size=40), st.text(max_size=20), st.text(max_size=20))
def test_a_value_is_never_read_as_a_prompt(value: str, before: str, after: str) -> None:
    """Else a value could pull in another variable, a secret say."""
    before, after = before.replace("{", "("), after.replace("}", ")").replace("{", "(")
    assert interpolate(f"{before}{{{{name}}}}{after}", {"name": value}) == before + value + after


def test_an_answer_is_its_text() -> None:
    """What another cell kept with `-o`: its plan, attempts and identifiers are no part of a prompt, and would make each prompt another."""
    from test_page import answer

    kept = answer(text="It is four.")
    assert interpolate("Is this right: {{kept}}", {"kept": kept}) == "Is this right: It is four."
