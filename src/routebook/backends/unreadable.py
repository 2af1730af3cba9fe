"""What reading foreign JSON may raise: the decoder has words of its own for bad text, and none for bad UTF-8 and endless nesting."""

from __future__ import annotations

from typing import Final

import msgspec

UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
