"""Windows become clips before anything is scored."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from music_affect.contracts.batch import Batch
from music_affect.tasks.epoch_record import EpochRecord, mean_loss


def batch(clips: list[int], labels: list[int]) -> Batch:
    size = len(clips)
    return Batch(torch.zeros(size, 1, 1), torch.ones(size).long(), {"genre": torch.tensor(labels)}, torch.tensor(clips))


def terms(losses: list[float], shares: list[float] | None = None) -> tuple[Tensor, Tensor]:
    return torch.tensor(losses), torch.ones(len(losses)) if shares is None else torch.tensor(shares)


def test_windows_of_a_clip_are_averaged_wherever_they_stand() -> None:
    record = EpochRecord()
    first, second = torch.tensor([[1.0, 0.0], [0.5, 0.5]]), torch.tensor([[0.0, 1.0], [0.2, 0.8], [0.5, 0.5]])
    record.add(batch([2, 0], [5, 3]), {"genre": terms([1.0, 2.0])}, {"genre": first})
    record.add(batch([2, 1, 2], [5, 4, 5]), {"genre": terms([3.0, 4.0, 5.0])}, {"genre": second})
    record.close()
    assert record.clips.tolist() == [0, 1, 2]
    assert torch.allclose(record.predictions["genre"], torch.tensor([[0.5, 0.5], [0.2, 0.8], [0.5, 0.5]]))
    assert record.targets["genre"].tolist() == [3, 4, 5]
    assert record.losses["genre"] == 3.0


def test_several_labels_are_kept_apart_and_a_loss_is_the_mean_where_its_label_is_there() -> None:
    record = EpochRecord()
    shared = {"genre": torch.ones(2, 3), "valence": torch.tensor([[0.2], [0.4]])}
    losses = {"genre": terms([1.0, 3.0]), "valence": terms([0.0, 0.5], [0.0, 1.0])}
    record.add(batch([0, 1], [0, 0]), losses, shared)
    losses = {"genre": terms([0.0, 8.0], [0.0, 0.5]), "valence": terms([0.0, 0.0], [0.0, 0.0])}
    record.add(batch([2, 1], [0, 0]), losses, {**shared, "valence": torch.tensor([[1.0], [0.8]])})
    record.close()
    assert record.predictions["genre"].shape == (3, 3)
    assert torch.allclose(record.predictions["valence"], torch.tensor([[0.2], [0.6], [1.0]]))
    assert {name: pytest.approx(float(loss)) for name, loss in record.losses.items()} == {"genre": 4.8, "valence": 0.5}


def test_a_label_that_no_row_carries_costs_nothing() -> None:
    assert mean_loss(*terms([0.0, 0.0], [0.0, 0.0])) == 0.0
    assert mean_loss(torch.zeros(0), torch.zeros(0)) == 0.0


def test_gradients_are_not_kept() -> None:
    record = EpochRecord()
    losses = torch.ones(1, requires_grad=True) * 2
    record.add(batch([0], [0]), {"genre": (losses, torch.ones(1))}, {"genre": losses[:, None]})
    record.close()
    assert not record.predictions["genre"].requires_grad
    assert not record.losses["genre"].requires_grad
