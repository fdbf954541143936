"""Genre classification: loss, weights, mixtures and metrics against their definitions."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from sklearn.metrics import accuracy_score, f1_score
from torch import Tensor, nn
from torch.nn import functional as F

from music_affect.batch import Batch
from music_affect.tasks.base import mixed, parameter_groups
from music_affect.tasks.epoch_record import EpochRecord
from music_affect.tasks.genre import GenreClassification
from music_affect.tasks.schedules import constant, warmup_cosine


class Flat(nn.Module):
    """The mean frame as the embedding."""

    out_features = 3

    def forward(self, spectrogram: Tensor, lengths: Tensor) -> Tensor:
        return spectrogram.sum(1) / lengths[:, None]


def task(**settings: object) -> GenreClassification:
    torch.manual_seed(0)
    return GenreClassification(Flat(), "genre", 4, partial(torch.optim.AdamW, lr=1e-3), constant, **settings)  # type: ignore[arg-type]


def batch(size: int = 6) -> Batch:
    generator = torch.Generator().manual_seed(1)
    labels = torch.randint(0, 4, (size,), generator=generator)
    spectrogram = torch.randn(size, 5, 3, generator=generator)
    return Batch(spectrogram, torch.full((size,), 5), {"genre": labels}, torch.arange(size))


def test_the_loss_is_cross_entropy() -> None:
    made, given = task(label_smoothing=0.1), batch()
    output = made(given.spectrogram, given.lengths)
    wanted = F.cross_entropy(output, given.targets["genre"], label_smoothing=0.1)
    assert made.losses(output, given).shape == (6,)
    assert torch.isclose(made.losses(output, given).mean(), wanted)


def test_class_weights_weigh_the_loss_and_stay_out_of_the_checkpoint() -> None:
    weights = [1.0, 2.0, 0.0, 4.0]
    made, given = task(class_weights=weights), batch()
    output = made(given.spectrogram, given.lengths)
    plain = F.cross_entropy(output, given.targets["genre"], reduction="none")
    assert torch.allclose(made.losses(output, given), plain * torch.tensor(weights)[given.targets["genre"]])
    assert "class_weights" not in made.state_dict()


def test_mixed_rows_count_both_labels_by_their_shares() -> None:
    made, given = task(), batch(2)
    given.targets = {"genre": torch.tensor([0, 3])}
    given.partner, given.weight = torch.tensor([1, 0]), torch.tensor([0.75, 1.0])
    output = made(given.spectrogram, given.lengths)
    log = output.log_softmax(1)
    wanted = torch.stack([-(0.75 * log[0, 0] + 0.25 * log[0, 3]), -log[1, 3]])
    assert torch.allclose(made.losses(output, given), wanted)
    assert torch.allclose(mixed(torch.tensor([2.0]), torch.tensor([4.0]), torch.tensor([0.5])), torch.tensor([3.0]))


def test_metrics_equal_sklearn_also_where_classes_are_missing() -> None:
    made, given = task(), batch(30)
    record = EpochRecord()
    record.add(given, torch.zeros(30), made.predict_rows(made(given.spectrogram, given.lengths)))
    record.close()
    record.targets = {"genre": given.targets["genre"].clamp(max=2)}
    predicted = record.predictions.argmax(1).clamp(max=2)
    record.predictions = F.one_hot(predicted, 4).float()
    found = made.scores(record)
    labels = record.targets["genre"]
    assert found["f1_macro"] == pytest.approx(f1_score(labels, predicted, average="macro"))
    assert found["accuracy"] == pytest.approx(accuracy_score(labels, predicted))


def test_norms_biases_and_positions_are_not_decayed() -> None:
    module = nn.Sequential(nn.Linear(2, 3), nn.LayerNorm(3))
    module.position = nn.Parameter(torch.zeros(4, 4))  # type: ignore[assignment]
    decayed, plain = parameter_groups(module)
    assert [tuple(p.shape) for p in decayed["params"]] == [(3, 2)]
    assert plain["weight_decay"] == 0.0
    assert len(plain["params"]) == 4


def test_the_rate_rises_then_falls_to_zero() -> None:
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=2.0)
    schedule = warmup_cosine(optimizer, total_steps=100, warmup=0.2)
    rates = []
    for _ in range(100):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    assert rates[0] == pytest.approx(0.1)
    assert max(rates) == rates[19] == pytest.approx(2.0)
    assert rates[60] == pytest.approx(1.0)
    assert optimizer.param_groups[0]["lr"] == pytest.approx(0.0)
    assert rates[:20] == sorted(rates[:20])
    assert rates[20:] == sorted(rates[20:], reverse=True)
