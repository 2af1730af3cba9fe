"""The static twin of a cell: what GitHub, nbconvert, and a notebook opened without a kernel show."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

from hostile import payloads
from making import attempt, request, seen

from routebook.messages import Answer, Candidate, LeftOut, Plan
from routebook.notebook.figures import seconds
from routebook.notebook.page import UNFINISHED, answer_page, plan_page, unfinished_page, why_page
from routebook.notebook.wording import dollars, footline, headline

EVIL = "<script>x</script>\"'&$\\href{a}{b}"
SAFE_TAGS = {
    "div", "p", "details", "summary", "table", "tbody", "tr", "th", "td", "br", "strong", "em", "pre", "span", "code", "h1", "ul", "ol", "li", "a",
}  # fmt: skip


def plan(**changes: Any) -> Plan:  # noqa: ANN401
    """A plan of two models, with one left out."""
    values: dict[str, Any] = {
        "request": request(), "classification": seen(), "route": "chat", "route_reason": "it is the default",
        "candidates": (
            Candidate(model="small", provider="mac", tier="local", pool=None, reason="first choice", expected_cost_usd=Decimal(0)),
            Candidate(model="dear", provider="claude", tier="paid", pool="big", reason="behind it", expected_cost_usd=Decimal("0.0123")),
            Candidate(model="odd", provider="claude", tier="paid", pool="big", reason="behind that"),
        ),
        "left_out": (LeftOut(model="fast", reason="GROQ_API_KEY is not set"),),
        "input_tokens": 9, "local": False, "priority": "P2", "deadline_s": 180.0, "max_attempts": 8,
    }  # fmt: skip
    return Plan(**(values | changes))


def answer(**changes: Any) -> Answer:  # noqa: ANN401
    """An answer of the second model, after the first failed."""
    values: dict[str, Any] = {
        "text": "It is *a* monoid.", "request_id": "r1", "plan": plan(), "finish_reason": "stop",
        "attempts": (
            attempt(model="small", provider="mac", tier="local", status="error", error="mac: it is down.", cost_usd=Decimal(0), latency_s=0.1),
            attempt(attempt=2, kind="fallback", ttft_s=0.31, latency_s=12.345),
        ),
    }  # fmt: skip
    return Answer(**(values | changes))


def test_the_page_has_the_header_the_answer_the_footer_and_why() -> None:
    """A saved notebook tells the whole story."""
    html = answer_page(answer())["text/html"].replace("<span>$</span>", "$")
    for part in (
        "chat qa · complexity 3 of 10 · dear", "It is <em>a</em> monoid.", "100 tokens in, 50 out · first token 0.31 s · total 12.3 s · $0.001 · 2 attempts: small failed",
        "because of a test", "it is the default", "small (local): first choice", "dear (paid, about $0.0123): behind it",
        "odd (paid, price unknown)", "fast: GROQ_API_KEY is not set", "1. small failed after 0.10 s: mac: it is down.", "2. dear answered after 12.3 s",
    ):  # fmt: skip
        assert part in html, part


def test_the_text_twin_has_them_too() -> None:
    """Terminals, screen readers, `git diff` and nbconvert to Markdown read this one."""
    text = answer_page(answer(notes=("half the budget is spent",)))["text/plain"]
    for part in ("chat qa", "It is *a* monoid.", "first token 0.31 s", "2 attempts", "! half the budget is spent"):
        assert part in text


def test_plan_and_why_say_in_text_what_they_say_in_html() -> None:
    """Neither form knows more than the other."""
    for bundle in (plan_page(plan()), why_page(answer())):
        words = set(re.findall(r"\w+", re.sub(r"<[^>]*>", " ", bundle["text/html"]))) - {"plan", "nothing", "was", "sent"}
        assert words <= set(re.findall(r"\w+", bundle["text/plain"]))


def test_only_elements_and_styles_that_an_untrusted_notebook_keeps() -> None:
    """JupyterLab drops `<style>` and `<svg>` there, GitHub drops styles: neither may carry meaning."""
    html = answer_page(answer(thinking="hm", notes=("n",)))["text/html"] + plan_page(plan())["text/html"] + why_page(answer())["text/html"]
    assert set(re.findall(r"<([a-z0-9]+)", html)) <= SAFE_TAGS
    assert not re.search(r"<(style|svg|script|img)|on\w+=|position|url\(", html)


def test_names_and_reasons_from_outside_are_escaped_everywhere() -> None:
    """A model's name, an error text and a prompt's own words reach the page too."""
    evil = answer(
        plan=plan(
            classification=seen(task=EVIL, reasons=(EVIL,)), route=EVIL, route_reason=EVIL,
            candidates=(Candidate(model=EVIL, provider=EVIL, tier="local", pool=EVIL, reason=EVIL),), left_out=(LeftOut(model=EVIL, reason=EVIL),),
        ),
        attempts=(attempt(model=EVIL, status="error", error=EVIL), attempt(model=EVIL)), notes=(EVIL,), thinking=EVIL, text=EVIL,
    )  # fmt: skip
    for page in (answer_page(evil), plan_page(evil.plan), why_page(evil)):
        html = page["text/html"]
        assert "<script" not in html
        assert "&lt;script&gt;" in html
        outside_pre = re.sub(r"<pre.*?</pre>", "", html, flags=re.DOTALL)
        assert "$" not in outside_pre.replace("<span>$</span>", "")


def test_the_templates_own_signs_in_an_answer_are_text() -> None:
    """`$body` in an answer is a shell script's variable."""
    html = answer_page(answer(text="echo $body $head ${why} $$"))["text/html"]
    assert html.count('class="routebook-answer"') == 1
    assert re.sub("</?span>", "", html).count("echo $body $head ${why} $$") == 1


def test_no_payload_opens_or_closes_anything_of_the_page() -> None:
    """The page's own structure is the same whatever the answer says."""
    bare = answer_page(answer(text="x"))["text/html"]
    for payload in payloads():
        html = answer_page(answer(text=payload, thinking=payload))["text/html"]
        for tag in ("div", "details", "summary"):
            extra = 1 if tag in ("details", "summary") else 0
            assert html.count(f"<{tag}") == bare.count(f"<{tag}") + extra, payload
            assert html.count(f"</{tag}>") == bare.count(f"</{tag}>") + extra, payload


def test_an_answer_without_a_text_says_so() -> None:
    """An empty cell would look like a failure of the page."""
    assert "nothing came" in answer_page(answer(text=""))["text/html"]
    assert "nothing came" in answer_page(answer(text=""))["text/plain"]


def test_what_came_before_an_error_is_kept_and_called_unfinished() -> None:
    """It was read already; without the note it would pass for an answer."""
    page = unfinished_page("chat qa · small", "Half of *a* <b>")
    assert "Half of <em>a</em> &lt;b&gt;" in page["text/html"]
    assert all(UNFINISHED in form and "chat qa · small" in form for form in page.values())
    assert not any(UNFINISHED in form for form in unfinished_page("chat qa · small", "").values())


def test_thinking_is_folded_away() -> None:
    """It is long, and rarely what was asked for."""
    html = answer_page(answer(thinking="let me see"))["text/html"]
    assert re.search(r"<details[^>]*><summary>thinking</summary><pre[^>]*>let me see</pre>", html)
    assert "<details" not in answer_page(answer())["text/html"].split("monoid")[0]


def test_the_headline_counts_who_stands_behind() -> None:
    """From the one that answers on, not from the first."""
    assert headline(plan()).endswith("small · 2 more behind it")
    assert headline(plan(), model="dear").endswith("dear · 1 more behind it")
    assert headline(plan(), model="odd").endswith("odd")
    assert "stays on this machine" in headline(plan(local=True))


def test_the_footline_says_how_it_ended() -> None:
    """Cut, refused or stopped answers look like whole ones."""
    assert "cut at the longest answer allowed" in footline(answer(finish_reason="length"))
    assert "refused" in footline(answer(finish_reason="refusal"))
    assert footline(answer(finish_reason="cancelled")).endswith("stopped")
    assert "broke off" in footline(answer(finish_reason="error"))


def test_an_unknown_cost_is_called_unknown() -> None:
    """Never free, never zero."""
    assert "price unknown" in footline(answer(attempts=(attempt(cost_usd=None),)))
    assert (dollars(None), dollars(Decimal(0)), dollars(Decimal("12.5"))) == ("price unknown", "free", "$12.50")


def test_small_amounts_are_readable() -> None:
    """Most answers cost far less than a cent, and none of them costs `$0.`."""
    assert dollars(Decimal("0.001")) == "$0.001"
    assert dollars(Decimal("0.0000012")) == "$0.0000012"
    assert dollars(Decimal("0.123456789")) == "$0.1235"
    assert dollars(Decimal("0.00000004")) == "under $0.0000001"


def test_times_are_readable() -> None:
    """Two digits that matter."""
    assert [seconds(value) for value in (0.0312, 9.996, 12.34, 61.0, 125.0, 119.9)] == [
        "0.03 s",
        "10.0 s",
        "12.3 s",
        "61.0 s",
        "2 min 5 s",
        "2 min 0 s",
    ]


def test_estimated_tokens_are_called_about() -> None:
    """A guess is not a count."""
    assert "about 100 tokens in, 50 out" in footline(answer(attempts=(attempt(tokens_estimated=True),)))
    assert "tokens" not in footline(answer(attempts=(attempt(input_tokens=None, output_tokens=None),)))
    assert "1 token in, 1,200 out" in footline(answer(attempts=(attempt(input_tokens=1, output_tokens=1200),)))
