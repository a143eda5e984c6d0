"""Sounds for tests: noise, hum, music and clicks made with numpy, and speech made with the packaged Piper voice.

All are float32 mono at 16 kHz in [-1, 1].
"""

from __future__ import annotations

import functools
from pathlib import Path

import av
import numpy as np
import soxr

from node_runtime import catalog
from node_runtime.engines.base import Samples
from node_runtime.engines.piper import Piper
from wire.audio import SAMPLE_RATE


def _time(seconds: float) -> Samples:
    return (np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE).astype(np.float32)


def silence(seconds: float) -> Samples:
    return np.zeros_like(_time(seconds))


def white(seconds: float, level: float = 0.1) -> Samples:
    made: Samples = (np.random.default_rng(1).standard_normal(len(_time(seconds))) * level).astype(np.float32)
    return made


def pink(seconds: float, level: float = 0.1) -> Samples:
    spectrum = np.fft.rfft(white(seconds, 1.0))
    shaped = np.fft.irfft(spectrum / np.sqrt(np.maximum(1, np.arange(len(spectrum)))), len(_time(seconds)))
    made: Samples = (shaped / np.abs(shaped).max() * level * 3).astype(np.float32)
    return made


def hum(seconds: float, level: float = 0.1) -> Samples:
    at = 2 * np.pi * 50 * _time(seconds)
    made: Samples = (level * (np.sin(at) + 0.5 * np.sin(2 * at) + 0.25 * np.sin(3 * at))).astype(np.float32)
    return made


def chords(seconds: float, level: float = 0.2) -> Samples:
    at = _time(seconds)
    decay = np.exp(-3 * (at % 0.5))
    roots = np.array([261.6, 220.0, 174.6, 196.0])[(at / 0.5).astype(int) % 4]
    tones = sum(np.sin(2 * np.pi * roots * ratio * (at % 0.5)) for ratio in (1.0, 1.26, 1.5))
    made: Samples = (level * decay * tones).astype(np.float32)
    return made


def clicks(seconds: float) -> Samples:
    found = silence(seconds)
    found[np.random.default_rng(1).integers(0, len(found), int(seconds * 8))] = 0.8
    return found


def _shaped(seconds: float, low: float, high: float, seed: int = 1) -> Samples:
    """Noise between two frequencies (Hz), its strongest sample 1."""
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal(len(_time(seconds))))
    frequencies = np.fft.rfftfreq(len(_time(seconds)), 1 / SAMPLE_RATE)
    made = np.fft.irfft(spectrum * ((frequencies > low) & (frequencies < high)), len(_time(seconds)))
    shaped: Samples = (made / np.abs(made).max()).astype(np.float32)
    return shaped


def breath(seconds: float, level: float = 0.05) -> Samples:
    """In and out every 3 s, close to the microphone."""
    swell = np.maximum(0, np.sin(2 * np.pi * _time(seconds) / 1.5)) ** 2
    made: Samples = (level * swell * _shaped(seconds, 300, 3000)).astype(np.float32)
    return made


def _struck(seconds: float, each_second: float, sound: Samples) -> Samples:
    """`sound` again and again, at random and with random strength."""
    chance = np.random.default_rng(2)
    found = silence(seconds + 1)
    for at in chance.integers(0, int(seconds * SAMPLE_RATE), int(seconds * each_second)):
        found[at : at + len(sound)] += sound * np.float32(chance.uniform(0.3, 1.0))
    return found[: int(seconds * SAMPLE_RATE)]


def applause(seconds: float, level: float = 0.1) -> Samples:
    """A hall of people: sixty claps a second."""
    clap = _shaped(0.05, 500, 4000) * np.exp(-_time(0.05) * 80).astype(np.float32)
    return level * _struck(seconds, 60, clap)


def keyboard(seconds: float, level: float = 0.3) -> Samples:
    """Somebody types, six strokes a second: a click and the thud of the key."""
    at = _time(0.04)
    thud = 0.5 * np.sin(2 * np.pi * 180 * at) * np.exp(-at * 120)
    click = _shaped(0.04, 2000, 7000) * np.exp(-at * 300)
    return level * _struck(seconds, 6, (thud + click).astype(np.float32))


def melody(seconds: float, level: float = 0.2) -> Samples:
    """A plucked tune over chords."""
    at = _time(seconds)
    notes = np.array([523.3, 587.3, 659.3, 784.0, 659.3, 587.3, 523.3, 440.0])[(at / 0.25).astype(int) % 8]
    tune = sum(np.sin(2 * np.pi * notes * k * (at % 0.25)) / k for k in (1, 2, 3)) * np.exp(-6 * (at % 0.25))
    made: Samples = (0.5 * level * tune + chords(seconds, level)).astype(np.float32)
    return made


@functools.cache
def voice() -> Piper:
    return Piper("en_US-joe-medium", catalog.voice("en_US-joe-medium", Path()), "cpu", 2)


@functools.cache
def said(text: str) -> Samples:
    """Spoken English, the same each time, with the silences before and after that endpointing leaves."""
    from piper import SynthesisConfig

    unchanging = SynthesisConfig(noise_scale=0.0, noise_w_scale=0.0)
    sounds = list(voice()._voice.synthesize(text, unchanging))
    samples = np.concatenate([sound.audio_float_array for sound in sounds]).astype(np.float32)
    return np.concatenate([silence(0.3), soxr.resample(samples, sounds[0].sample_rate, SAMPLE_RATE), silence(0.6)])


def recorded(path: Path) -> Samples:
    """An audio file, decoded and resampled."""
    resampler = av.AudioResampler(format="s16", layout="mono", rate=SAMPLE_RATE)
    with av.open(str(path)) as container:
        frames = [out for frame in container.decode(audio=0) for out in resampler.resample(frame)]
    frames += resampler.resample(None)
    samples: Samples = np.concatenate([frame.to_ndarray().reshape(-1) for frame in frames]).astype(np.float32)
    return samples / np.float32(32768)


def pcm(samples: Samples) -> bytes:
    """As it stands in a Job."""
    return (np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes()
