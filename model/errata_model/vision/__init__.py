"""What learners of boxes and of masks share: scaled pictures, the networks they look through, folds, and their time."""
