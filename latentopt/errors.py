"""The one error that latentopt raises for what a person can mend, and words that such errors have in common.

The command line prints it to standard error and exits with 1. Everything else that escapes is a bug.
"""

from __future__ import annotations

from typing import Any

# A head's error must be one of these, and `except` asks for a real base class: it has to be made where HeadError is,
# since property_models imports nothing of latentopt. For all who use it, its home is here.
from property_models.errors import LatentoptError

__all__ = ["LatentoptError", "TruncationWarning", "differences", "first_line"]


def first_line(error: Exception) -> str:
    """What an error of another library says, in short, for a message of ours."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]


class TruncationWarning(UserWarning):
    """A text was longer than the model's limit, so that its end is not in the latent."""


def differences(before: Any, now: Any, name: str = "") -> list[str]:
    """Where what was begun differs from what shall go on, each as `schedule.warmup_steps: 100, now 50`.

    Args:
        before, now: as JSON has them; "is", if there is one, says of what kind a dict is, and kinds are not compared
            field by field.
        name: of both, in what they are part of.
    """
    if isinstance(before, dict) and isinstance(now, dict) and before.get("is") == now.get("is"):
        return [
            line
            for key in {**before, **now}
            for line in differences(before.get(key), now.get(key), f"{name}.{key}" if name else key)
        ]
    return [] if before == now else [f"{name}: {_short(before)}, now {_short(now)}"]


def _short(value: Any) -> str:
    if isinstance(value, dict) and "is" in value:
        return f"{value['is']}({', '.join(f'{k}={_short(v)}' for k, v in value.items() if k != 'is')})"
    if isinstance(value, list):
        return f"[{', '.join(map(_short, value))}]"
    return str(value)
