"""What Label Studio calls: the ML backend's contract and the webhook."""
