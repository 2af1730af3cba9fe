"""Answers side by side, votes, boards, cards: what is seen of many requests, or before and after one."""
