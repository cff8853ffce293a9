"""The queue of audits and other work: child processes by default, RQ on Redis beyond one machine."""
