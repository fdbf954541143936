"""The range of every setting that has one, by its name or the end of its name.

``dropout`` stands for ``model.net.dropout`` and ``model.net.inner_dropout``; a longer name goes before a shorter one. A
rule holds for settings whose usual value keeps to it, so that a name with another meaning in a new file is left alone.
"""

from __future__ import annotations

from collections.abc import Mapping

from music_affect.configuration.setting_kinds import (
    ANYTHING,
    NULL,
    TEXT,
    WORD,
    YES_NO,
    Rule,
    above,
    below,
    choice,
    listed,
    named,
    number,
    whole,
)

DAY = 86_400  # seconds; a file that is longer is no piece of music
SEED = whole(0, 2**32 - 1)
PROCESSES = 1024
EPOCHS = whole(1, 100_000)  # more would never end; the length of a schedule has to be known
SHARE = number(0, 1)
OPEN_SHARE = below(1, above_low=True)
BATCHES = whole(1) | above(0, 1)
ONE_OR_EACH = whole(1) | listed(whole(1), least=1)
BITS = Rule("16, 32 or 64", lambda value: type(value) is int and value in (16, 32, 64))
NODE = Rule("settings with a _target_", lambda value: isinstance(value, Mapping) and "_target_" in value)
NODES = Rule(
    "a list of settings with a _target_", lambda value: isinstance(value, list) and all(map(NODE.holds, value))
)
OWN = Rule("it to be left to this package", lambda value: False)
PRECISIONS = ("32-true", "bf16-mixed", "16-mixed", "bf16-true", "64-true")
SHORT_PRECISIONS = ("16", "bf16", "32", "64")  # Lightning takes a width alone, too

# Groups whose entries have names of a person's choice, and may be taken out.
NAMED = ("callbacks", "logger")
# Groups in which a word that is not known is a mistake: nobody would read it.
COMPLETE = ("trainer", "loader", "split", "sweep", "paths")

RULES: Mapping[str, Rule] = {
    # a run
    "seed": SEED,
    "workers": whole(1, PROCESSES) | NULL,
    "start_from": WORD | NULL,
    "out": WORD | NULL,
    "pretrained": WORD | NULL,
    "model.start.file": WORD | NULL,
    "model.start.folder": WORD | NULL,
    "freeze": WORD,
    "checkpoint": WORD,
    "tag": WORD | whole() | NULL,
    "trust": YES_NO | WORD | listed(WORD, least=1),
    "backbone_rate": number(0),
    "accelerator": choice("auto", "cpu", "gpu", "cuda", "mps", "tpu"),
    "shards": whole(1, 100_000),
    "shard": whole(0) | NULL,
    "sweep.name": WORD | whole(),
    "sweep.at_once": whole(1, PROCESSES) | NULL,
    "sweep.devices": listed(whole(0), least=1) | NULL,
    "sweep.leave": listed(WORD),
    "search.trials": whole(1, 1_000_000),
    "search.at_once": whole(1, PROCESSES),
    "search.startup_trials": whole(0),
    "search.grace_epochs": whole(0),
    "search.trial": whole(0) | NULL,
    "search.study": WORD | NULL,
    "search.space": named(ANYTHING),
    "search.pruner": choice("none", "median", "hyperband"),
    # answers
    "part": choice("train", "val", "test", "all") | NULL,
    "split": choice("train", "val", "test") | NULL,
    "format": choice("csv", "kaggle"),
    "kaggle.header": choice("Id", "Id.fused.full.npy.gz"),
    "kaggle.suffix": choice("", ".fused.full.npy", ".fused.full.npy.gz"),
    "variants": listed(choice("full", "beat", "mfcc", "melgram"), least=1),
    # data
    "root": WORD | NULL,
    "fold": whole(0) | NULL,
    "source.labels": WORD | NULL,
    "source.missing": listed(TEXT) | NULL,
    "source.split": WORD | NULL,
    "source.fold": WORD | NULL,
    "source.group": TEXT | NULL,
    "class_targets": listed(WORD) | NULL,
    "continuous_targets": listed(WORD) | NULL,
    "tag_targets": listed(WORD),
    "most_tags": whole(1, 10_000),
    "binary_tags": WORD | NULL,
    "ranges": named(listed(number(), exactly=2)) | NULL,
    "class_mapping": named(listed(WORD)) | NULL,
    "dropped": listed(WORD),
    "num_clips": whole(1, 1_000_000),
    "seconds": above(0, DAY),
    "min_seconds": number(0, DAY),
    "position": choice("whole", "start", "middle", "spread"),
    "selection.seconds": above(0, DAY) | NULL,
    "windows": whole(1, 1000),
    "split.num_folds": whole(2, 1000),
    "test_fraction": below(1),
    "val_fraction": below(1) | NULL,
    "sample_rate": whole(1, 768_000),
    "n_fft": whole(1, 2**24),
    "hop_length": whole(1, 2**24),
    "n_mels": whole(1, 10_000),
    "n_mfcc": whole(1, 10_000),
    "logarithm": choice("log10", "ln"),
    "extraction.scale": above(0),
    "extraction.offset": above(0),
    "patch_frames": whole(1),
    "patch_hop": whole(1),
    "network.file": WORD | NULL,
    "network.output": WORD | NULL,
    "layout": choice("PTF", "PFT", "P1TF", "P1FT"),
    "network.mean": number() | NULL,
    "deviation": above(0),
    "fmin": number(0),
    "fmax": above(0) | NULL,
    "batch_size": whole(1),
    "average_frames": whole(1, 100_000),
    "crop_seconds": above(0, DAY) | NULL,
    "crop_beats": whole(1, 1_000_000) | NULL,
    "class_balance": choice("none", "sampler"),
    "data_balance": choice("none", "sampler"),
    "in_memory_gb": number(0),
    "num_workers": whole(0, PROCESSES),
    "overfit_batches": whole(0),
    "masks": whole(0, 1000),
    "mel_width": SHARE,
    "time_width": SHARE,
    "mixup_alpha": number(0, 1000),
    # a network
    "dropout": below(1),
    "width": whole(1),
    "size": whole(1),
    "depth": whole(1, 1000),
    "layers": whole(1, 1000),
    "heads": whole(1),
    "channels": listed(whole(1), least=1),
    "hidden": listed(whole(1)),
    "linear": listed(whole(1)),
    "kernels": ONE_OR_EACH,
    "tall": whole(1),
    "long": whole(1),
    "later": whole(1),
    "heights": listed(above(0, 1), least=1),
    "net.lengths": listed(whole(1), least=1),
    "strides": ONE_OR_EACH,
    "pools": ONE_OR_EACH,
    "padding": whole(0) | listed(whole(0), least=1),
    "stride": whole(1),
    "mlp_ratio": above(0, 1000),
    "tokens": whole(1),
    "eps": number(0, 1),
    "classification": number(0),
    "regression": number(0),
    "strengths": listed(above(0), least=1),
    "penalties": listed(above(0), least=1),
    "counts": listed(whole(1), least=1),
    "gammas": listed(above(0), least=1),
    # a task
    "task.target": WORD | NULL,
    "task.targets": listed(WORD),
    "task.tags": WORD | NULL,
    "task.monitor": Rule("val/FIGURE or train/FIGURE", lambda value: str(value).startswith(("val/", "train/"))),
    "task.mode": choice("min", "max"),
    "class_weights": choice("balanced") | NULL,
    "label_smoothing": below(1),
    "regression.loss": choice("mse", "huber", "ccc"),
    "weighting.weights": named(number(0)) | NULL,
    # how it is learnt
    "epochs": EPOCHS,
    "lr": above(0),
    "learning_rate": above(0),
    "gradient_clip": number(0) | NULL,
    "decay": number(0),
    "betas": listed(below(1), exactly=2),
    "momentum": below(1),
    "alpha": below(1),
    "rho": below(1),
    "optimizer.eps": number(0),
    "optimizer.dampening": number(0),
    "optimizer.nesterov": YES_NO,
    "optimizer.amsgrad": YES_NO,
    "optimizer.maximize": Rule("false: the loss is to fall", lambda value: value is False),
    "optimizer.momentum": below(1),
    "optimizer.weight_decay": number(0),
    "warmup": below(1),
    "final": OPEN_SHARE,
    "factor": OPEN_SHARE,
    "gamma": above(0, 1),
    "div_factor": above(0),
    "paths.run": WORD | NULL,
    "paths.sweep": WORD | NULL,
    "save_dir": WORD | NULL,
    "wandb.group": WORD | whole() | NULL,
    "wandb.mode": choice("online", "offline", "disabled"),
    "milestones": listed(OPEN_SHARE),
    "patience": whole(0),
    "early_stopping.patience": whole(1) | NULL,
    # Lightning's words; a comment says who sets what is not configured
    "trainer.accelerator": choice("auto", "cpu", "gpu", "cuda", "mps", "tpu"),
    "trainer.strategy": WORD | NODE,
    "trainer.devices": whole(1, PROCESSES) | choice("auto") | listed(whole(0), least=1),
    "trainer.num_nodes": whole(1),
    "trainer.precision": choice(*PRECISIONS, *SHORT_PRECISIONS) | BITS,
    "trainer.max_epochs": EPOCHS,
    "trainer.min_epochs": whole(1) | NULL,
    "trainer.max_steps": whole(1) | Rule("-1", lambda value: type(value) is int and value == -1),
    "trainer.min_steps": whole(1) | NULL,
    "trainer.max_time": WORD | NODE | NULL,
    "trainer.limit_train_batches": BATCHES | NULL,
    "trainer.limit_val_batches": BATCHES | NULL,
    "trainer.limit_test_batches": OWN,  # every clip is scored
    "trainer.limit_predict_batches": OWN,
    "trainer.val_check_interval": BATCHES | NULL,
    "trainer.check_val_every_n_epoch": whole(1),
    "trainer.accumulate_grad_batches": whole(1),
    "trainer.gradient_clip_val": number(0) | NULL,
    "trainer.gradient_clip_algorithm": choice("norm", "value") | NULL,
    "trainer.deterministic": YES_NO | choice("warn"),
    "trainer.benchmark": YES_NO | NULL,
    "trainer.inference_mode": YES_NO,
    "trainer.detect_anomaly": YES_NO,
    "trainer.profiler": choice("simple", "advanced", "pytorch", "xla") | NODE | NULL,
    "trainer.sync_batchnorm": YES_NO,
    "trainer.enable_autolog_hparams": YES_NO,
    "trainer.fast_dev_run": YES_NO,
    "trainer.overfit_batches": OWN,  # loader.overfit_batches
    "trainer.logger": OWN,  # logger=
    "trainer.callbacks": OWN,  # callbacks=
    "trainer.num_sanity_val_steps": whole(0),
    "trainer.log_every_n_steps": whole(1) | NULL,
    "trainer.enable_checkpointing": OWN,  # last.ckpt is every run's; callbacks= has the others
    "trainer.enable_progress_bar": YES_NO,
    "trainer.enable_model_summary": YES_NO,
    "trainer.use_distributed_sampler": OWN,  # batches are planned for all processes
    "trainer.barebones": OWN,
    "trainer.plugins": NODES | NULL,
    "trainer.reload_dataloaders_every_n_epochs": OWN,
    "trainer.default_root_dir": OWN,
    "trainer.model_registry": OWN,
}  # fmt: skip
