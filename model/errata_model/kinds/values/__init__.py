"""Answers that are no labels, a number, a date or a text say: how similar two of them are, and what several agree on."""
