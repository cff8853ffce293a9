"""Any number of tags, each by itself: scores, the learner, and what several annotators say together."""
