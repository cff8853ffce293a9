"""Media in, embeddings out: one module a modality."""
