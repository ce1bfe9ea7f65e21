"""Files that appear whole or not at all."""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from pathlib import Path


def sync(path: Path) -> None:
    """Have a file or folder on disk before this returns."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_whole(path: Path, content: str | bytes, *, private: bool = False) -> None:
    """Write a file under another name, have it on disk, and give it its own: whoever reads sees the old or the new.

    Parameters
    ----------
    path : Path
        Its folder is made when there is none.
    content : str or bytes
        Text is written in UTF-8, with the line ends it has.
    private : bool
        Whether nobody but its owner can read it, at any moment.

    Raises
    ------
    OSError
        When it cannot be written; then the file is as it was.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    path.parent.mkdir(parents=True, exist_ok=True)
    _clear(path)
    try:
        part.unlink(missing_ok=True)
        mode = 0o600 if private else 0o666
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
        with os.fdopen(handle, "wb") as out:
            out.write(content.encode() if isinstance(content, str) else content)
            out.flush()
            os.fsync(out.fileno())
        part.replace(path)
    except OSError:
        part.unlink(missing_ok=True)
        raise


def _clear(path: Path) -> None:
    """Take away what processes that were killed have left of a file."""
    begin = f".{path.name}."
    for entry in os.scandir(path.parent):
        pid = entry.name.removeprefix(begin).removesuffix(".part")
        if entry.name == f"{begin}{pid}.part" and pid.isdecimal() and not _runs(int(pid)):
            with suppress(OSError):
                Path(entry.path).unlink()


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (OverflowError, PermissionError):
        pass  # nobody else's process is asked for more than that it is there
    return True


def sha256(path: Path) -> str:
    """SHA-256 of a file, as ``sha256sum`` says it."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
