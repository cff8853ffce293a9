"""The pages' use cases: what the scan board, the projector and the confusion map show, and what is decided there."""
