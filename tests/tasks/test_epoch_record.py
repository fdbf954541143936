"""Windows become clips before anything is scored."""

from __future__ import annotations

import torch

from music_affect.batch import Batch
from music_affect.tasks.epoch_record import EpochRecord


def batch(clips: list[int], labels: list[int]) -> Batch:
    size = len(clips)
    return Batch(torch.zeros(size, 1, 1), torch.ones(size).long(), {"genre": torch.tensor(labels)}, torch.tensor(clips))


def test_windows_of_a_clip_are_averaged_wherever_they_stand() -> None:
    record = EpochRecord()
    record.add(batch([2, 0], [5, 3]), torch.tensor([1.0, 2.0]), torch.tensor([[1.0, 0.0], [0.5, 0.5]]))
    record.add(
        batch([2, 1, 2], [5, 4, 5]), torch.tensor([3.0, 4.0, 5.0]), torch.tensor([[0.0, 1.0], [0.2, 0.8], [0.5, 0.5]])
    )
    record.close()
    assert record.clips.tolist() == [0, 1, 2]
    assert torch.allclose(record.predictions, torch.tensor([[0.5, 0.5], [0.2, 0.8], [0.5, 0.5]]))
    assert record.targets["genre"].tolist() == [3, 4, 5]
    assert record.loss == 3.0


def test_gradients_are_not_kept() -> None:
    record = EpochRecord()
    losses = torch.ones(1, requires_grad=True) * 2
    record.add(batch([0], [0]), losses, losses[:, None])
    record.close()
    assert not record.predictions.requires_grad
