"""Boxes, and what is judged as boxes are: ellipses and points."""
