"""Spans of texts, of audio and of time series."""
