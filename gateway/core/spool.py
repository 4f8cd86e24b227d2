"""Bytes on their way through this process: in memory while they are few, then in a file.

The file has a name, so that another process can read it without the bytes passing through a
pipe. Knows nothing of what the bytes mean.
"""

import contextlib
import io
import tempfile
from pathlib import Path
from typing import BinaryIO, Final, cast

__all__ = ["LARGE_BYTES", "Content", "Spool"]

LARGE_BYTES: Final = 4 * 1024 * 1024
"""Above this, bytes are handed on as a file. Handing them to another process as bytes takes them
three times (the object, its pickle, what the pipe holds), and an element tree takes up to forty
times its text: below, both stay within what a request may cost; nearly no invoice is larger.
"""

Content = bytes | Path
"""A document: its bytes, or the file that holds those of a large one."""


class Spool(io.BufferedIOBase):
    """A temporary file that stays in memory up to LARGE_BYTES. Closing it removes it.

    The folder is the system's for temporary files (``TMPDIR``); where that is memory, large
    documents are in memory again.
    """

    def __init__(self) -> None:
        super().__init__()
        self._file: BinaryIO = io.BytesIO()
        self._path: Path | None = None

    @property
    def binary(self) -> BinaryIO:
        """The spool itself, as what functions over files take."""
        return cast("BinaryIO", self)

    @property
    def content(self) -> Content:
        """What was written so far; a path is good until the spool is closed."""
        if self._path is not None:
            self._file.flush()
            return self._path
        return cast("io.BytesIO", self._file).getvalue()

    def readable(self) -> bool:
        """Always."""
        return True

    def writable(self) -> bool:
        """Always."""
        return True

    def seekable(self) -> bool:
        """Always."""
        return True

    def write(self, data: bytes | bytearray | memoryview) -> int:  # type: ignore[override]
        """Write bytes (no other buffer is ever handed in) at the present position."""
        if self._path is None and self._file.tell() + len(data) > LARGE_BYTES:
            self._move_out()
        return self._file.write(data)

    def read(self, size: int | None = -1, /) -> bytes:
        """Read up to ``size`` bytes, all that are left for -1."""
        return self._file.read(-1 if size is None else size)

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Move the present position."""
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """The present position."""
        return self._file.tell()

    def flush(self) -> None:
        """Hand what is buffered to the file."""
        if not self.closed:
            self._file.flush()

    def close(self) -> None:
        """Close and remove; doing it twice is no error."""
        if self.closed:
            return
        # What a full disk does not take any more is thrown away here anyhow.
        for close in (super().close, self._file.close):
            with contextlib.suppress(OSError):
                close()
        if self._path is not None:
            self._path.unlink(missing_ok=True)

    def _move_out(self) -> None:
        with self._file as memory:
            position = memory.tell()
            file = tempfile.NamedTemporaryFile(prefix="gateway-", delete=False)  # noqa: SIM115 - closed and removed with the spool
            self._path, self._file = Path(file.name), cast("BinaryIO", file)
            self._file.write(cast("io.BytesIO", memory).getbuffer())
        self._file.seek(position)
