"""Mistakes that published systems made: each is made here on purpose, with its wrong number, and then tried on ours."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from running import compose, train_quickly
from scipy import stats
from small_tasks import after_testing, batches, make_task, reading
from torch import Tensor, nn
from torch.nn import functional as F

from music_affect.configuration import build
from music_affect.contracts.errors import CheckpointError, TrainingError
from music_affect.contracts.spec import DataSpec
from music_affect.models.lstm import LSTM
from music_affect.runs.checkpoint import read_checkpoint
from music_affect.tasks.regression import Regression
from music_affect.training import transfer

Floats = NDArray[np.float64]


def spearman(first: Tensor | Floats, second: Tensor | Floats) -> float:
    return float(stats.spearmanr(np.asarray(first), np.asarray(second))[0])


def test_column_of_predictions_against_row_of_labels() -> None:
    """(B,1) against (B,) in the MSE: every prediction learns the mean of all labels; ours refuses the shapes."""
    torch.manual_seed(0)
    inputs = torch.randn(64, 4)
    labels = inputs[:, 0] + 5

    def fitted(shape: tuple[int, ...]) -> Tensor:
        net = nn.Linear(4, 1)
        optimizer = torch.optim.Adam(net.parameters(), lr=0.1)
        for _ in range(300):
            optimizer.zero_grad()
            ((net(inputs) - labels.reshape(shape)) ** 2).mean().backward()
            optimizer.step()
        predicted: Tensor = net(inputs).detach().squeeze(1)
        return predicted

    wrong, right = fitted((64,)), fitted((64, 1))
    assert wrong.std() < 0.01 * labels.std()
    assert wrong.mean() == pytest.approx(labels.mean().item(), abs=0.01)
    assert right.std() == pytest.approx(labels.std().item(), abs=0.01)

    objective = Regression(4)
    for output, given in ((labels[:, None], labels[:, None]), (labels[:, None], labels[None])):
        with pytest.raises(TrainingError, match="the mean be learnt"):
            objective.losses(output, given, None)
    assert objective.losses(labels[:, None], labels, None)[0].sum() == 0


def test_last_padded_step_of_a_recurrent_network() -> None:
    """The last step of a padded batch: what is left after padding was read; ours ends where each clip ends."""
    torch.manual_seed(0)
    clip = torch.randn(1, 12, 8)
    longer = F.pad(clip, (0, 0, 0, 60))
    plain = nn.LSTM(8, 16, batch_first=True)
    alone, padded = (plain(given)[0][:, -1] for given in (clip, longer))
    assert (alone - padded).norm() > 0.5 * alone.norm(), "the answer depends on the longest clip of the batch"
    other = plain(F.pad(torch.randn(1, 12, 8), (0, 0, 0, 60)))[0][:, -1]
    assert (other - padded).norm() < 0.01 * padded.norm(), "two unlike clips end alike"

    for pooling, both in (("last", True), ("last", False), ("mean", True), ("attention_mean", True)):
        ours = LSTM(8, 72, pooling=pooling, bidirectional=both).eval()
        length = torch.tensor([12])
        assert torch.allclose(ours(clip, length), ours(longer, length), atol=1e-6)


def test_correlations_averaged_over_batches() -> None:
    """The mean of Spearman over batches: below 0 for a ranking that is .98 right; ours ranks a whole split at once."""
    random = np.random.default_rng(0)
    labels = np.arange(32) // 4 + random.random(32) * 0.1
    predicted = np.arange(32) // 4 + random.random(32) * 0.1
    parts = [slice(begin, begin + 4) for begin in range(0, 32, 4)]
    averaged = np.mean([spearman(predicted[part], labels[part]) for part in parts])
    whole = spearman(predicted, labels)
    assert whole > 0.95
    assert averaged < -0.3

    frames, targets = torch.tensor(predicted).float()[:, None], {"valence": torch.tensor(labels).float()}
    for sizes in ([4] * 8, [7, 7, 7, 7, 4], [32]):
        task = make_task({"valence": reading(0)})
        record = after_testing(task, batches(frames, targets, sizes))
        assert task.scores(record)["spearman"] == pytest.approx(whole, abs=1e-5)


def test_a_transfer_that_trains_a_fresh_network(tmp_path: Path) -> None:
    """Weights of other names loaded leniently: nothing arrives, nobody is told; ours counts them or refuses."""
    torch.manual_seed(0)
    trained, fresh = nn.Linear(4, 4), nn.Linear(4, 4)
    before = fresh.weight.clone()
    fresh.load_state_dict({f"model.{name}": tensor for name, tensor in trained.state_dict().items()}, strict=False)
    assert torch.equal(fresh.weight, before), "still random, and no error"

    train_quickly(tmp_path / "start", "trainer.max_epochs=1")
    start = read_checkpoint(tmp_path / "start")
    task = build.task(compose("train", "model=cnn_fast", "task=genre", "seed=1"), start.description.spec)
    assert transfer.load(task, start.description.spec, start).tensors == len(start.weights)
    assert all(torch.equal(tensor, start.weights[name]) for name, tensor in task.state_dict().items())
    renamed = {f"model.{name}": tensor for name, tensor in start.weights.items()}
    other = type(start)(start.path, start.description, renamed, None, 0)
    with pytest.raises(CheckpointError, match=r"has nothing for backbone\.layers\.0\.convolution\.weight"):
        transfer.load(task, start.description.spec, other)
    smaller = DataSpec.from_dict({**start.description.spec.to_dict(), "num_features": 64})
    lstm = build.task(compose("train", "model=lstm", "task=genre"), smaller)
    with pytest.raises(CheckpointError, match="expected the same network"):
        transfer.load(lstm, smaller, start)
