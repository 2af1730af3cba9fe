"""A right answer to each prompt of the built-in suite that needs no judge, as a model might give it."""

from __future__ import annotations

from typing import Final

_ROMAN: Final = """```python
def roman(number):
    pairs = [(1000, "M"), (900, "CM"), (500, "D"), (400, "CD"), (100, "C"), (90, "XC"), (50, "L"), (40, "XL"), (10, "X"), (9, "IX"), (5, "V"),
             (4, "IV"), (1, "I")]
    result = ""
    for value, sign in pairs:
        while number >= value:
            result += sign
            number -= value
    return result
```"""
_MERGE: Final = """Here it is:

```python
def merge(spans):
    merged = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1][1] = max(merged[-1][1], end)
        else:
            merged.append([start, end])
    return merged
```"""
_RUNS: Final = """```python
def runs(text):
    found = []
    for char in text:
        if found and found[-1][0] == char:
            found[-1][1] += 1
        else:
            found.append([char, 1])
    return found

print(runs("aab"))
```"""
_GUARD: Final = """```python
def price(member, age, day):
    if member and age < 18:
        return 0
    if member:
        return 5
    if day == "sunday":
        return 8
    return 10
```"""
_DOCSTRING: Final = '''```python
def clamp(value, low, high):
    """Keep a value within bounds.

    Args:
        value: the value.
        low: the least.
        high: the most.

    Returns:
        The value, or the bound that it passes.
    """
    return max(low, min(high, value))
```'''
_MAIL: Final = """Dear Ms. Vance,

thank you for your order 5531. Unfortunately it will reach you on Friday instead of Wednesday, because our carrier had to change its route. We are sorry for
this delay and have taken the shipping costs off your bill, so that delivery is free. If you have any questions, please write to us at any time.

Kind regards"""

RIGHT: Final = {
    "architecture-queue": "**B**",
    "architecture-idempotent": "The endpoint must be idempotent. The client sends the same key with each retry.",
    "architecture-layers": "mail, service",
    "bug-fix-mean": "```python\ndef mean(values):\n    if not values:\n        return 0\n    return sum(values) / len(values)\n```",
    "bug-fix-default": "```python\ndef collect(item, into=None):\n    if into is None:\n        into = []\n    into.append(item)\n    return into\n```",
    "bug-fix-off-by-one": "```python\ndef last_index(items, wanted):\n    place = -1\n    for at in range(len(items)):\n        if items[at] == wanted:\n            place = at\n    return place\n```",
    "bug-fix-trace": '`float(row["amount"])`',
    "chat-capital": "Canberra.",
    "chat-element": "Sodium",
    "chat-leap": "28",
    "chat-planet": "Mercury",
    "classification-mood": "Mixed",
    "classification-ticket": "login",
    "classification-many": '```json\n{"bat": "M", "penguin": "B", "whale": "M", "gecko": "R", "ostrich": "B", "turtle": "R"}\n```',
    "code-runs": _RUNS,
    "code-roman": _ROMAN,
    "code-merge": _MERGE,
    "code-sql": "```sql\nSELECT customer, SUM(amount) AS owed\nFROM orders\nWHERE paid = 0\nGROUP BY customer\nHAVING SUM(amount) > 100\nORDER BY owed DESC;\n```",
    "review-injection": "It is open to SQL injection, because the name is put into the query as it is.",
    "review-line": "4",
    "review-race": "Both may pass the check before either subtracts, so that the balance goes below zero. That is a race condition.",
    "analysis-median": "4",
    "analysis-growth": "Q2 25%",
    "analysis-simpson": '{"better_for_mild": "A", "better_for_severe": "A", "better_over_all": "B"}',
    "documentation-docstring": _DOCSTRING,
    "documentation-changelog": "## Added\n\n- Dark mode\n- Export to PDF\n\n## Fixed\n\n- Crash on empty file",
    "documentation-flags": "| Option | Type | Default |\n|---|---|---|\n| --jobs | whole number | 4 |\n| --quiet | switch | off |\n| --out | path | none |",
    "extraction-invoice": '{"number": "RE-2087", "date": "2024-03-03", "total": 1249.50, "currency": "EUR"}',
    "extraction-people": '```json\n[{"name": "Dr. Amara Okafor", "role": "lab lead"}, {"name": "Lars Petersen", "role": null}, {"name": "Mei Lin", "role": "technician"}]\n```',
    "extraction-urls": "api.example.org\nauth.example.com\ncdn.example.net",
    "planning-order": "5",
    "planning-names": "Moon Loaf\nNight Crust\nDark Rye\nOwl Oven\nLate Dough",
    "planning-milestones": '[{"week": 1, "goal": "Plan", "tasks": ["List", "Measure"]}, {"week": 2, "goal": "Pack", "tasks": ["Boxes", "Labels"]},'
    ' {"week": 3, "goal": "Move", "tasks": ["Van", "Desks"]}, {"week": 4, "goal": "Settle", "tasks": ["Network", "Keys"]}]',
    "math-train": "90",
    "math-divisors": "30",
    "math-probability": "7/36",
    "math-knights": "Ben",
    "refactoring-comprehension": "```python\ndef squares_of_even(numbers):\n    return [number * number for number in numbers if number % 2 == 0]\n```",
    "refactoring-guard": _GUARD,
    "refactoring-rename": "```python\ndef area(width, height):\n    if width < 0 or height < 0:\n        return 0\n    return width * height\n```",
    "research-conflict": "1,312 m; the other source took the main span for the whole length.",
    "research-unknown": "Not stated.",
    "research-cite": "The comet was visible from March [1] until it was lost by June [3].",
    "security-hash": "C",
    "security-traversal": "Path traversal",
    "security-cookie": "Set-Cookie: session=abc; HttpOnly; Secure; SameSite=Strict; Path=/",
    "summary-short": "Elmsford's renovated swimming hall drew 900 visitors on its first day, three times what was expected.",
    "summary-bullets": "- 40 pages a minute after 30 seconds\n- Ink for 6,000 pages costs 90 euros; no scanner\n- 50,000 pages were printed this year",
    "summary-decision": "The launch is on 14 April, without the export.",
    "testing-parametrize": "```python\nimport pytest\nfrom numbers_tool import clamp\n\n\n@pytest.mark.parametrize(('value', 'wanted'), [(0, 1), (1, 1), (3, 3), (4, 3)])\n"
    "def test_clamp(value, wanted):\n    assert clamp(value, 1, 3) == wanted\n```",
    "testing-counterexample": "1900",
    "testing-cases": '{"valid": [8, 64], "invalid": [7, 65]}',
    "tool-weather": '{"tool": "get_weather", "arguments": {"city": "Oslo", "unit": "celsius"}}',
    "tool-choice": '{"tool": "create_event", "arguments": {"title": "Dentist", "start": "2025-05-02T09:30:00", "minutes": 30}}',
    "tool-none": "no tool",
    "transformation-csv": '[{"name": "Ada", "age": 36}, {"name": "Linus", "age": 54}]',
    "transformation-dates": "2023-12-01\n1999-07-04\n2005-03-17",
    "transformation-german": "The train leaves one hour later today.",
    "writing-mail": _MAIL,
    "writing-acrostic": "Running down the window pane,\nA thousand drops of autumn rain;\nIn the garden, leaf and stone\nNod and glisten, all alone.",
    "writing-plain": "High up in the sky there is water in the air that you cannot see. When it gets cold it turns into drops and falls down as rain.",
}
