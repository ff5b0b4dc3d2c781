"""Repositories of the Hugging Face Hub, and folders in their place: push a bundle, pull one."""

from __future__ import annotations

import contextlib
import logging
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from dialogue_gym._files import AGENT_FILE, FileError, create_folder
from dialogue_gym._markdown import MARKDOWN_SUFFIXES
from dialogue_gym._text import quoted
from dialogue_gym.domain.database import CSV_SUFFIX, SQLITE_SUFFIXES
from dialogue_gym.domain.sources import YAML_SUFFIXES
from dialogue_gym.hub.bundle import CARD_FILE, FORMER_FILE, METRICS_FILE, Bundle, HubError, read_bundle
from dialogue_gym.hub.card import card_of
from dialogue_gym.policies.saved import WEIGHTS_FILE
from dialogue_gym.version import __version__

if TYPE_CHECKING:
    from huggingface_hub import HfApi

MAX_FILES, MAX_BYTES = 1000, 200_000_000
"""The most files of a repository that are taken, and their greatest size together."""
_NAMES = (AGENT_FILE, WEIGHTS_FILE, METRICS_FILE, CARD_FILE)
_SUFFIXES = (*YAML_SUFFIXES, *MARKDOWN_SUFFIXES, CSV_SUFFIX, *SQLITE_SUFFIXES)


def push(folder: str | Path, repository: str, *, private: bool = False) -> str:
    """Write the agent or domain of a folder, with a model card, to a repository or a new folder.

    The files of a repository arrive in one commit. Others that it has stay.

    Args:
        folder: the folder of the agent, the domain or both.
        repository: OWNER/NAME on the Hub, made if it does not exist, or the path of a folder.
        private: make a new repository that only its owner sees, or write to one that is private already.

    Returns:
        The address of the commit, or the path of the folder.

    Raises:
        HubError: the folder cannot be shared, or the repository cannot be written, or is to be private and is
            not.
        FileError: a file of the folder cannot be used.
        OSError: a file cannot be read, or the folder not be written.
        ImportError: the extra `hub` is not installed.
    """
    if private and is_path(repository):
        raise HubError(f"--private: {repository} is a folder, whose permissions say who sees it")
    bundle = read_bundle(folder)
    contents = bundle.contents()
    card = card_of(bundle, repository)
    if card is not None:
        contents[CARD_FILE] = card.encode()
    if is_path(repository):
        create_folder(Path(repository).expanduser(), contents, read_bundle)
        return str(Path(repository).expanduser())
    from huggingface_hub import CommitOperationAdd

    with _connected(repository, "write") as api:
        api.create_repo(repository, private=private or None, exist_ok=True)
        if private and not api.model_info(repository).private:  # it was there before
            raise HubError(f"--private: {repository} is public; another name makes a new repository")
        additions = [CommitOperationAdd(name, data) for name, data in contents.items()]
        done = api.create_commit(
            repository, additions, commit_message=f"{bundle.name}, by dialogue-gym {__version__}"
        )
    return str(done.commit_url)


def pull(repository: str, out: str | Path, revision: str | None = None) -> Bundle:
    """Copy the agent or domain of a repository or folder into a new folder, after a check of each file.

    Files of other kinds, above all those that can run code, stay behind.

    Args:
        repository: OWNER/NAME on the Hub, or the path of a folder.
        out: the folder to make; an empty one is filled.
        revision: a branch, tag or commit of the repository; its newest one without.

    Raises:
        HubError: the repository cannot be read, or has neither an agent nor a domain, or too large ones.
        FileError: a file cannot be used.
        FileExistsError: there is such a folder, and it is not empty.
        OSError: the folder cannot be written.
        ImportError: the extra `hub` is not installed.
    """
    out = Path(out)
    if out.exists() and not (out.is_dir() and not any(out.iterdir())):
        raise HubError(f"{out}: this exists already; --out names another folder")
    if is_path(repository):
        if revision:
            raise HubError(f"--revision: {repository} is a folder, which has no revisions")
        contents = read_bundle(Path(repository).expanduser()).contents()
    else:
        with tempfile.TemporaryDirectory() as name:
            downloaded = Path(name) / repository.rpartition("/")[2]
            downloaded.mkdir()
            with _connected(repository, "read") as api:
                _download(api, repository, revision, downloaded)
            try:
                contents = read_bundle(downloaded).contents()
            except FileError as error:
                message = str(error).replace(f"{downloaded}{os.sep}", "").replace(f"{downloaded}: ", "")
                raise HubError(f"{repository}: {message}") from None
    create_folder(out, contents, read_bundle)
    return read_bundle(out)


def is_path(repository: str) -> bool:
    """Return whether a repository is a folder of this machine: it exists, or is written as a path."""
    path = Path(repository).expanduser()
    return path.is_absolute() or path.is_dir() or repository.startswith((".", "~"))


def _download(api: HfApi, repository: str, revision: str | None, folder: Path) -> None:
    """Download the files of a repository whose kind is known, at one commit."""
    commit = api.model_info(repository, revision=revision).sha
    entries = api.list_repo_tree(repository, recursive=True, revision=commit)
    sizes = {entry.path: entry.size for entry in entries if hasattr(entry, "size")}
    wanted = {name: size for name, size in sizes.items() if _is_known(name)}
    if FORMER_FILE in sizes and AGENT_FILE not in wanted:
        raise HubError(
            f"{repository}: its agent is {FORMER_FILE}, which can run code when it is loaded and is not"
            " taken; its owner can train it again with this version"
        )
    if len(wanted) > MAX_FILES or sum(wanted.values()) > MAX_BYTES:
        limits = f"{MAX_FILES:,} files or {MAX_BYTES // 1_000_000} MB"
        raise HubError(f"{repository}: more than {limits}, the limit for an agent and a domain")
    for name in wanted:
        api.hf_hub_download(repository, name, revision=commit, local_dir=folder)


def _is_known(name: str) -> bool:
    """Return whether a file of a repository, by its path, can belong to an agent or a domain."""
    path = PurePosixPath(name)
    is_inside = (
        not path.is_absolute() and "\\" not in name and not any(one.startswith(".") for one in path.parts)
    )
    return is_inside and (name in _NAMES or path.suffix.lower() in _SUFFIXES)


@contextlib.contextmanager
def _connected(repository: str, use: str) -> Iterator[HfApi]:
    """Give the interface of the Hub; its errors become one sentence each.

    Args:
        repository: the repository, as it is named in errors.
        use: `"read"` or `"write"`.
    """
    try:
        import httpx2
        from huggingface_hub import HfApi, errors
        from huggingface_hub.utils.tqdm import disable_progress_bars
    except ImportError as error:
        raise ImportError(
            f'{error.name} is missing: pip install "dialogue_gym[hub]" installs it', name=error.name
        ) from None
    disable_progress_bars()
    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)  # its warnings are for developers
    api = HfApi(library_name="dialogue_gym", library_version=__version__)
    unknown = HubError(
        f"{quoted(repository)} is neither a folder nor the name of a repository, such as somebody/restaurant"
    )
    if repository.count("/") != 1:
        raise unknown
    try:
        yield api
    except errors.HFValidationError:
        raise unknown from None
    except errors.RevisionNotFoundError:
        raise HubError(f"{repository}: it has no such branch, tag or commit") from None
    except errors.GatedRepoError:
        raise HubError(f"{repository}: its owner has to let you in, on {api.endpoint}/{repository}") from None
    except errors.RepositoryNotFoundError:
        raise HubError(
            f"{repository}: {api.endpoint} has no such repository, or it is private; `hf auth login` logs"
            " you in"
        ) from None
    except errors.HfHubHTTPError as error:
        if error.response.status_code in (401, 403):
            raise HubError(
                f"{repository}: no permission to {use} it; `hf auth login` takes a token that may {use} it"
            ) from None
        reason = f"status {error.response.status_code}, {error.server_message or 'without a reason'}"
        raise HubError(f"{repository}: {api.endpoint} refused ({reason})") from None
    except RuntimeError as error:  # a file that is uploaded by itself, before the commit
        reason = str(error.__cause__ or error).strip().partition("\n")[0]
        raise HubError(f"{repository}: the upload failed ({reason})") from None
    except (httpx2.HTTPError, ConnectionError, errors.LocalEntryNotFoundError) as error:
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise HubError(f"{repository}: {api.endpoint} cannot be reached ({reason})") from None
