"""Prompts that train nothing, with the task a reader would give: what the calibration of the classifier is tested on."""

from __future__ import annotations

from typing import Final

UNSEEN: Final[dict[str, tuple[str, ...]]] = {
    "architecture": (
        "We run one big PHP application and want to split it. Which services would you carve out first, and how do they share data?",
        "Sketch a design for a ticket shop that must survive 200,000 visitors in the first minute of a sale.",
        "event sourcing or plain tables for a bank's account service? team of six, audit needed",
    ),
    "bug_fix": (
        "My Flask app returns 500 after I moved the templates folder. jinja2.exceptions.TemplateNotFound: home.html",
        "why is the total always zero?\n\ntotal = 0\nfor p in prices:\n    total =+ p\nprint(total)",
        "gcc says undefined reference to `sqrt' although I included math.h",
    ),
    "chat_qa": (
        "Why do onions make you cry?",
        "What's the difference between a hurricane and a typhoon?",
        "My neighbour plays drums at night. What can I do without starting a war?",
        "who painted the girl with a pearl earring",
    ),
    "classification": (
        "Is this message a complaint, a question or praise? 'I have waited four weeks for a reply.'",
        "Sort these cities by population, the largest first: Porto, Madrid, Lyon, Istanbul",
        "Label the sentiment of each line as positive or negative:\n1. loved it\n2. never again",
    ),
    "code_generation": (
        "Write a bash script that deletes log files older than 30 days",
        "How do I flatten a nested list in Python?",
        "SQL query that returns each customer's latest order",
    ),
    "code_review": (
        "Please review this function and say what you would improve:\n\ndef mean(xs):\n    s = 0\n    for x in xs: s = s + x\n    return s / len(xs)",
        "Code review please, is this idiomatic Go?\n\nfunc Max(a int, b int) int {\n\tif a > b {\n\t\treturn a\n\t} else {\n\t\treturn b\n\t}\n}",
    ),
    "data_analysis": (
        "Here are our monthly sales: Jan 120, Feb 98, Mar 143, Apr 90. What trend do you see and is April an outlier?",
        "We tested two landing pages, 4,100 and 3,950 visitors with 203 and 241 signups. Is the difference significant?",
    ),
    "documentation": (
        "Write a README for my command line tool that renames photos by date",
        "Add a docstring to this function:\n\ndef area(w, h):\n    return w * h",
        "Explain what this code does:\n\nconst f = xs => xs.reduce((a, b) => a + b, 0)",
    ),
    "extraction": (
        "Pull all phone numbers and names out of this text: 'Ask Rita on 555-0101 or her brother Leo on 555-0177.'",
        "Extract the company, the role and the salary as JSON: 'Kestrel Labs seeks a chemist, 52,000 a year.'",
    ),
    "ideation_planning": (
        "Give me 12 names for a bakery that only sells rye bread",
        "Plan a four day trip to Edinburgh with two teenagers",
        "ideas for a rainy sunday with grandparents",
    ),
    "math_reasoning": (
        "A tank holds 240 litres and loses 6 litres an hour. After how many hours is it three quarters empty?",
        "Solve for x: 4x - 9 = 2x + 15",
        "Anna is twice as old as Ben. In eight years she will be one and a half times as old. How old is Ben?",
    ),
    "refactoring": (
        "Refactor this so that there is no repetition:\n\nif kind == 'a':\n    save(x, 'a.txt')\nelif kind == 'b':\n    save(x, 'b.txt')",
        "Convert this JavaScript function to TypeScript:\n\nfunction add(a, b) { return a + b }",
    ),
    "research": (
        "Compare the pension systems of Sweden and Japan and assess which copes better with ageing.",
        "Analyse how the printing press changed religious authority in Europe, weighing at least two schools of historians.",
    ),
    "security": (
        'Which vulnerabilities do you see in this login code?\n\nquery = "SELECT * FROM users WHERE name = \'" + name + "\'"',
        "How would an attacker abuse an open redirect, and how do I harden my site against it?",
    ),
    "summarization": (
        "Summarize the following in two sentences: The council met on Monday. It approved the new tram line, but put off the vote on parking.",
        "tl;dr of this thread please\n> Ann: the server was down from 2 to 4\n> Raj: a disk was full\n> Ann: I added an alert",
    ),
    "testing": (
        "Write pytest tests for a function slugify(text) that lowercases and replaces spaces by dashes",
        "Which test cases should I write for a password reset form?",
    ),
    "tool_call": (
        "Turn the heating in the bathroom up to 23 degrees",
        "Will it snow in Innsbruck tomorrow?",
        "remind me to water the ferns on friday at 5",
    ),
    "transformation": (
        "Translate into Dutch: my suitcase has not arrived",
        "Rewrite this more politely: send me the file now",
        "correct the grammar: he go to school every days",
    ),
    "writing": (
        "Write a limerick about a goat who wants to be mayor",
        "Draft an e-mail to my team that the summer party is cancelled because of the storm",
        "Write a blog post about learning to swim at forty",
        "a bedtime story about a shy comet",
    ),
}
"""Prompts by task."""
