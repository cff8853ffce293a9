"""Single choice: the scores of given labels, the learner, and what several annotators say together."""
