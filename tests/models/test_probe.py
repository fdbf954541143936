import pytest
import torch
from running import compose
from test_contracts import CHECKS, clips

from music_affect.configuration import build
from music_affect.contracts.spec import DataSpec
from music_affect.models.probe import Probe, WeightedBlocks

BLOCKS = {"pooled": (0, 90), "embedding": (90, 140)}


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize(
    "settings",
    [{"blocks": BLOCKS, "weigh_blocks": True, "width": 16}, {"pooling": "attention", "hidden": (8,)}],
    ids=["weighed", "attentive"],
)
def test_every_form_keeps_the_promises_of_a_backbone(check, settings) -> None:
    torch.manual_seed(0)
    check(Probe(140, 130, **settings))


def test_the_plain_probe_is_the_mean_of_valid_rows() -> None:
    probe = Probe(140, 130).eval()
    rows, lengths = clips([3, 7])
    assert list(probe.parameters()) == []
    torch.testing.assert_close(probe(rows, lengths), torch.stack([rows[0, :3].mean(0), rows[1].mean(0)]))


def test_blocks_are_summed_by_their_weights() -> None:
    mix = WeightedBlocks(BLOCKS, 16)
    rows = torch.randn(2, 5, 140)
    parts = [norm(projection(rows[..., slice(*block)]))
             for projection, norm, block in zip(mix.projections, mix.norms, BLOCKS.values(), strict=True)]  # fmt: skip
    torch.testing.assert_close(mix(rows), (parts[0] + parts[1]) / 2)
    with torch.no_grad():
        mix.logits[1] = 50.0
    torch.testing.assert_close(mix(rows), parts[1])


def test_the_data_says_where_the_blocks_lie() -> None:
    spec = DataSpec(140, 10, {}, BLOCKS)
    weighed = build.backbone(compose("train", "model=probe", "model.net.weigh_blocks=true"), spec)
    assert isinstance(weighed, Probe)
    assert weighed.mix is not None
    assert weighed.mix.ranges == list(BLOCKS.values())
    one = build.backbone(
        compose("train", "model=probe", "model.net.weigh_blocks=true"), DataSpec(140, 10, {}, {"embedding": (0, 140)})
    )
    assert isinstance(one, Probe)
    assert one.mix is None
    plain = build.backbone(compose("train", "model=probe"), spec)
    assert isinstance(plain, Probe)
    assert plain.mix is None
