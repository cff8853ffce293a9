"""What errata keeps: a database and a folder of artefacts."""
