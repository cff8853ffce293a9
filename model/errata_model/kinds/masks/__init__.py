"""Masks: any number of areas of an image, each of one class, given pixel by pixel or by their outline."""
