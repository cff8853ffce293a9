"""Regions that people and beliefs mark on an item: what they are, how two of them overlap, what doubts one."""
