"""Answers to declared questions, judged against what a place does in ordinary years."""
