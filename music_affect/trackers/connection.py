"""Whether Weights & Biases can be reached from here. A moment's look, so that nothing waits for a dead network."""

from __future__ import annotations

import functools
import netrc
import os
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

PATIENCE = 5  # seconds until a server counts as unreachable
NO_KEY = "no W&B key is set"


def obstacle() -> str | None:
    """What stands in the way of an upload, a clause, or None."""
    url = server()
    if not has_key(url):
        return NO_KEY
    reason = _unreachable(url)
    return None if reason is None else f"W&B cannot be reached at {url} ({reason})"


def server() -> str:
    """Address of the server that W&B is set up for."""
    from_environment = os.environ.get("WANDB_BASE_URL")
    if from_environment:
        return from_environment
    import wandb  # late, and only for the file that `wandb login --host` writes

    return str(wandb.setup().settings.base_url)


def has_key(url: str) -> bool:
    """A key for the server stands in the environment or where ``wandb login`` writes it."""
    if os.environ.get("WANDB_API_KEY") or os.environ.get("WANDB_IDENTITY_TOKEN_FILE"):
        return True
    named = os.environ.get("NETRC")
    for path in [Path(named)] if named else [Path.home() / ".netrc", Path.home() / "_netrc"]:
        try:
            if netrc.netrc(path).authenticators(urlsplit(url).hostname or "") is not None:
                return True
        except (OSError, netrc.NetrcParseError):
            continue
    return False


@functools.cache
def _unreachable(url: str) -> str | None:
    """Why nobody answers, or None. Asked once a process: the cells of a sweep do not wait one after the other."""
    try:
        with urllib.request.urlopen(url, timeout=PATIENCE):
            return None
    except urllib.error.HTTPError:
        return None  # somebody answered
    except (OSError, ValueError) as error:
        return str(getattr(error, "reason", error)) or type(error).__name__
