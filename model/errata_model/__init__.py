"""The learning half of errata: arrays in, beliefs, qualities and neighbours out.

Knows nothing of Label Studio, HTTP, queues or SQL. Importing it does not import torch.
"""
