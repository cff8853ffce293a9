"""How many threads linear algebra gets."""

from __future__ import annotations

from contextlib import AbstractContextManager

from threadpoolctl import threadpool_limits

_FEW_ROWS = 20_000


def threads_for(n_rows: int) -> AbstractContextManager[object]:
    """Let linear algebra use one thread of this process for so few rows, and as many as it likes for more.

    NumPy and SciPy each bring threads of their own, which wait for work by spinning: on two cores learning from 1,400
    rows took 9.6 seconds with two threads each and 1.8 with one, from 5,000 rows 12.8 and 5.8. The limit is the whole
    process's: where fits overlap in several threads, the last to end may leave it at one.
    """
    limits: AbstractContextManager[object] = threadpool_limits(1 if n_rows <= _FEW_ROWS else None, user_api="blas")
    return limits
