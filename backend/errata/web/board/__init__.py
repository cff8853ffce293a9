"""The pages: who may see them, their JSON, their pictures, and the files that browsers load (`pages/`)."""
