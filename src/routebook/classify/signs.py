"""The words and signs that speak for each task: patterns with a weight, matched against the part of a prompt that asks."""

from __future__ import annotations

import re
from typing import Final


def _compile(table: str) -> dict[str, tuple[tuple[re.Pattern[str], float], ...]]:
    """Read `task | weight | pattern` lines."""
    signs: dict[str, list[tuple[re.Pattern[str], float]]] = {}
    for line in filter(str.strip, table.splitlines()):
        task, weight, pattern = (part.strip() for part in line.split("|", 2))
        signs.setdefault(task, []).append((re.compile(pattern, re.IGNORECASE), float(weight)))
    return {task: tuple(rows) for task, rows in signs.items()}


ASKS: Final = _compile(r"""
    code_generation | 2.2 | \b(?:write|create|implement|build|code|generate|make)\b[^.\n]{0,40}\b(?:function|script|class|program|code|query|regex|api|endpoint|component|app|algorithm|cli|decorator|macro|formula)\b
    code_generation | 1.5 | \b(?:how (?:do|can|would) (?:i|you|we)|how to)\b[^\n]{0,80}\b(?:in|with|using) (?:python|java|javascript|typescript|rust|go|golang|c\+\+|c#|sql|bash|r|kotlin|swift|pandas|numpy|react|php|ruby|excel|django|flask)\b
    code_generation | 0.8 | \b(?:python|javascript|typescript|rust|golang|sql|bash|pandas|regex|dockerfile|terraform)\b
    bug_fix | 2.4 | \b(?:fix|debug|solve|resolve)\b[^.\n]{0,40}\b(?:bug|error|issue|problem|exception|crash|traceback|it|this)\b
    bug_fix | 2.0 | \b(?:doesn'?t|does not|not|isn'?t|stopped|won'?t) work(?:ing)?\b|\bwhy (?:is|does|do|am) (?:this|my|it|i)\b[^\n]{0,60}\b(?:error|fail|crash|wrong|null|none|nan|empty|getting)
    bug_fix | 1.6 | \b\w+(?:Error|Exception)\b|\bsegfault|segmentation fault|stack ?trace|traceback\b
    refactoring | 2.4 | \b(?:refactor|clean(?:ing)? up|simplif\w+|optimi[sz]e|speed up|vectori[sz]e|moderni[sz]e|rewrite|port|convert|translate)\b[^.\n]{0,50}\b(?:code|function|class|method|loop|query|script|module|to (?:python|rust|go|java|typescript|javascript|c\+\+|c#|kotlin|swift|async))\b
    refactoring | 1.2 | \brefactor\w*
    code_review | 2.6 | \b(?:code review|review (?:this|my|the)\b[^.\n]{0,25}(?:code|pr|pull request|diff|function|class|script|patch|commit|query)|best practices?|code quality|what (?:could|would) you improve)\b
    code_review | 1.3 | \b(?:lgtm|pull request|critique)\b
    security | 2.6 | \b(?:vulnerab\w+|security|exploit\w*|xss|csrf|sql injection|pen-?test\w*|threat model\w*|cve-?\d*|hardening|owasp|attack(?:er|s| surface)?|malware|ransomware)\b
    testing | 2.6 | \b(?:unit|integration|end[- ]to[- ]end|e2e|property|regression|smoke|load|snapshot) tests?\b|\b(?:write|add|create|generate)\b[^.\n]{0,30}\btests?\b|\btest (?:cases?|plan|suite|coverage|fixtures?)\b|\b(?:pytest|unittest|jest|junit|mocha|playwright|cypress|mocks?)\b
    documentation | 2.4 | \b(?:docstrings?|readme|release notes|changelog|api docs?|documentation|document (?:this|the|how)|user guide|add comments|comment (?:this|the) code|technical document)\b
    documentation | 1.6 | \bexplain\b[^.\n]{0,30}\b(?:code|function|snippet|script|line by line|query|regex)\b
    architecture | 2.4 | \b(?:architect\w*|system design|design (?:a|an|the)\b[^.\n]{0,50}\b(?:system|service|schema|api|database|pipeline|platform|module|backend)|microservices?|scal(?:e|able|ing) to|event[- ]driven|data model)\b
    data_analysis | 2.2 | \b(?:analy[sz]e|explore|insights?|trends?|correlat\w+|regression|outliers?|distribution|statistical|p-value|a/b test|forecast|cluster\w*)\b[^.\n]{0,60}\b(?:data\w*|csv|table|column|sales|figures|survey|dataset|numbers|results|metrics)\b
    data_analysis | 1.0 | \b(?:dataset|dataframe|csv|time series|hypothesis test)\b
    math_reasoning | 2.0 | \b(?:solve|prove|calculate|compute|evaluate|find the (?:value|number|sum|area|probability)|integral|derivative|equation|theorem|probability that|how (?:many|much|far|long|old))\b
    math_reasoning | 1.4 | \d\s*[-+*/^=\u00d7\u00f7]\s*\(?\d|\b\d+(?:\.\d+)?\s*(?:%|km|kg|m/s|mph|dollars|apples|meters|hours)
    summarization | 2.8 | \b(?:summar(?:y|i[sz]e\w*|ies)|tl;?dr|key (?:points|takeaways)|main points|gist|recap|condense|minutes of)\b
    extraction | 2.6 | \b(?:extract|pull out|list (?:all|every) (?:the )?(?:names?|dates?|compan\w+|entit\w+|emails?|keywords?)|keywords?|named entit\w+|find all)\b
    classification | 2.6 | \b(?:classif\w+|categori[sz]e|label (?:each|these|this|the)|sentiment|spam|positive or negative|which category|rank (?:these|the)|true or false|is this (?:a|an)\b[^?\n]{0,40} or )
    transformation | 2.4 | \b(?:translate|rephrase|paraphrase|reword|proofread|rewrite|correct (?:the|my)|grammar|convert (?:this|the|these)|make (?:this|it) (?:more|less|sound|shorter|longer)|shorten|in (?:french|german|spanish|italian|chinese|japanese|korean|portuguese|russian|arabic|hindi)\b)
    writing | 2.2 | \b(?:write|compose|draft|create)\b[^.\n]{0,40}\b(?:story|poem|haiku|song|lyrics|essay|e-?mail|letter|article|blog|speech|script|post|tweet|ad|description|bio|review|scene|dialogue|novel|joke|toast)\b
    writing | 1.2 | \b(?:haiku|poem|sonnet|limerick|cover letter|role ?play|in the style of)\b
    ideation_planning | 2.2 | \b(?:brainstorm|ideas?|suggest\w*|itinerary|plan (?:a|my|for)|schedule|roadmap|names? for|outline|strategy|give me \d+|come up with|checklist)\b
    research | 2.2 | \b(?:research|literature|investigate|in[- ]depth|comprehensive|market (?:analysis|study)|pestel|swot|impact of|implications|pros and cons|compare and contrast|critically|history of|evaluate the evidence)\b
    tool_call | 2.4 | \b(?:weather|temperature (?:in|outside)|forecast for|stock price|exchange rate|latest news|news (?:today|about)|today'?s|right now|currently|set (?:a|an|my) (?:timer|alarm|reminder)|remind me|book (?:a|me)|order (?:a|me)|turn (?:on|off)|play (?:some|my|the)|send (?:a|an) (?:message|text|email)|search (?:the web|for|online)|look up|call the)\b
    chat_qa | 1.2 | ^\s*(?:what|who|when|where|which|why|is|are|does|do|can|should|how)\b
    chat_qa | 1.0 | \b(?:explain|define|what is|what are|what'?s|tell me about|difference between|meaning of|hello|hi|thanks)\b
""")

CODE_TASKS: Final = frozenset({"code_generation", "bug_fix", "refactoring", "code_review", "security", "testing", "documentation"})
LIVE: Final = re.compile(
    r"\b(?:weather|forecast|today|tonight|tomorrow|right now|current(?:ly)?|latest|news|live|price of|near me|remind me|alarm|timer|book|order|"
    r"search the web|look up|open|turn (?:on|off)|send|schedule|call)\b",
    re.IGNORECASE,
)
HARD: Final = re.compile(
    r"\b(?:prove|proof|theorem|optimi[sz]e|concurren\w+|distributed|race condition|deadlock|complexity|algorithm|architect\w*|scal\w+|trade-?offs?|"
    r"formal|rigorous\w*|comprehensive|in[- ]depth|multi-?step|constraints?|edge cases?|refactor|migrat\w+|security|derive|integral|probability|"
    r"consensus|compiler|kernel|cryptograph\w+|step by step)\b",
    re.IGNORECASE,
)
EASY: Final = re.compile(
    r"\b(?:hi|hello|thanks|haiku|joke|simple|quick\w*|short|briefly|one sentence|define|synonyms?|capital of)\b", re.IGNORECASE
)
CODE: Final = re.compile(
    r"```|^\s*(?:def |class |import |from \w+ import|function |const |let |var |#include|public |SELECT |fn |package )|[;{}]\s*$|=>|\w+\([^)\n]*\)\s*[:;{]",
    re.MULTILINE,
)
TROUBLE: Final = re.compile(
    r"Traceback \(most recent|^\s*at [\w.$]+\(|\b\w+(?:Error|Exception):|panicked at|npm ERR!|error\[E\d+\]", re.MULTILINE
)
