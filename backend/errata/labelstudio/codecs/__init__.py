"""How Label Studio writes each kind of label down: one module a kind."""
