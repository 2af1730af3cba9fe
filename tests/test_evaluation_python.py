"""Code that a model wrote is followed step by step, and can do no harm: it is never run."""

from __future__ import annotations

import tracemalloc

import pytest

from routebook.evaluation.own_checks import OWN
from routebook.evaluation.small_python import call
from routebook.evaluation.small_values import CannotFollow


@pytest.mark.parametrize(
    ("code", "arguments", "wanted"),
    [
        ("def f(a, b=2):\n    return a + b", (1,), 3),
        ("def f(n):\n    if n < 2: return n\n    return f(n - 1) + f(n - 2)", (12,), 144),
        ("def f(n):\n    a, b = 0, 1\n    for _ in range(n):\n        a, b = b, a + b\n    return a", (10,), 55),
        ("def f(n):\n    while n % 2 == 0:\n        n //= 2\n    else:\n        n += 100\n    return n", (12,), 103),
        ("def f(xs):\n    out = []\n    for x in xs:\n        if x < 0: continue\n        if x > 9: break\n        out.append(x)\n    return out", ([1, -1, 2, 10, 3],), [1, 2]),
        ("def f(s):\n    d = {}\n    for c in s:\n        d[c] = d.get(c, 0) + 1\n    return sorted(d.items(), key=lambda p: (-p[1], p[0]))", ("aba",), [("a", 2), ("b", 1)]),
        ("def f(xs):\n    return [x * y for x in xs for y in xs if x < y]", ([1, 2, 3],), [2, 3, 6]),
        ("def f(s):\n    def turned(w):\n        return w[::-1]\n    return ' '.join(map(turned, s.split()))", ("ab cd",), "ba dc"),
        ("def f(n: int) -> str:\n    'words'\n    total: int = n\n    return f'{total} x' if n > 1 or not n else 'one'", (2,), "2 x"),
        ("LIMIT = 3\ndef f(x):\n    return min(x, LIMIT), 1 < x <= 3, x is None", (5,), (3, False, False)),
        ("def f(n):\n    return {k: v for k, v in enumerate('ab')}[n], {1, 1}, -n", (1,), ("b", {1}, -1)),
        ("def f(n):\n    return range(n)\n\nprint(f(3))\nassert False", (3,), [0, 1, 2]),
    ],
)  # fmt: skip
def test_plain_functions_are_followed(code: str, arguments: tuple[object, ...], wanted: object) -> None:
    """What a fair answer to a prompt of the suite is made of."""
    assert call(code, "f", arguments) == wanted


@pytest.mark.parametrize(
    "code",
    [
        "import os\ndef f(x):\n    return os.getcwd()",
        "def f(x):\n    import os\n    return 1",
        "def f(x):\n    return open('/etc/passwd').read()",
        "def f(x):\n    return __import__('os')",
        "def f(x):\n    return ().__class__.__bases__",
        "def f(x):\n    return str.mro()",
        "def f(x):\n    return '{0.__class__}'.format(x)",
        "def f(x):\n    return getattr(x, 'real')",
        "def f(x):\n    return eval('1')",
        "def f(x):\n    while True: pass",
        "def f(x):\n    return f(x)",
        "def f(x):\n    return [0] * 10**8",
        "def f(x):\n    return 10**8 * (0,)",
        "def f(x):\n    a = 'ab'\n    while True: a = f'{a}{a}'",
        "def f(x):\n    a = [1]\n    for _ in range(99): a = [a, a]\n    return str(a) == str(a)",
        "def f(x):\n    a = [1]\n    a.append(a)\n    return a",
        "def f(x):\n    a = {}\n    a[1] = a\n    return a == a",
        "def f(x):\n    a = {}\n    while True: a = {1: a, 2: a}",
        "def f(x):\n    return 10**10**10",
        "def f(x):\n    return '%1000000000d' % 1",
        "def f(x):\n    for _ in range(100): x = x * x + 2\n    return x",
        "def f(x):\n    a = [1]\n    while True: a.extend(a)",
        "def f(x):\n    a = 'x'\n    while True: a += a",
        "def f(x):\n    return sum([[1]] * 9, [])",
        "def f(x):\n    return list(range(10**12))",
        "@f\ndef f(x):\n    return 1",
        "def f(*x):\n    return 1",
        "class A: pass\ndef f(x):\n    return A()",
        "def f(x):\n    x.real = 1",
        "def g(x):\n    return 1",
        "def f(x)\n    return 1",
        "def f(x):\n    return 1 / 0",
        "(" * 5000,
    ],
)
def test_what_could_do_harm_or_never_end_is_not_followed(code: str) -> None:
    """A model's answer is hostile until it is shown to be harmless."""
    tracemalloc.start()
    try:
        with pytest.raises(CannotFollow):
            call(code, "f", (3,))
        assert tracemalloc.get_traced_memory()[1] < 50e6
    finally:
        tracemalloc.stop()


def test_the_arguments_of_a_case_are_not_the_next_one_s() -> None:
    """Code that changes its argument must not spoil the check."""
    code = "def f(xs):\n    xs.append(1)\n    return len(xs)"
    assert OWN["gives"](code, function="f", cases=[[[], 1], [[], 1]]) is None


@pytest.mark.parametrize(
    ("check", "args", "right", "wrong"),
    [
        ("gives", {"function": "f", "cases": [[2, 4]]}, "```python\ndef f(x):\n    return x * 2\n```", "def f(x):\n    return x"),
        ("gives", {"function": "f", "cases": [[2, True]]}, "def f(x): return x == 2", "def f(x): return 1"),
        ("gives", {"function": "f", "cases": [[2, 2]], "without": ["else"]}, "def f(x): return x", "def f(x): return x if x else 0"),
        ("defines", {"function": "f", "parameters": ["x"]}, "def f(x): pass", "def f(y): pass"),
        ("defines", {"function": "f", "without": ["eval"]}, "def f(x): pass", "def f(x): eval(x)"),
        ("contains", {"any_of": ["a", "b"], "none_of": ["c"]}, "B", "b, c"),
        ("lines", {"count": 2, "each": "- "}, "- a\n\n- b\n", "- a\nb"),
        ("words", {"least": 2, "most": 3, "all_of": ["x"]}, "x y", "y z"),
        ("json_equals", {"value": {"a": 1}}, '```json\n{"a": 1}\n```', "{'a': 1}"),
    ],
)
def test_the_checks_that_come_with_it(check: str, args: dict[str, object], right: str, wrong: str) -> None:
    """Suites of one's own use them by name."""
    assert OWN[check](right, **args) is None
    said = OWN[check](wrong, **args)
    assert isinstance(said, str)
    assert said
