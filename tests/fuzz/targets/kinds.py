"""What a message is, which the quick look must say as those do that read all of its headers."""

from __future__ import annotations

from rtmp.enhanced_flv import AudioPacketType, EnhancedAudio, EnhancedVideo, VideoPacketType
from rtmp.errors import RemoteProtocolError
from rtmp.flv import AacPacketType, AudioTagHeader, AvcPacketType, FrameType, SoundFormat, VideoTagHeader
from rtmp.media_kind import ORDINARY_STARTS, PREFIX_SIZE, MediaKind, media_kind
from rtmp.messages import MessageType
from rtmp.stream_start import StreamStart, is_audio_header, is_keyframe, is_video_header

_AUDIO_KINDS = {
    AudioPacketType.SEQUENCE_START: MediaKind.AUDIO_HEADER,
    AudioPacketType.MULTICHANNEL_CONFIG: MediaKind.AUDIO_CHANNELS,
    AudioPacketType.CODED_FRAMES: MediaKind.AUDIO,
}
_VIDEO_HEADERS = (VideoPacketType.SEQUENCE_START, VideoPacketType.MPEG2_TS_SEQUENCE_START)
_FRAMES = (VideoPacketType.CODED_FRAMES, VideoPacketType.CODED_FRAMES_X)
_ORDINARY = (MediaKind.AUDIO, MediaKind.INTER_FRAME)


def run(data: bytes) -> None:
    """The payload of an audio, a video and a data message."""
    for type_id, parse in ((MessageType.AUDIO, _audio_kind), (MessageType.VIDEO, _video_kind)):
        kind = media_kind(type_id, data)
        assert media_kind(type_id, memoryview(data)) is kind
        assert media_kind(type_id, data[:PREFIX_SIZE]) is kind
        if len(data) > 1 and ORDINARY_STARTS[type_id][int.from_bytes(data[:2], "big")]:
            assert kind in _ORDINARY
        try:
            expected = parse(data)
        except RemoteProtocolError:
            continue
        # empty ones are none, and long modifiers may hide what comes behind
        is_out_of_sight = kind is MediaKind.OTHER and (len(data) < 2 or len(data) > PREFIX_SIZE)
        assert kind is expected or is_out_of_sight
    media_kind(MessageType.DATA_AMF0, data)
    _check_start(data)


def _audio_kind(data: bytes) -> MediaKind:
    header = AudioTagHeader.parse(data)
    if header.sound_format is not SoundFormat.ENHANCED:
        is_header = header.aac_packet_type is AacPacketType.SEQUENCE_HEADER
        return MediaKind.AUDIO_HEADER if is_header else MediaKind.AUDIO
    packet_type = EnhancedAudio.parse(data).packet_type
    return _AUDIO_KINDS.get(packet_type, MediaKind.OTHER)


def _video_kind(data: bytes) -> MediaKind:
    frame_type: FrameType | None
    if data and data[0] & 0x80:
        message = EnhancedVideo.parse(data)
        frame_type = message.frame_type
        if message.packet_type is VideoPacketType.METADATA:
            return MediaKind.VIDEO_METADATA
        if frame_type is not FrameType.COMMAND and message.packet_type in _VIDEO_HEADERS:
            return MediaKind.VIDEO_HEADER
        is_frame = message.packet_type in _FRAMES
    else:
        header = VideoTagHeader.parse(data)
        frame_type = header.frame_type
        if frame_type is not FrameType.COMMAND and header.packet_type is AvcPacketType.SEQUENCE_HEADER:
            return MediaKind.VIDEO_HEADER
        is_frame = header.packet_type in (None, AvcPacketType.NAL_UNITS)
    if not is_frame or frame_type is FrameType.COMMAND:
        return MediaKind.OTHER
    return MediaKind.KEY_FRAME if frame_type is FrameType.KEY else MediaKind.INTER_FRAME


def _check_start(data: bytes) -> None:
    start = StreamStart()
    assert start.note_audio(data) == is_audio_header(data)
    assert start.note_video(data) == is_video_header(data)
    assert not (is_keyframe(data) and is_video_header(data))
    assert all(payload == data for _, payload in start.headers)
