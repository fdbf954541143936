"""One class out of several: loss, weights, mixtures, missing labels and metrics against their definitions."""

from __future__ import annotations

import pytest
import torch
from sklearn.metrics import accuracy_score, f1_score
from torch import Tensor
from torch.nn import functional as F

from music_affect.tasks.classification import Classification
from music_affect.tasks.objective import Mixture


def objective(**settings: object) -> Classification:
    torch.manual_seed(0)
    return Classification(3, 4, **settings)  # type: ignore[arg-type]


def rows(size: int = 6) -> tuple[Tensor, Tensor]:
    """Embeddings [B, 3] and labels [B]."""
    generator = torch.Generator().manual_seed(1)
    return torch.randn(size, 3, generator=generator), torch.randint(0, 4, (size,), generator=generator)


def test_the_loss_is_cross_entropy() -> None:
    made, (embedding, labels) = objective(label_smoothing=0.1), rows()
    output = made(embedding)
    losses, shares = made.losses(output, labels, None)
    assert losses.shape == (6,)
    assert torch.equal(shares, torch.ones(6))
    assert torch.isclose(losses.mean(), F.cross_entropy(output, labels, label_smoothing=0.1))


def test_class_weights_weigh_the_loss_and_stay_out_of_the_checkpoint() -> None:
    weights = [1.0, 2.0, 0.0, 4.0]
    made, (embedding, labels) = objective(class_weights=weights), rows()
    output = made(embedding)
    plain = F.cross_entropy(output, labels, reduction="none")
    assert torch.allclose(made.losses(output, labels, None)[0], plain * torch.tensor(weights)[labels])
    assert "class_weights" not in made.state_dict()


def test_mixed_rows_count_both_labels_by_their_shares() -> None:
    made, (embedding, _) = objective(), rows(3)
    output = made(embedding)
    mixture = Mixture(torch.tensor([1, 0, 0]), torch.tensor([0.75, 1.0, 0.5]))
    losses, shares = made.losses(output, torch.tensor([0, 3, 2]), mixture)
    log = output.log_softmax(1)
    wanted = [-(0.75 * log[0, 0] + 0.25 * log[0, 3]), -log[1, 3], -(log[2, 2] + log[2, 0]) / 2]
    assert torch.allclose(losses, torch.stack(wanted))
    assert torch.equal(shares, torch.ones(3))


def test_a_missing_label_teaches_nothing() -> None:
    made, (embedding, labels) = objective(class_weights=[1.0, 2.0, 3.0, 4.0]), rows()
    labels[[1, 4]] = -1
    output = made(embedding)
    output.retain_grad()
    losses, shares = made.losses(output, labels, None)
    losses.sum().backward()
    present = labels >= 0
    assert torch.equal(shares, present.float())
    assert not losses[~present].any()
    assert torch.equal(losses[present], made.losses(output[present], labels[present], None)[0])
    assert output.grad is not None
    assert not output.grad[~present].any()
    assert output.grad[present].any(dim=1).all()


def test_a_mixed_row_counts_by_the_share_that_has_a_label() -> None:
    made, (embedding, _) = objective(), rows(3)
    output = made(embedding)
    mixture = Mixture(torch.tensor([1, 0, 1]), torch.tensor([0.75, 0.25, 0.5]))
    losses, shares = made.losses(output, torch.tensor([2, -1, -1]), mixture)
    log = output.log_softmax(1)
    assert torch.allclose(losses, torch.stack([-0.75 * log[0, 2], -0.75 * log[1, 2], torch.tensor(0.0)]))
    assert torch.equal(shares, torch.tensor([0.75, 0.75, 0.0]))


def test_metrics_equal_sklearn_also_where_classes_are_missing() -> None:
    made, (embedding, labels) = objective(), rows(30)
    probabilities = made.predict(made(embedding))
    assert torch.allclose(probabilities.sum(dim=1), torch.ones(30))
    predicted, labels = probabilities.argmax(1).clamp(max=2), labels.clamp(max=2)
    found = made.scores(F.one_hot(predicted, 4).float(), labels)
    assert found["f1_macro"] == pytest.approx(f1_score(labels, predicted, average="macro"))
    assert found["accuracy"] == pytest.approx(accuracy_score(labels, predicted))


def test_metrics_leave_out_clips_without_the_label() -> None:
    made, (embedding, labels) = objective(), rows(30)
    probabilities = made.predict(made(embedding))
    labels[::3] = -1
    present = labels >= 0
    assert made.scores(probabilities, labels) == made.scores(probabilities[present], labels[present])
    assert made.scores(probabilities, torch.full((30,), -1)) == {"f1_macro": 0.0, "accuracy": 0.0}
