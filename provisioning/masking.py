"""Shows a settings file, or the change to one, without the secrets in it."""

import difflib
import re

import tomlkit
from tomlkit.exceptions import TOMLKitError

SECRETS = ("claim_code", "http_proxy")
HIDDEN = "(hidden)"
_HIDDEN_NEW = "(hidden, new)"
_COMMENT = re.compile(rf"#.*\b(?:{'|'.join(SECRETS)})\b.*", re.IGNORECASE)


def masked(text: str, before: str | None = None) -> str:
    """Return a settings file with `(hidden)` in the place of each secret.

    Args:
        text: TOML.
        before: the file before the change; a secret that differs from it becomes `(hidden, new)`.
    """
    document, old = tomlkit.parse(text), tomlkit.parse(before or "")
    for name in SECRETS:
        if name in document:
            is_new = before is not None and old.get(name) != document[name]
            document[name] = _HIDDEN_NEW if is_new else HIDDEN
    return _COMMENT.sub(f"# {HIDDEN}", tomlkit.dumps(document))


def masked_or_nothing(text: str) -> str:
    """Return a settings file without its secrets; nothing of a file that is not TOML."""
    try:
        return masked(text)
    except TOMLKitError:
        return ""


def difference(path: str, before: str, after: str) -> str:
    """Return the change to a settings file as a unified diff without secrets."""
    lines = difflib.unified_diff(
        masked(before).splitlines(), masked(after, before).splitlines(), path, path, lineterm=""
    )
    return "\n".join(lines)
