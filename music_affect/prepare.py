"""Turn audio into feature caches, before models are trained on it: every kind of features in one pass over the files.

  python -m music_affect.prepare data=folder data.root=MUSIC
  python -m music_affect.prepare data=fma_audio data.root=FMA data.subset=large variants=[full,beat,mfcc]
  python -m music_affect.prepare -m data=folder data.root=MUSIC shards=4 'shard=range(0,4)' hydra/launcher=joblib

What is finished is kept: interrupted at any moment, the same command goes on. Files that changed are read again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig, ListConfig

from music_affect import build, command_line, compatibility
from music_affect.errors import ConfigurationError, did_you_mean

if TYPE_CHECKING:
    from music_affect.data.cache_work import Account

VARIANTS = ("full", "beat", "mfcc", "melgram")


def prepare(cfg: DictConfig) -> Account:
    """Makes what is missing in the feature caches of a data set.

    Args:
        cfg: composed from ``conf/prepare.yaml``.

    Returns:
        What was done.

    Raises:
        MusicAffectError: the data, the settings or the cache folder do not allow it.
    """
    _check(cfg)
    source = build.source(cfg)
    clips = source.clips()
    from music_affect import console, extraction  # librosa, only now that there is work for it

    return extraction.extract(cfg, source, clips, console.make())


def _check(cfg: DictConfig) -> None:
    compatibility.check_chosen(cfg)
    _check_variants(cfg.variants)
    if cfg.shard is None and cfg.shards > 1:
        raise ConfigurationError(
            f"shards={cfg.shards} without the number of this one",
            expected=f"shard=0 to shard={cfg.shards - 1}",
            fix=f"add shard=NUMBER, or -m 'shard=range(0,{cfg.shards})' for all of them",
        )
    if cfg.shard is not None and not cfg.shard < cfg.shards:
        raise ConfigurationError(
            f"shard={cfg.shard} of shards={cfg.shards}",
            expected=f"a whole number from 0 to {cfg.shards - 1}",
            fix="correct one of them",
        )


def _check_variants(variants: Any) -> None:
    wanted = list(variants) if isinstance(variants, ListConfig) else []
    unknown = [name for name in wanted if name not in VARIANTS]
    if unknown or not wanted:
        hint = did_you_mean(str(unknown[0]), VARIANTS) if unknown else ""
        raise ConfigurationError(
            f"variants={'null' if variants is None else variants}{hint}",
            expected=f"a list of {', '.join(VARIANTS)}",
            fix="write for example variants=[full,beat]",
        )


def main() -> None:
    """Entry point of ``python -m music_affect.prepare``."""
    command_line.run("prepare", prepare, description=str(__doc__), check=_check)


if __name__ == "__main__":
    main()
