"""What every architecture in conf/model promises. A new yaml file is tested here as soon as it exists."""

import copy
import inspect
from collections.abc import Callable

import hydra
import pytest
import torch
from omegaconf import OmegaConf
from torch import Tensor, nn

from music_affect.configuration import compatibility
from music_affect.configuration.compose import conf_folder
from music_affect.models.backbone import Backbone, length_mask

MODELS = {name: compatibility.choice("model", name) for name in compatibility.choices("model")}
NETS = [name for name, model in MODELS.items() if "net" in model]
MAX_FRAMES = 130
LENGTHS = [20, 1, 130, 3, 64]


def build(name: str, num_features: int = 140) -> Backbone:
    net = copy.deepcopy(MODELS[name].net)
    if "depth" in net:
        net.depth = min(net.depth, 2)
    return seeded(lambda: hydra.utils.instantiate(net, _partial_=True)(num_features, MAX_FRAMES))


def seeded(construct: Callable[[], Backbone]) -> Backbone:
    torch.manual_seed(0)
    return construct()


def clips(lengths: list[int], num_features: int = 140, extra: int = 0) -> tuple[Tensor, Tensor]:
    """Random clips, zero padded to the longest and ``extra`` frames further; the same clips whatever the padding."""
    generator = torch.Generator().manual_seed(1)
    spectrogram = torch.zeros(len(lengths), max(lengths) + extra, num_features)
    for clip, length in zip(spectrogram, lengths, strict=True):
        clip[:length] = torch.randn(length, num_features, generator=generator)
    return spectrogram, torch.tensor(lengths)


def without_dropout(net: Backbone) -> Backbone:
    for module in net.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    return net


def backward(net: Backbone, embedding: Tensor) -> None:
    """Gradients of a fixed random projection of the embeddings, added to those that are there."""
    weights = torch.randn(net.out_features, generator=torch.Generator().manual_seed(2))
    if embedding.requires_grad:  # a probe without a layer of its own has nothing to learn
        (embedding @ weights).sum().backward()


def gradients(net: Backbone) -> dict[str, Tensor]:
    return {name: parameter.grad for name, parameter in net.named_parameters() if parameter.grad is not None}


def assert_close(found: Tensor, expected: Tensor, name: str = "embedding", tolerance: float = 1e-4) -> None:
    allowed = tolerance * float(expected.detach().abs().max()) + 1e-6
    torch.testing.assert_close(found, expected, atol=allowed, rtol=0, msg=lambda text: f"{name}: {text}")


def check_gradients_arrive(net: Backbone) -> None:
    net.train()
    backward(net, net(*clips([20, 20, 11, 17])))
    silent = [name for name, p in net.named_parameters() if p.grad is None or not bool(p.grad.abs().max() > 0)]
    assert silent == []


def check_padding_in_evaluation(net: Backbone) -> None:
    net.eval()
    spectrogram, lengths = clips(LENGTHS, extra=7)
    spectrogram.requires_grad_()
    together = net(spectrogram, lengths)
    backward(net, together)
    in_batch, of_input = gradients(net), spectrogram.grad
    assert of_input is not None
    net.zero_grad()
    for row, length in enumerate(LENGTHS):
        clip = spectrogram.detach()[row : row + 1, :length].clone().requires_grad_()
        alone = net(clip, torch.tensor([length]))
        assert_close(together[row], alone[0], f"embedding of {length} frames")
        backward(net, alone)
        assert clip.grad is not None
        assert_close(of_input[row, :length], clip.grad[0], f"gradient of {length} frames", tolerance=1e-3)
        assert not of_input[row, length:].any()
    for name, expected in gradients(net).items():
        assert_close(in_batch[name], expected, name, tolerance=1e-3)


def check_padding_in_training(net: Backbone) -> None:
    net = without_dropout(net).train()
    for lengths in (LENGTHS, [20] * 4):  # the second is without any padding in the first round
        padded = copy.deepcopy(net)
        answers = []
        for model, extra in ((net, 0), (padded, 25)):
            model.zero_grad()
            answers.append(model(*clips(lengths, extra=extra)))
            backward(model, answers[-1])
        assert_close(answers[1], answers[0])
        for name, expected in gradients(net).items():
            assert_close(gradients(padded)[name], expected, name, tolerance=1e-3)
        for name, expected in net.named_buffers():
            assert_close(padded.get_buffer(name).float(), expected.float(), name)


def check_order(net: Backbone) -> None:
    net.eval()
    spectrogram, lengths = clips(LENGTHS)
    order = torch.tensor([3, 0, 4, 2, 1])
    assert_close(net(spectrogram[order], lengths[order]), net(spectrogram, lengths)[order])


CHECKS = [check_gradients_arrive, check_padding_in_evaluation, check_padding_in_training, check_order]


@pytest.mark.parametrize("num_features", [12, 128, 140])
@pytest.mark.parametrize("name", NETS)
def test_embeddings_have_the_promised_size(name: str, num_features: int) -> None:
    net = build(name, num_features)
    assert isinstance(net, Backbone)
    for frames in (1, 3, 20, 130, 150):
        spectrogram, lengths = clips([frames, max(1, frames // 2)], num_features)
        for training in (False, True):
            embedding = net.train(training)(spectrogram, lengths)
            assert embedding.shape == (2, net.out_features)
            assert bool(embedding.isfinite().all())


@pytest.mark.parametrize("name", NETS)
def test_one_frame_alone_can_be_trained_on(name: str) -> None:
    net = build(name, 12).train()
    assert bool(net(*clips([1], 12)).isfinite().all())


@pytest.mark.parametrize("name", NETS)
@pytest.mark.parametrize("check", CHECKS)
def test_contract(name: str, check: Callable[[Backbone], None]) -> None:
    check(build(name))


@pytest.mark.parametrize("name", NETS)
def test_same_seed_same_answer(name: str) -> None:
    first, second = build(name).eval(), build(name).eval()
    spectrogram, lengths = clips(LENGTHS)
    before = spectrogram.clone()
    assert torch.equal(first(spectrogram, lengths), second(spectrogram, lengths))
    assert torch.equal(first(spectrogram, lengths), first(spectrogram, lengths))
    assert torch.equal(spectrogram, before)


class Careless(Backbone):
    """Breaks every promise that the checks look after: its mean over time counts the padding."""

    def __init__(self, num_features: int) -> None:
        super().__init__()
        self.out_features = 8
        self.project = nn.Linear(num_features, 8)
        self.norm = nn.BatchNorm1d(8)
        self.unused = nn.Parameter(torch.ones(1))

    def forward(self, spectrogram: Tensor, lengths: Tensor) -> Tensor:
        frames = self.norm(self.project(spectrogram).transpose(1, 2))
        return frames.mean(2) + torch.arange(len(lengths)).unsqueeze(1)


class StatisticsSeePadding(Backbone):
    """Pools over valid frames only, but its batch norm counts the padding: right in evaluation, wrong in training."""

    def __init__(self, num_features: int) -> None:
        super().__init__()
        self.out_features = num_features
        self.norm = nn.BatchNorm1d(num_features)

    def forward(self, spectrogram: Tensor, lengths: Tensor) -> Tensor:
        mask = length_mask(lengths, spectrogram.shape[1]).unsqueeze(1)
        return (self.norm(spectrogram.transpose(1, 2)) * mask).sum(2) / mask.sum(2)


@pytest.mark.parametrize("check", CHECKS)
def test_every_check_finds_a_careless_model(check: Callable[[Backbone], None]) -> None:
    with pytest.raises(AssertionError):
        check(seeded(lambda: Careless(140)))


def test_statistics_of_padding_are_found_in_training_only() -> None:
    net = StatisticsSeePadding(140)
    check_padding_in_evaluation(net)
    with pytest.raises(AssertionError):
        check_padding_in_training(net)


def load_net(name: str) -> dict[str, object]:
    """The net of a yaml file and of those it builds on, without its target."""
    net = OmegaConf.to_container(MODELS[name].net)
    return {key: value for key, value in net.items() if key != "_target_"}


def defaults(name: str) -> dict[str, object]:
    """What the constructor of a model's class takes where its yaml file says nothing."""
    signature = inspect.signature(hydra.utils.get_class(MODELS[name].net["_target_"]))
    own = [p for p in signature.parameters.values() if p.name not in ("num_features", "max_frames", "blocks")]
    return {p.name: list(p.default) if isinstance(p.default, tuple) else p.default for p in own}


@pytest.mark.parametrize("name", sorted({MODELS[name].net["_target_"].split(".")[-2] for name in NETS}))
def test_defaults_of_the_constructor_equal_the_yaml_of_its_name(name: str) -> None:
    assert load_net(name) == defaults(name)


@pytest.mark.parametrize("name", NETS)
def test_yaml_files_are_of_one_form(name: str) -> None:
    config = MODELS[name]
    first_line = (conf_folder() / "model" / f"{name}.yaml").read_text().splitlines()[0]
    assert f"model={name} " in first_line + " "
    assert config.name == name
    assert set(load_net(name)) <= set(defaults(name))
    assert list(config.recipe) == list(MODELS["cnn"].recipe)
