"""One folder a kind of label: its learner and its scores."""
