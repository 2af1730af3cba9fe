"""A hundred things that people ask an assistant on their own machine, each with where it belongs; of our own writing."""

from __future__ import annotations

from typing import Final

PLAIN: Final = (
    "Write a haiku about autumn rain.",
    "What is the capital of Portugal?",
    "Explain Docker in a few sentences.",
    "What's 17 times 23?",
    "Define entropy for a ten-year-old.",
    "Write a limerick about a cat that codes.",
    "How does a refrigerator keep things cold?",
    "Tell me about the Roman aqueducts.",
    "What is the difference between a comet and an asteroid?",
    "Write a birthday wish for my sister.",
    "Suggest three names for a bakery.",
    "What is a prime number?",
    "How do I boil an egg?",
    "Write a two-line slogan for a bicycle shop.",
    "Why is the sky blue?",
    "What does 'ad hoc' mean?",
    "Give me a synonym for 'happy'.",
    "Translate 'good morning' into Spanish.",
    "Who wrote Don Quixote?",
    "What is photosynthesis?",
    "Write a short poem about the sea.",
    "Explain what an API is.",
    "How many legs does a spider have?",
    "What is the square root of 144?",
    "Tell me a joke about programmers.",
    "What is the plural of 'cactus'?",
    "Write a thank-you note to a teacher.",
    "Explain recursion with an everyday example.",
    "What is a mortgage?",
    "How does a bill become a law?",
    "Write an opening line for a mystery novel.",
    "What colour do you get from blue and yellow?",
    "Explain the offside rule in football.",
    "What is the boiling point of water in Fahrenheit?",
    "Write a caption for a photo of a sunset.",
    "How long is a marathon?",
    "What is a black hole?",
    "Make this sound friendlier: 'Send me the file.'",
    "Give me five words that rhyme with 'light'.",
    "What is a healthy breakfast?",
    "Explain inflation simply.",
    "Who painted the Mona Lisa?",
    "Write a toast for a wedding.",
    "What's the past tense of 'to lie' as in lying down?",
    "What is the largest ocean?",
    "How does Wi-Fi work?",
    "Write a two-sentence bedtime story about a fox.",
    "What is a verb?",
    "Name three uses for baking soda.",
    "Explain the water cycle.",
    "How do I tie a bow tie?",
    "What's the difference between 'affect' and 'effect'?",
    "Write a polite reminder to a friend who owes me ten euros.",
    "What is a leap year?",
    "What is the chemical symbol for gold?",
    "Tell me about penguins.",
    "How do vaccines work?",
    "Write a tagline for a podcast about gardening.",
    "What does HTML stand for?",
    "Explain the difference between weather and climate.",
    "How many minutes are in a week?",
    "Write a riddle about a candle.",
    "What is umami?",
    "Give me a fun fact about octopuses.",
    "What is the tallest mountain in Africa?",
    "Explain what a hash function does, in one paragraph.",
    "Write an out-of-office message for a week in July.",
    "What is the meaning of 'carpe diem'?",
    "How do bees make honey?",
    "Create a name for a friendly robot.",
)
"""Short and plain, or a little writing: for the small model."""

TOOLS: Final = (
    "What's the weather in Paris?",
    "What is the temperature in Oslo right now?",
    "Will it rain in Hamburg tomorrow?",
    "Show me the forecast for Lisbon this weekend.",
    "What are today's headlines?",
    "What is the latest news about the election?",
    "Search for flights from Berlin to Rome next Friday.",
    "Look up the opening hours of the British Museum.",
    "What's happening in Tokyo tonight?",
    "Find me the current exchange rate of the euro to the dollar.",
    "Search the web for reviews of the new Fairphone.",
    "Is the A7 motorway closed at the moment?",
    "What did the Bundestag decide today?",
    "Do I need an umbrella in Vienna this afternoon?",
    "Find the latest release of pandas.",
    "Who won the match yesterday evening?",
    "What is the current price of bitcoin?",
    "Look up train connections from Cologne to Brussels this evening.",
)
"""Nobody can know these by heart: for the model that calls tools."""

ANALYTIC: Final = (
    "Compare PostgreSQL and MongoDB for an event store with ten million writes a day, and weigh the trade-offs of consistency, cost and operations.",
    "Analyze the pros and cons of moving a monolith of 400,000 lines to microservices, with the risks of each step and what to measure on the way.",
    "Evaluate three pricing strategies for a software product with a free tier, and recommend one with your reasoning.",
    "Research the causes of the 2008 financial crisis and contrast the explanations of three schools of economics in detail.",
    "Do a detailed analysis of the advantages and disadvantages of heat pumps against gas boilers for a house from 1970.",
    "Review this function for race conditions and security problems:\n```python\ndef withdraw(account, amount):\n    balance = db.get(account)\n    if balance >= amount:\n        db.set(account, balance - amount)\n        os.system(f'notify {account}')\n    return db.get(account)\n```",
    "Design the architecture of a multi-tenant billing system: services, data model, failure modes, and how it scales to a thousand tenants.",
    "Implement an LRU cache in Python that is thread-safe, has a time to live for each entry, and evicts in O(1); add type hints and tests.",
    "Compare the arguments of utilitarian and deontological ethics on self-driving cars, and evaluate which holds up better.",
    "Find the bug in this code and fix it:\n```python\ndef merge(a, b):\n    result, i, j = [], 0, 0\n    while i < len(a) and j < len(b):\n        if a[i] <= b[j]:\n            result.append(a[i]); i += 1\n        else:\n            result.append(b[j])\n    return result + a[i:] + b[j:]\n```",
)
"""Long thinking, or code that must be right: for the large model."""

LONG: Final = tuple(
    f"Summarize the minutes of our {month} meeting.\n\n"
    + " ".join(
        f"Item {n}: the team went through the open points of the {month} release and agreed on the next step." for n in range(1, 130)
    )
    for month in ("March", "June")
)
"""Above two thousand tokens: for the large model, whose window is larger too."""

LARGE: Final = (*TOOLS, *ANALYTIC, *LONG)
MIXED: Final = tuple(query for at in range(10) for query in (*PLAIN[7 * at : 7 * at + 7], *LARGE[3 * at : 3 * at + 3]))
"""All of them, mixed as a day mixes them."""
