"""Palettes that every eye can read: contrast, and colours that stay apart without red or green cones."""

import itertools

import pytest

from trainfare.reports.chart_theme import DARK, LIGHT, Look, config_of

themes = pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda t: t.name)

# G. M. Machado, M. M. Oliveira and L. A. F. Fernandes, "A Physiologically-based Model for
# Simulation of Color Vision Deficiency" (2009), severity 1.0, on linear RGB.
EYES = {
    "all cones": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "deuteranopia": (
        (0.367322, 0.860646, -0.227968),
        (0.280085, 0.672501, 0.047413),
        (-0.011820, 0.042940, 0.968881),
    ),
    "protanopia": (
        (0.152286, 1.052583, -0.204868),
        (0.114503, 0.786281, 0.099216),
        (-0.003882, -0.048116, 1.051998),
    ),
}
# B. Ottosson, "A perceptual color space for image processing" (2020).
LMS = (
    (0.4122214708, 0.5363325363, 0.0514459929),
    (0.2119034982, 0.6806995451, 0.1073969566),
    (0.0883024619, 0.2817188376, 0.6299787005),
)
LAB = (
    (0.2104542553, 0.7936177850, -0.0040720468),
    (1.9779984951, -2.4285922050, 0.4505937099),
    (0.0259040371, 0.7827717662, -0.8086757660),
)


def linear(colour):
    parts = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    return [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]


def times(matrix, vector):
    return [sum(m * v for m, v in zip(row, vector, strict=True)) for row in matrix]


def contrast(one, other):
    """WCAG 2.2: (L₁ + 0.05) / (L₂ + 0.05)."""
    lights = [times([(0.2126, 0.7152, 0.0722)], linear(c))[0] + 0.05 for c in (one, other)]
    return max(lights) / min(lights)


def lab(colour, eye):
    seen = [min(1, max(0, part)) for part in times(EYES[eye], linear(colour))]
    return times(LAB, [part ** (1 / 3) for part in times(LMS, seen)])


def distance(one, other, eye):
    pair = zip(lab(one, eye), lab(other, eye), strict=True)
    return sum((a - b) ** 2 for a, b in pair) ** 0.5


def test_contrast_and_distance_are_computed_as_their_sources_say():
    assert contrast("#ffffff", "#000000") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)
    assert distance("#ff0000", "#ff0000", "protanopia") == 0
    # The pair that red-green blindness is known for, beside one that it leaves alone.
    assert distance("#ff0000", "#00a000", "all cones") > 0.3
    assert distance("#b04000", "#6b6b00", "deuteranopia") < 0.06


@themes
def test_what_is_drawn_stands_out_from_the_page(theme):
    """3:1 for marks (WCAG 1.4.11) and 4.5:1 for text (1.4.3)."""
    marks = [*theme.series, *theme.remainders, theme.rest, theme.more, theme.less]
    assert [c for c in marks if contrast(c, theme.background) < 3] == []
    assert [c for c in (theme.text, theme.muted) if contrast(c, theme.background) < 4.5] == []


@pytest.mark.parametrize("eye", EYES)
@themes
def test_any_two_colours_stay_apart(theme, eye):
    """0.02 in Oklab is a difference that is just seen; three times that is seen in small squares."""
    near = [
        pair
        for pair in itertools.combinations([*theme.series, *theme.remainders, theme.rest], 2)
        if distance(*pair, eye) < 0.06
    ]
    assert near == []
    assert distance(theme.more, theme.less, eye) >= 0.15


@pytest.mark.parametrize("eye", EYES)
@themes
def test_the_ramp_goes_one_way(theme, eye):
    """From none to most the lightness changes in one direction, for every eye."""
    lights = [lab(colour, eye)[0] for colour in theme.ramp]
    assert lights in (sorted(lights), sorted(lights, reverse=True))
    assert min(abs(a - b) for a, b in itertools.pairwise(lights)) > 0.05


def test_the_stripes_of_the_unknown_are_no_colour_of_a_thing():
    for theme in (LIGHT, DARK):
        assert not set(theme.unknown) & {*theme.series, theme.rest, *theme.ramp}
        assert {stop["color"] for stop in theme.hatch()["stops"]} == set(theme.unknown)


def test_a_component_always_has_its_colour_and_nothing_else_takes_it():
    look = Look()
    assert look.colours(["storage", "compute"]) == look.colours(["compute", "storage"])[::-1]
    mixed = look.colours(["train", "warm-up", "probe", "eval"])
    assert len(set(mixed)) == 4
    assert len(set(look.colours([f"team-{n}" for n in range(6)]))) == 6


@themes
def test_fonts_end_in_one_that_every_renderer_has(theme):
    assert config_of(theme)["font"].endswith(", sans-serif")
