"""What can go wrong, as one tree. Every text is safe to show to anyone and names the remedy.

ErrataError                     exit 1
├── CheckFailed                 exit 1  a verification found a difference
├── UsageError                  exit 2  wrong use or input: the caller can mend it
│   ├── SettingError            a setting is missing or wrong
│   ├── ExportError             a Label Studio export or config file cannot be read
│   ├── ConfigNotServed         no control of the label config can be audited
│   ├── NothingToLearn          too few labels or classes to have a belief
│   ├── TableGone               the pages have no table of a project, or not that one any more
│   └── AuditRunning            an audit of this project is under way already
├── MediaError                  one task's media cannot be used (counted, the audit goes on)
└── ServiceError                exit 3  a service could not be reached or refused
    ├── LabelStudioUnreachable  down, slow, or answering 429 or 5xx beyond the retries
    ├── LabelStudioRefused      the token or its rights are not enough
    ├── LabelStudioGone         what was asked for does not exist (any more)
    └── QueueUnreachable        Redis cannot be reached
"""

from __future__ import annotations


class ErrataError(Exception):
    """Anything that errata says is wrong."""

    exit_code = 1


class CheckFailed(ErrataError):
    """A verification found a difference."""


class UsageError(ErrataError):
    """Wrong use or input: the caller can mend it."""

    exit_code = 2


class SettingError(UsageError):
    """A setting is missing or wrong."""


class ExportError(UsageError):
    """A Label Studio export or config file cannot be read."""


class ConfigNotServed(UsageError):
    """No control of the label config can be audited."""


class NothingToLearn(UsageError):
    """Too few labels or classes to have a belief."""


class TableGone(UsageError):
    """The pages have no table of a project yet, or not that one any more."""


class AuditRunning(UsageError):
    """An audit of this project is under way already."""


class MediaError(ErrataError):
    """One task's media cannot be used; its text says why in a few words, without the address's query."""


class ServiceError(ErrataError):
    """A service could not be reached or refused."""

    exit_code = 3


class LabelStudioUnreachable(ServiceError):
    """Label Studio is down, slow, or answers 429 or 5xx beyond the retries."""


class LabelStudioRefused(ServiceError):
    """The token or its rights are not enough."""


class LabelStudioGone(ServiceError):
    """What was asked for does not exist in Label Studio (any more)."""


class QueueUnreachable(ServiceError):
    """Redis cannot be reached."""
