"""Train one model on one data set for one task and report on it.

python -m music_affect.train model=ast data=synthetic_beat task=genre     runs on a fresh machine
python -m music_affect.train model=cnn data=folder data.root=MUSIC        your audio files with a labels.csv
python -m music_affect.train resume=true                                  goes on where a run was stopped
python -m music_affect.train -m model=lstm,cnn features=mel,chroma        one run a combination
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from music_affect.configuration import build, command_line, compatibility
from music_affect.contracts.errors import ConfigurationError
from music_affect.runs import writer as run_writer
from music_affect.sweep.run_job import make_run
from music_affect.sweep.search.trial import trial_callbacks
from music_affect.system import launch
from music_affect.training import average, transfer


def train(cfg: DictConfig, folder: Path, *, summary: bool = True) -> dict[str, Any]:
    """Runs one experiment.

    Args:
        cfg: composed from ``conf/train.yaml``.
        folder: the run folder.
        summary: print the figures at the end.

    Returns:
        The content of the run's ``metrics.json``.

    Raises:
        MusicAffectError: the data, the settings or the folder do not allow the run.
    """
    source = build.source(cfg)
    compatibility.check(cfg, source)
    average.check(cfg, source)
    transfer.check(cfg)
    transfer.use_public_weights(cfg)
    clips = compatibility.check_clips(cfg, source)
    cfg.paths.run, cfg.paths.sweep = str(folder), _sweep_name()
    callbacks = trial_callbacks(cfg)
    if launch.rank() > 0:
        from music_affect.training import experiment

        try:
            experiment.join(cfg, source, folder, callbacks)
        except KeyboardInterrupt:  # rank 0 says how the run goes on
            sys.exit(130)
        return {}
    resume = cfg.resume or launch.is_requeued()
    overwrite = cfg.overwrite and not launch.is_requeued()
    with run_writer.claim(folder, build.plain(cfg), resume=resume, overwrite=overwrite) as writer:
        # torch and Lightning, only now that there is work for them
        from music_affect.system import console
        from music_affect.training import experiment, resuming

        out = console.make()
        if writer.finished:
            metrics = writer.read_metrics()
            out.print("This run is finished already.")
            if resuming.finished_on_other_data(cfg, source, clips, folder):
                out.print("Its labels or files were changed or copied since: the figures are those of before.")
        else:
            metrics = experiment.run(cfg, source, writer, out, callbacks)
        if summary:
            console.print_summary(out, metrics, folder)
    return metrics


def _job(cfg: DictConfig) -> float | None:
    if launch.processes() > 1 and HydraConfig.get().mode == RunMode.MULTIRUN:
        raise ConfigurationError(
            f"several runs (-m) in {launch.processes()} processes that torchrun or srun has started",
            expected="one run",
            fix="leave out torchrun or srun: a run of a sweep starts its processes itself (trainer=ddp)",
        )
    if HydraConfig.get().mode == RunMode.MULTIRUN:
        try:
            return make_run(cfg, Path(HydraConfig.get().runtime.output_dir), partial(train, summary=False))
        except KeyboardInterrupt:
            sys.exit(130)  # the sweep says how it goes on
    _refuse_words_of_a_sweep(HydraConfig.get().overrides.task)
    if cfg.trainer.get("fast_dev_run"):
        with TemporaryDirectory() as folder:
            train(cfg, Path(folder), summary=False)
            return None
    return train(cfg, Path(HydraConfig.get().runtime.output_dir)).get("score")


def _sweep_name() -> str | None:
    """The folder of the sweep that this process's run belongs to, without its path."""
    if not HydraConfig.initialized() or HydraConfig.get().mode != RunMode.MULTIRUN:
        return None
    return Path(HydraConfig.get().sweep.dir).name


def _refuse_words_of_a_sweep(words: Sequence[str]) -> None:
    """They would change nothing, and who asks for ``sweep.dry_run`` does not expect a run."""
    found = next((word for word in words if word.startswith("sweep.")), None)
    if found is not None:
        raise ConfigurationError(f"{found} without a sweep", expected="-m, a grid or a search beside it", fix="add -m")


def _join(folder: Path) -> None:
    """Trains beside the process that had Lightning start this one."""
    cfg = OmegaConf.load(folder / "config.yaml")
    assert isinstance(cfg, DictConfig)
    train(cfg, folder)


def main() -> None:
    """Entry point of ``music-affect train``."""
    folder = launch.started_for()
    if folder is not None:
        command_line.reported(partial(_join, folder))
        return
    command_line.run("train", _job, description=str(__doc__), going_on="Add resume=true to go on.")


if __name__ == "__main__":
    main()
