"""Tells proposals apart: somebody who takes one takes what they saw, not what a later audit proposes."""

from __future__ import annotations

import hashlib
import json

from errata_model.records import Proposal


def proposal_mark(proposal: Proposal) -> str:
    """Return 16 hex digits: the same as long as the same label is proposed, and the same place for it."""
    places = [result.get("value") for result in (proposal.value, *proposal.beside)]
    said = json.dumps([proposal.action, proposal.label, places], sort_keys=True, default=str)
    return hashlib.sha256(said.encode()).hexdigest()[:16]
