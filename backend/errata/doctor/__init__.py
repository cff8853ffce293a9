"""Looks at errata, its Label Studio and what lies between them, and says how to mend what is wrong."""
