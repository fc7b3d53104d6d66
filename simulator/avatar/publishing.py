"""Publishes the avatar's video and audio track."""

from livekit import rtc

STREAM = "avatar"  # the same for both tracks: receivers keep tracks of one stream in sync
# bit/s by height. Flat colours need little; more is not visible and costs the encoder a third more CPU.
BITRATES = {360: 250_000, 480: 400_000, 720: 800_000, 1080: 1_800_000}
# Below 40 kbit/s Opus uses other tools and needs twice the CPU for a voice.
VOICE_BITRATE = 64_000  # bit/s
CODECS = {"VP8": rtc.VideoCodec.VP8, "H264": rtc.VideoCodec.H264}


async def publish_video(
    room: rtc.Room, source: rtc.VideoSource, height: int, frame_rate: float, encoding: str
) -> rtc.LocalTrackPublication:
    """Publish the picture in one layer, with the codec `encoding` ("VP8" or "H264"; VP8 for any other value)."""
    options = rtc.TrackPublishOptions(
        source=rtc.TrackSource.SOURCE_CAMERA,
        video_codec=CODECS.get(encoding, rtc.VideoCodec.VP8),
        video_encoding=rtc.VideoEncoding(max_bitrate=BITRATES[height], max_framerate=frame_rate),
        simulcast=False,
        # livekit-server's first bandwidth estimate is low; without this the picture has half its width for 20 s.
        degradation_preference=rtc.DegradationPreference.MAINTAIN_RESOLUTION.value,
        stream=STREAM,
    )
    track = rtc.LocalVideoTrack.create_video_track("avatar-video", source)
    return await room.local_participant.publish_track(track, options)


async def publish_voice(room: rtc.Room, source: rtc.AudioSource) -> rtc.LocalTrackPublication:
    """Publish the voice."""
    options = rtc.TrackPublishOptions(
        source=rtc.TrackSource.SOURCE_MICROPHONE, stream=STREAM, dtx=True, red=False
    )
    options.audio_encoding.max_bitrate = VOICE_BITRATE
    track = rtc.LocalAudioTrack.create_audio_track("avatar-voice", source)
    return await room.local_participant.publish_track(track, options)
