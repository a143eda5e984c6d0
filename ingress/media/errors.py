"""What can be wrong with a file that somebody sends. Each says so to a person, and has a code for programs. PURE.

ClientError
`-- MediaError
    |-- MediaUnreadable     not a recording, damaged beyond use, or it crashes the decoder
    |-- MediaWithoutAudio   a film or a picture without sound, or a recording of no length
    |-- MediaTooLong        longer than this door takes
    |-- MediaBomb           decoding it takes far more than a file of its size can ask for honestly
    `-- MediaStalled        the decoder stopped getting on
"""

from __future__ import annotations

from wire.errors import ClientError


class MediaError(ClientError):
    code = "media_error"


class MediaUnreadable(MediaError):
    code = "media_unreadable"


class MediaWithoutAudio(MediaError):
    code = "media_without_audio"


class MediaTooLong(MediaError):
    code = "media_too_long"


class MediaBomb(MediaError):
    code = "media_bomb"


class MediaStalled(MediaError):
    code = "media_stalled"


KINDS: dict[str, type[MediaError]] = {
    kind.code: kind for kind in (MediaUnreadable, MediaWithoutAudio, MediaTooLong, MediaBomb, MediaStalled)
}
