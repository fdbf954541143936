"""Whether Weights & Biases can be reached from here. A moment's look, so that nothing waits for a dead network."""

from __future__ import annotations

import functools
import os
import urllib.error
import urllib.request

PATIENCE = 5  # seconds until a server counts as unreachable
NO_KEY = "no W&B key is set"


def obstacle() -> str | None:
    """What stands in the way of an upload, a clause, or None. It never asks for a key, as ``wandb.init`` does."""
    import wandb
    from wandb.sdk.lib.wbauth import authenticate_session  # knows where `wandb login` has written keys over the years

    url = os.environ.get("WANDB_BASE_URL") or wandb.setup().settings.base_url
    try:
        if authenticate_session(host=url, source="music_affect", prompt=False, update_session=False) is None:
            return NO_KEY
    except wandb.errors.AuthenticationError as error:
        return f"the W&B key is refused ({' '.join(str(error).split())})"
    reason = _unreachable(url)
    return None if reason is None else f"W&B cannot be reached at {url} ({reason})"


@functools.cache
def _unreachable(url: str) -> str | None:
    """Why nobody answers, or None. Asked once a process: the runs of a sweep do not wait one after the other."""
    try:
        with urllib.request.urlopen(url, timeout=PATIENCE):
            return None
    except urllib.error.HTTPError:
        return None  # somebody answered
    except (OSError, ValueError) as error:
        return str(getattr(error, "reason", error)) or type(error).__name__
