from __future__ import annotations

import pytest
import torch
from torch import Tensor

from music_affect.contracts.batch import Batch
from music_affect.data.augmentation import Augmentation

BLOCKS = {"mel": (0, 40), "chroma": (40, 52)}
LENGTHS = [60, 60, 41, 30, 17, 60, 2, 1]


def make_batch(lengths: list[int] = LENGTHS) -> Batch:
    """Positive numbers inside the clips, zeros after them."""
    random = torch.Generator().manual_seed(0)
    spectrogram = torch.rand(len(lengths), max(lengths), 52, generator=random) + 1
    sizes = torch.tensor(lengths)
    spectrogram[torch.arange(max(lengths)) >= sizes[:, None]] = 0
    labels = {"genre": torch.arange(len(lengths)) % 3}
    return Batch(spectrogram, sizes, labels, torch.arange(len(lengths)))


def augmented(settings: dict[str, float], seed: int = 0, blocks: dict[str, tuple[int, int]] = BLOCKS) -> Batch:
    augmentation = Augmentation(**settings)  # type: ignore[arg-type]
    return augmentation(make_batch(), blocks, torch.Generator().manual_seed(seed))


def inside(batch: Batch) -> Tensor:
    return torch.arange(batch.spectrogram.shape[1]) < batch.lengths[:, None]


ALL = {"time_masks": 2, "time_width": 0.3, "mel_masks": 2, "mel_width": 0.3, "mixup_alpha": 0.3}


def test_nothing_is_changed_unless_asked_for() -> None:
    batch = augmented({})
    assert torch.equal(batch.spectrogram, make_batch().spectrogram)
    assert batch.partner is None
    assert batch.weight is None


@pytest.mark.parametrize("settings", [ALL, {"time_masks": 1}, {"mel_masks": 1}, {"mixup_alpha": 0.3}])
def test_the_batch_given_is_left_as_it_is(settings: dict[str, float]) -> None:
    batch, before = make_batch(), make_batch()
    changed = Augmentation(**settings)(batch, BLOCKS, torch.Generator().manual_seed(0))  # type: ignore[arg-type]
    assert not torch.equal(changed.spectrogram, before.spectrogram)
    assert torch.equal(batch.spectrogram, before.spectrogram)
    assert torch.equal(batch.lengths, before.lengths)
    assert batch.partner is None


def test_everything_comes_from_the_generator() -> None:
    torch.manual_seed(1)
    one = augmented(ALL, seed=5)
    torch.manual_seed(2)
    other = augmented(ALL, seed=5)
    assert torch.equal(one.spectrogram, other.spectrogram)
    assert one.weight is not None
    assert other.weight is not None
    assert torch.equal(one.weight, other.weight)
    assert not torch.equal(augmented(ALL, seed=6).spectrogram, one.spectrogram)


def test_frequency_masks_blank_stripes_of_mel_rows_and_never_chroma() -> None:
    widths = set()
    for seed in range(50):
        batch = augmented({"mel_masks": 1, "mel_width": 0.25}, seed)
        kept = batch.spectrogram != 0
        assert torch.equal(kept[:, :, 40:], inside(batch)[:, :, None].expand(-1, -1, 12))
        for row, length in enumerate(LENGTHS):
            blank = (~kept[row, :length, :40]).nonzero()
            assert torch.equal(kept[row, :length], kept[row, :1].expand(length, -1))
            columns = sorted(set(blank[:, 1].tolist()))
            assert len(columns) <= 10
            assert columns == (list(range(columns[0], columns[-1] + 1)) if columns else [])
            widths.add(len(columns))
            values = batch.spectrogram[row][kept[row]]
            assert torch.equal(values, make_batch().spectrogram[row][kept[row]])
    assert widths >= set(range(9))


def test_time_masks_blank_stripes_of_frames_in_proportion_to_the_clip() -> None:
    widths: dict[int, set[int]] = {}
    for seed in range(50):
        batch = augmented({"time_masks": 1, "time_width": 0.25}, seed)
        for row, length in enumerate(LENGTHS):
            kept = batch.spectrogram[row, :length] != 0
            assert torch.equal(kept, kept[:, :1].expand(-1, 52))
            frames = (~kept[:, 0]).nonzero()[:, 0].tolist()
            assert frames == (list(range(frames[0], frames[-1] + 1)) if frames else [])
            widths.setdefault(length, set()).add(len(frames))
    assert max(widths[60]) == 14
    assert max(widths[17]) == 4
    assert widths[2] == widths[1] == {0}


def test_masks_are_never_cut_short_by_the_border() -> None:
    settings = {"mel_masks": 1, "mel_width": 0.5}
    widths = [(augmented(settings, seed).spectrogram[:, 0, :40] == 0).sum(1).float().mean() for seed in range(60)]
    assert float(torch.stack(widths).mean()) == pytest.approx(9.5, abs=0.8)  # the mean of 0 to 19


def test_mel_rows_are_found_wherever_they_stand() -> None:
    turned = {"chroma": (0, 12), "mel": (12, 52)}
    kept = augmented({"mel_masks": 4, "mel_width": 0.5}, blocks=turned).spectrogram[:, 0] != 0
    assert kept[:, :12].all()
    assert (~kept[:, 40:]).any()
    mixed = augmented({"mixup_alpha": 0.4}, blocks=turned)
    assert mixed.partner is not None
    chroma = make_batch().spectrogram[:, :, :12]
    own, other = ((mixed.spectrogram[:, :, :12] == rows).all((1, 2)) for rows in (chroma, chroma[mixed.partner]))
    assert (own | other).all()


@pytest.mark.parametrize("blocks", [{"chroma": (0, 12)}, {"mel": (0, 52)}])
def test_either_kind_of_rows_alone_can_be_augmented(blocks: dict[str, tuple[int, int]]) -> None:
    batch = augmented({"mel_masks": 2, "mel_width": 0.5}, blocks=blocks)
    changed = not torch.equal(batch.spectrogram, make_batch().spectrogram)
    assert changed == ("mel" in blocks)
    assert augmented(ALL, blocks=blocks).spectrogram.isfinite().all()


def test_mixup_blends_mel_and_keeps_the_chroma_of_the_heavier_clip() -> None:
    before = make_batch().spectrogram
    for seed in range(10):
        batch = augmented({"mixup_alpha": 0.4}, seed)
        assert batch.partner is not None
        assert batch.weight is not None
        assert sorted(batch.partner.tolist()) == list(range(8))
        assert bool(((batch.weight >= 0) & (batch.weight <= 1)).all())
        for row, (other, weight) in enumerate(zip(batch.partner.tolist(), batch.weight, strict=True)):
            mel = weight * before[row, :, :40] + (1 - weight) * before[other, :, :40]
            torch.testing.assert_close(batch.spectrogram[row, :, :40], mel)
            heavier = row if weight >= 0.5 else other
            assert torch.equal(batch.spectrogram[row, :, 40:], before[heavier, :, 40:])
            assert batch.lengths[row] == max(LENGTHS[row], LENGTHS[other])
        assert not batch.spectrogram[~inside(batch)].any()
        assert torch.equal(batch.targets["genre"], make_batch().targets["genre"])


@pytest.mark.parametrize("alpha", [0.01, 0.3, 1.0, 8.0])
def test_shares_follow_the_beta_distribution(alpha: float) -> None:
    clips = make_batch([1] * 4000)
    batch = Augmentation(mixup_alpha=alpha)(clips, BLOCKS, torch.Generator().manual_seed(0))
    assert batch.weight is not None
    assert batch.weight.isfinite().all()
    assert float(batch.weight.mean()) == pytest.approx(0.5, abs=0.03)
    if alpha >= 0.3:
        assert float(batch.weight.var()) == pytest.approx(1 / (4 * (2 * alpha + 1)), rel=0.1)
