"""Where an index lies on disk: immutable generations, a pointer to the one in use, one writer.

    <index folder>/current            names the generation in use; replaced by an atomic rename
    <index folder>/generations/<n>/   one whole index; never changed once it is pointed at, but
                                      for the files of Chroma, which writes when it is opened
    <index folder>/lock               held by the one process that builds
    <index folder>/texts/             what the articles said, now and earlier (``texts``)

A build that dies leaves a folder that no pointer names; the next one removes it. A generation that
is not in use any more is removed by the first build that finds nobody reading it: whoever reads
holds a shared lock on a file in it, which the system releases when the process ends.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import secrets
import shutil
import socket
import time
import weakref
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from assistant.errors import StoreError
from assistant.text import sha256_text

MANIFEST: Final = "manifest.json"
_POINTER: Final = "current"
_HOLDER: Final = "writer"
_READERS: Final = "readers"
_NOT_HASHED: Final = ("chroma", MANIFEST, _READERS)
_CHUNK: Final = 1 << 20
_MAX_NAME: Final = 60


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's bytes, 64 hexadecimal digits."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def current_generation(folder: Path) -> Path | None:
    """The generation in use, or None where nothing was built yet.

    Raises:
        StoreError: the pointer names a generation that is not there.
    """
    pointer = folder / _POINTER
    try:
        name = pointer.read_text("utf-8").strip()
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise StoreError(
            f"{pointer}: cannot be read ({error}); run `knee-hip ingest --force`"
        ) from error
    generation = folder / "generations" / name
    if not name.isalnum() or len(name) > _MAX_NAME or not generation.is_dir():
        raise StoreError(
            f"{pointer}: names the generation {name[:_MAX_NAME]!r}, which is not there; "
            "run `knee-hip ingest --force`"
        )
    return generation


@contextmanager
def writer_lock(folder: Path) -> Iterator[None]:
    """Hold the one writer's place for `folder`; released also when the process dies.

    Raises:
        StoreError: another process holds it, or the folder cannot be written.
    """
    import filelock

    lock = filelock.FileLock(folder / "lock")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=0)
        holder = f"process {os.getpid()} on {socket.gethostname()}, since {_now()}"
        (folder / _HOLDER).write_text(holder, "utf-8")
    except filelock.Timeout as error:
        raise StoreError(
            f"{folder}: another process is building this index ({_holder(folder)}); wait until it "
            "has finished and try again"
        ) from error
    except OSError as error:
        raise _unwritable(folder, error) from error
    try:
        yield
    except OSError as error:
        raise _unwritable(folder, error) from error
    finally:
        (folder / _HOLDER).unlink(missing_ok=True)
        lock.release()


def _holder(folder: Path) -> str:
    try:
        return (folder / _HOLDER).read_text("utf-8", "replace")
    except OSError:
        return "it has just begun"


def _unwritable(folder: Path, error: OSError) -> StoreError:
    named = str(error.filename or folder)
    if not named.startswith(str(folder)) and not str(folder).startswith(named):
        return StoreError(f"{named}: {error.strerror or error}; check that it can be read")
    if isinstance(error, PermissionError):
        return StoreError(
            f"{folder}: no permission to write there; choose another folder with ASSISTANT_DATA"
        )
    return StoreError(
        f"{folder}: cannot be written ({error.strerror or error}); free some "
        "space or choose another folder with ASSISTANT_DATA"
    )


class Lease:
    """That a generation is being read: it is not removed until this is closed or collected."""

    def __init__(self, generation: Path) -> None:
        """Take it.

        Raises:
            StoreError: the generation is not there any more.
        """
        try:
            handle = os.open(generation / _READERS, os.O_RDONLY)
            self._release = weakref.finalize(self, os.close, handle)
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError as error:
            raise StoreError(
                f"{generation}: is being removed or damaged; try again, or run "
                "`knee-hip ingest --force`"
            ) from error

    def close(self) -> None:
        """Give it back; a second call does nothing."""
        self._release()


@contextmanager
def new_generation(folder: Path) -> Iterator[Path]:
    """An empty folder to build in, switched to at the end; removed if the body raises.

    Call with `writer_lock` held. Generations that nothing points at and nobody reads are removed
    before and, the previous one excepted, after. What was built is on the disk before the pointer
    is, so that not even a power cut leaves a pointer to half an index.
    """
    previous = current_generation_or_none(folder)
    home = folder / "generations"
    home.mkdir(parents=True, exist_ok=True)
    _remove_others(home, {previous})
    # A name never comes again, not even after the whole folder was deleted: readers go by it.
    generation = home / f"{time.time_ns():x}{secrets.token_hex(3)}"
    generation.mkdir()
    (generation / _READERS).touch()
    try:
        yield generation
        _sync(generation)
    except BaseException:
        shutil.rmtree(generation, ignore_errors=True)
        raise
    temporary = folder / f"{_POINTER}.new"
    temporary.write_text(generation.name, "utf-8")
    _sync(temporary)
    os.replace(temporary, folder / _POINTER)
    _sync(folder / _POINTER)
    _remove_others(home, {previous, generation})


def current_generation_or_none(folder: Path) -> Path | None:
    """As `current_generation`, with a damaged pointer read as None: a build replaces it."""
    try:
        return current_generation(folder)
    except StoreError:
        return None


def _remove_others(home: Path, kept: set[Path | None]) -> None:
    for path in home.iterdir():
        if path not in kept and not _is_read(path):
            shutil.rmtree(path, ignore_errors=True)


def _is_read(generation: Path) -> bool:
    try:
        with (generation / _READERS).open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def _sync(path: Path) -> None:
    """Have a file, or a folder and all that is in it, written to the disk."""
    for each in (path, *path.rglob("*")) if path.is_dir() else (path, path.parent):
        handle = os.open(each, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def write_manifest(generation: Path, facts: Mapping[str, Any]) -> None:
    """Write what the generation was built from, the hash of each file in it, and its own hash.

    Chroma's database is left out of the hashes, since opening it changes it; what is read from it
    (which rows are near) is checked against the hashed vectors instead.
    """
    files = {
        str(path.relative_to(generation)): file_sha256(path)
        for path in sorted(generation.rglob("*"))
        if path.is_file() and path.relative_to(generation).parts[0] not in _NOT_HASHED
    }
    manifest = {
        **facts,
        "built": _now(),
        "files": files,
    }
    manifest["digest"] = _digest(manifest)
    (generation / MANIFEST).write_text(json.dumps(manifest, indent=1), "utf-8")


def seal(generation: Path) -> None:
    """Write the manifest anew after files were added to a generation that is not in use yet."""
    facts = read_manifest(generation)
    del facts["built"], facts["files"]
    write_manifest(generation, facts)


def read_manifest(generation: Path) -> dict[str, Any]:
    """The manifest, after it and every file it names were found unchanged.

    Raises:
        StoreError: something is missing or differs; the message names it.
    """
    path = generation / MANIFEST
    try:
        manifest = json.loads(path.read_text("utf-8"))
        digest, files = manifest.pop("digest"), dict(manifest["files"])
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise StoreError(f"{path}: missing or damaged; run `knee-hip ingest --force`") from error
    if digest != _digest(manifest):
        raise StoreError(f"{path}: was changed after it was built; run `knee-hip ingest --force`")
    for name, expected in files.items():
        file = generation / name
        if not file.is_file() or file_sha256(file) != expected:
            raise StoreError(
                f"{file}: missing or changed since the index was built; "
                "run `knee-hip ingest --force`"
            )
    return dict(manifest)


def _digest(manifest: Mapping[str, Any]) -> str:
    return sha256_text(json.dumps(manifest, sort_keys=True, ensure_ascii=False))
