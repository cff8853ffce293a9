"""What people decide and what follows: verdicts, change plans, the journal, undo, figures of the queue."""
