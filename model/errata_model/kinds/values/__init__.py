"""Answers that are no labels, a number or a text say: how similar two of them are, and what several people agree on."""
