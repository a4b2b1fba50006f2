"""Where an index lies on disk: immutable generations, a pointer to the one in use, one writer.

    <index folder>/current            names the generation in use; replaced by an atomic rename
    <index folder>/generations/<n>/   one whole index; never changed once it is pointed at, but
                                      for the files of Chroma, which writes when it is opened
    <index folder>/lock               held by the one process that builds

A build that dies leaves a folder that no pointer names; the next one removes it.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from assistant.errors import StoreError
from assistant.text import sha256_text

MANIFEST: Final = "manifest.json"
_POINTER: Final = "current"
_CHUNK: Final = 1 << 20


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
    if not name.isalnum() or not generation.is_dir():
        raise StoreError(
            f"{pointer}: names the generation {name!r}, which is not there; "
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
    except filelock.Timeout as error:
        raise StoreError(
            f"{folder}: another process is building this index; wait until it has "
            "finished and try again"
        ) from error
    except PermissionError as error:
        raise StoreError(
            f"{folder}: no permission to write there; choose another folder with ASSISTANT_DATA"
        ) from error
    except OSError as error:
        raise StoreError(
            f"{folder}: cannot be written ({error.strerror or error}); free some "
            "space or choose another folder with ASSISTANT_DATA"
        ) from error
    try:
        yield
    finally:
        lock.release()


@contextmanager
def new_generation(folder: Path) -> Iterator[Path]:
    """An empty folder to build in, switched to at the end; removed if the body raises.

    Call with `writer_lock` held. Generations that nothing points at are removed before and,
    the previous one excepted, after.
    """
    previous = current_generation_or_none(folder)
    home = folder / "generations"
    home.mkdir(parents=True, exist_ok=True)
    _remove_others(home, {previous})
    number = max((int(path.name) for path in home.iterdir() if path.name.isdigit()), default=0) + 1
    generation = home / str(number)
    generation.mkdir()
    try:
        yield generation
    except BaseException:
        shutil.rmtree(generation, ignore_errors=True)
        raise
    temporary = folder / f"{_POINTER}.new"
    temporary.write_text(generation.name, "utf-8")
    os.replace(temporary, folder / _POINTER)
    _remove_others(home, {previous, generation})


def current_generation_or_none(folder: Path) -> Path | None:
    """As `current_generation`, with a damaged pointer read as None: a build replaces it."""
    try:
        return current_generation(folder)
    except StoreError:
        return None


def _remove_others(home: Path, kept: set[Path | None]) -> None:
    for path in home.iterdir():
        if path not in kept:
            shutil.rmtree(path, ignore_errors=True)


def write_manifest(generation: Path, facts: Mapping[str, Any]) -> None:
    """Write what the generation was built from, the hash of each file in it, and its own hash.

    Chroma's database is left out of the hashes, since opening it changes it; what is read from it
    (which rows are near) is checked against the hashed vectors instead.
    """
    files = {
        str(path.relative_to(generation)): file_sha256(path)
        for path in sorted(generation.rglob("*"))
        if path.is_file() and path.relative_to(generation).parts[0] not in ("chroma", MANIFEST)
    }
    manifest = {
        **facts,
        "built": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
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
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
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
