"""Train one network on labels, some of which are wrong, and predict with it."""

from __future__ import annotations

import copy
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from errata_model.encoders.trunk import Trunk
from errata_model.finetuning.augmentation import augment

if TYPE_CHECKING:
    import torch

BATCH = 32
_RATE = 2e-4  # of learning, at its peak; the new layer's is higher, it begins with nothing
_FINAL_RATE = 2e-3
_WEIGHT_DECAY = 0.05
_DROPOUT = 0.2
_MIXUP = 0.2
_WARM_UP = 0.2  # of the steps
_LONGEST_GRADIENT = 1.0
VIEWS = 4  # of an image that is predicted: itself, and so many less one that differ slightly


class Learner:
    """A copy of a trunk with a new final layer.

    The trunk stays in evaluation mode, so that what it normalises by stays as pretrained: batches are small. On
    processors and devices that multiply in bfloat16 it does.

    Attributes:
        trunk: the copy.

    Args:
        trunk: what is pretrained.
        n_outputs: K.
        is_exclusive: an image has one label of K, and not any number of them.
        seed: of all draws.
    """

    def __init__(self, trunk: Trunk, n_outputs: int, *, is_exclusive: bool, seed: int) -> None:
        import torch  # noqa: PLC0415 - takes seconds

        self._device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self._generator = torch.Generator().manual_seed(seed)
        self._rng = np.random.default_rng(seed)
        self._is_exclusive = is_exclusive
        self._mean, self._std = (
            torch.tensor(values, device=self._device)[:, None, None] for values in (trunk.mean, trunk.std)
        )
        network = copy.deepcopy(trunk.network).requires_grad_(True)
        with torch.inference_mode():
            width = network.cpu()(torch.zeros(1, 3, trunk.side, trunk.side)).shape[1]
        final = torch.nn.Linear(width, n_outputs)
        torch.nn.init.zeros_(final.weight)
        torch.nn.init.zeros_(final.bias)
        self._final = final.to(self._device)
        self.trunk = network.eval().to(self._device, memory_format=torch.channels_last)  # type: ignore[call-overload]

    def train(
        self,
        images: NDArray[np.uint8],
        targets: NDArray[np.float32],
        rows: NDArray[np.integer],
        n_steps: int,
        on_step: Callable[[], None],
    ) -> None:
        """Learn some of the rows.

        Every batch is mixed with itself in another order, images and labels alike (mixup): a network is slower to
        learn by heart what contradicts its neighbourhood.

        Args:
            images: (N, 3, side, side).
            targets: (N, K).
            rows: what to learn, at least one.
            n_steps: each a batch.
            on_step: called after each.

        Source:
            Zhang et al., "mixup: Beyond Empirical Risk Minimization", 2018; its use against wrong labels: Arazo et
            al., "Unsupervised Label Noise Modeling and Loss Correction", 2019.
        """
        import torch  # noqa: PLC0415

        pretrained, new = list(self.trunk.parameters()), list(self._final.parameters())
        optimizer = torch.optim.AdamW([{"params": pretrained}, {"params": new}], weight_decay=_WEIGHT_DECAY)
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimizer, [_RATE, _FINAL_RATE], total_steps=max(2, n_steps), pct_start=_WARM_UP
        )
        queue: NDArray[np.integer] = np.zeros(0, dtype=np.int64)
        size = min(BATCH, len(rows))
        for _ in range(n_steps):
            if len(queue) < size:
                queue = self._rng.permutation(rows)
            batch, queue = queue[:size], queue[size:]
            loss = self._loss(self._load(images[batch]), torch.from_numpy(targets[batch]).to(self._device))
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_([*pretrained, *new], _LONGEST_GRADIENT)
            optimizer.step()
            schedule.step()
            on_step()

    def _loss(self, images: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        import torch  # noqa: PLC0415

        views = augment(images, self._generator)
        order = self._rng.permutation(len(views))
        share = self._rng.beta(_MIXUP, _MIXUP)
        logits = self._logits(share * views + (1 - share) * views[order], is_learning=True)
        mixed = share * targets + (1 - share) * targets[order]
        if self._is_exclusive:
            return torch.nn.functional.cross_entropy(logits, mixed)
        return torch.nn.functional.binary_cross_entropy_with_logits(logits, mixed) * mixed.shape[1]

    def predict(self, images: NDArray[np.uint8], rows: NDArray[np.integer]) -> NDArray[np.float32]:
        """Return (n, K) log-probabilities, of tags log-odds, averaged over views of some of the rows."""
        import torch  # noqa: PLC0415

        found = []
        with torch.inference_mode():
            for start in range(0, len(rows), BATCH):
                batch = self._load(images[rows[start : start + BATCH]])
                views = [batch, *(augment(batch, self._generator) for _ in range(VIEWS - 1))]
                logits = torch.stack([self._logits(view, is_learning=False) for view in views])
                found.append((logits.log_softmax(dim=2) if self._is_exclusive else logits).mean(dim=0).cpu())
        return np.asarray(torch.cat(found).numpy(), dtype=np.float32)

    def _load(self, images: NDArray[np.uint8]) -> torch.Tensor:
        import torch  # noqa: PLC0415

        batch = torch.from_numpy(np.ascontiguousarray(images)).to(self._device).float().div_(255)
        return batch.sub_(self._mean).div_(self._std)

    def _logits(self, images: torch.Tensor, *, is_learning: bool) -> torch.Tensor:
        import torch  # noqa: PLC0415

        with self._half():
            seen = self.trunk(images.contiguous(memory_format=torch.channels_last)).float()
        if is_learning:
            kept = torch.rand(seen.shape, generator=self._generator).to(self._device) >= _DROPOUT
            seen = seen * kept / (1 - _DROPOUT)
        logits: torch.Tensor = self._final(seen)
        return logits

    def _half(self) -> AbstractContextManager[None]:
        import torch  # noqa: PLC0415

        return torch.autocast(self._device.type, torch.bfloat16, enabled=multiplies_bfloat16(self._device.type))


def multiplies_bfloat16(device_type: str) -> bool:
    """Say whether bfloat16 is quicker here: where it is emulated it is not."""
    import torch  # noqa: PLC0415

    if device_type == "cuda":
        return bool(torch.cuda.is_bf16_supported())
    return bool(getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)())  # public in no version yet
