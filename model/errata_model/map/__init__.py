"""How labels are laid out for people to look at: in a line, in the plane, and as a confusion matrix."""
