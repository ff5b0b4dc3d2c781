"""A small file of a store that several processes read and change."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from dialogue_gym.journal.data_folder import DataPath, change_data, stamp_of

Content = TypeVar("Content")


class SharedFile(Generic[Content]):
    """The content of a file, read again whenever somebody has changed it. Thread-safe.

    Contents are values that are never changed in place: a change makes another one.
    """

    def __init__(
        self,
        path: DataPath,
        parse: Callable[[bytes | None], Content],
        render: Callable[[Content], bytes],
    ) -> None:
        """Use a file, which need not exist.

        Args:
            path: the file.
            parse: returns the content for the bytes of the file, or for None without a file.
            render: returns the bytes of a content.
        """
        self.path = path
        self._parse = parse
        self._render = render
        self._seen: tuple[tuple[int, ...] | None, Content] | None = None

    def read(self) -> Content:
        """Return the content as it is now.

        Raises:
            OSError: the file cannot be read.
        """
        stamp, seen = stamp_of(self.path), self._seen
        if seen is not None and seen[0] == stamp:
            return seen[1]
        try:
            data = None if stamp is None else self.path.read_bytes()
        except FileNotFoundError:  # it was removed since
            stamp = data = None
        content = self._parse(data)
        # What was read may be newer than its stamp, and is then read once more.
        self._seen = stamp, content
        return content

    def change(self, edit: Callable[[Content], Content]) -> Content:
        """Change the content, one process after another; return the new one.

        Args:
            edit: returns the new content for the one before. It may be called several times, and an error
                that it raises leaves the file as it is.

        Raises:
            OSError: the file cannot be read or written.
        """
        written: list[Content] = []

        def change(data: bytes | None) -> bytes:
            written[:] = [edit(self._parse(data))]
            return self._render(written[0])

        change_data(self.path, change)
        return written[0]
