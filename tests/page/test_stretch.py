from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.page.browser import Page

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

RATE = 22_050


async def stretched(page: Page, speed: float) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Two seconds of two tones, fed in uneven pieces."""
    made = await page.ask(
        "stretch",
        f"""
        const input = Float32Array.from({{length: {2 * RATE}}}, (_, i) =>
            0.4 * Math.sin(2 * Math.PI * 180 * i / {RATE}) + 0.3 * Math.sin(2 * Math.PI * 900 * i / {RATE}));
        const stretch_ = new stretch.Stretch({RATE});
        const out = [];
        for (let at = 0, size = 100; at < input.length; at += size, size = 100 + (size * 7) % 3000) {{
            out.push(stretch_.push(input.subarray(at, at + size), {speed}));
        }}
        out.push(stretch_.flush({speed}));
        return Array.from(stretch.concatenate(out));
        """,
    )
    return np.array(made)


def loudest(wave: np.ndarray[Any, Any]) -> list[float]:
    """The two strongest frequencies, Hz."""
    spectrum = np.abs(np.fft.rfft(wave * np.hanning(len(wave))))
    frequencies = np.fft.rfftfreq(len(wave), 1 / RATE)
    low = float(frequencies[frequencies < 500][spectrum[frequencies < 500].argmax()])
    high = float(frequencies[frequencies > 500][spectrum[frequencies > 500].argmax()])
    return [low, high]


@pytest.mark.parametrize("speed", [0.75, 1.25, 1.5, 2.0])
async def test_speed_changes_length_and_not_pitch(modules: Page, speed: float) -> None:
    wave = await stretched(modules, speed)
    assert len(wave) == pytest.approx(2 * RATE / speed, rel=0.02)
    assert loudest(wave) == pytest.approx([180, 900], rel=0.02)
    assert np.abs(wave).max() < 0.75, "no clicks: nothing is louder than what went in"


async def test_at_speed_one_nothing_is_changed(modules: Page) -> None:
    wave = await stretched(modules, 1)
    times = np.arange(2 * RATE) / RATE
    expected = 0.4 * np.sin(2 * np.pi * 180 * times) + 0.3 * np.sin(2 * np.pi * 900 * times)
    assert len(wave) == pytest.approx(2 * RATE, abs=2)
    assert np.abs(wave[:-800] - expected[: len(wave) - 800]).max() < 1e-5
