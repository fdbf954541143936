"""The package from Python: a LightningDataModule and a LightningModule for a plain ``Trainer``, no Hydra needed.

::

    import lightning as L
    import music_affect

    data = music_affect.data_module("synthetic_beat", features="fused", task="genre", model="cnn")
    model = music_affect.model(data)
    trainer = L.Trainer(max_epochs=10)
    trainer.fit(model, data)
    trainer.test(model, data)
    answers = trainer.predict(model, data)
    trainer.save_checkpoint("cnn.ckpt")
    model = music_affect.load("cnn.ckpt")
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from music_affect.tasks.base import Task
    from music_affect.training.datamodule import MusicDataModule

OF_RUNS = ("trainer", "callbacks", "logger", "start_from", "freeze", "resume", "overwrite", "tag", "sweep", "debug")


def data_module(
    data: str = "synthetic_beat",
    *,
    features: str = "fused",
    task: str = "genre",
    model: str = "cnn",
    overrides: tuple[str, ...] | list[str] = (),
    **settings: Any,
) -> MusicDataModule:
    """The LightningDataModule of a data set: ``prepare_data`` extracts its features, ``setup`` divides its clips.

    Args:
        data: a file of ``conf/data``, such as ``synthetic``, ``folder`` or ``fma``, with ``_beat`` for a row a beat.
        features: ``mel``, ``chroma``, ``fused``, or another file of ``conf/features``.
        task: ``genre``, ``valence``, or another file of ``conf/task``, which names the labels.
        model: a file of ``conf/model``, whose recipe sets crops, windows and batch size, and what ``model`` makes.
        overrides: further settings, as a command line writes them: ``["split.seed=1", "loader.batch_size=8"]``.
        settings: of the data set: ``root="MUSIC"`` is ``data.root=MUSIC``.

    Raises:
        MusicAffectError: the settings, or the data, do not fit together.
    """
    from omegaconf import open_dict

    from music_affect.configuration import build, compatibility
    from music_affect.configuration.compose import check_overrides
    from music_affect.configuration.overrides import quoted
    from music_affect.contracts.errors import ConfigurationError
    from music_affect.training import assembly

    words = [f"data={data}", f"features={features}", f"task={task}", f"model={model}"]
    words += [
        f"data.{name}={'null' if value is None else quoted(str(value)) if isinstance(value, str | Path) else value}"
        for name, value in settings.items()
    ]
    of_runs = [word for word in overrides if word.lstrip("+~").split("=")[0].split(".")[0] in OF_RUNS]
    cfg = check_overrides("train", [*words, *overrides])
    if of_runs or "pretrained" in cfg.model or "members" in cfg.model:
        raise ConfigurationError(
            f"{of_runs[0] if of_runs else f'model={model}'}, which only `music_affect.train` honours",
            expected="settings of data, features, model, task, loader, optimizer and the like",
            fix="give it to your Trainer, or train with the command and use music_affect.load",
        )
    with open_dict(cfg):
        cfg.pop("hydra")
    source = build.source(cfg)
    compatibility.check(cfg, source)
    compatibility.check_clips(cfg, source)
    return assembly.data_module(cfg, source)


def model(data: MusicDataModule) -> Task:
    """The LightningModule for a data module's task, sized by its clips: extracts and divides what is still missing.

    Its checkpoints describe themselves: ``load`` needs nothing else, and neither do the commands evaluate and predict.

    Args:
        data: of ``data_module``.

    Raises:
        MusicAffectError: the model cannot be built with these settings.
    """
    from omegaconf import OmegaConf

    from music_affect.training import assembly
    from music_affect.training import fit as fitting

    cfg = OmegaConf.create(data.config)
    fitting.begin(cfg.seed)
    return assembly.task(cfg, data)


def load(checkpoint: str | Path, *, trust: bool | str = False) -> Task:
    """The LightningModule of a checkpoint, or of the best checkpoint of a run folder, with its weights.

    Args:
        checkpoint: file or run folder.
        trust: name of a module of yours whose classes the checkpoint may build; True for any. A checkpoint of
            somebody else's runs no code without it.

    Raises:
        CheckpointError: it is not there, damaged, or no checkpoint of a network.
    """
    from music_affect.configuration import build
    from music_affect.contracts.errors import CheckpointError
    from music_affect.runs.checkpoint import KEY, made_from, read_checkpoint

    found = read_checkpoint(Path(checkpoint), trust)
    if not found.weights:
        what = f"{found.path} is a reference model or an average of several"
        raise CheckpointError(what, expected="a network", fix="load another run, or one of its members")
    with made_from(found.path):
        task = build.task(found.description.cfg, found.description.spec)
        task.load_state_dict(dict(found.weights))
    task.description = {KEY: found.description.to_dict()}
    return task.eval()
