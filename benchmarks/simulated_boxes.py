"""Scenes of things in boxes, a detector that looks at them, and people who label them with errors.

For `kinds_boxes.py`.
What is drawn by chance and what stands is in `World`; how well errata does there shows whether its choices hold beyond
the sets with real errors.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from errata_model.regions.records import Believed, Item, Region
from errata_model.regions.shapes import Box

WIDTH, HEIGHT = 1000, 600
MISSING, SPURIOUS, SHIFTED, SWAPPED = range(4)
Thing = tuple[float, float, float, float, int]  # left, top, width, height in pixels, and class


@dataclass(frozen=True)
class World:
    """What scenes, the detector and people are like.

    Attributes:
        n_classes: K.
        things: on an image, on average.
        clustered: share of things that stand beside another.
        recall: of the detector, for things of the usual size.
        noise: of its boxes, in shares of their extents.
        confused: how often it takes another class.
        false_alarms: of its own on an image, on average.
        wrong: share of things whose label is wrong, or of images with one wrong label.
        one_an_image: whether an image has one wrong label at most.
        errors: of these kinds, equally often.
    """

    n_classes: int = 3
    things: float = 6
    clustered: float = 0.3
    recall: float = 0.85
    noise: float = 0.07
    confused: float = 0.1
    false_alarms: float = 3
    wrong: float = 0.04
    one_an_image: bool = False
    errors: tuple[int, ...] = (MISSING, SPURIOUS, SHIFTED, SWAPPED)


WORLDS = {
    "usual": World(),
    "few errors": World(wrong=0.015),
    "half of all missing": World(n_classes=1, things=2, wrong=0.5, errors=(MISSING,)),
    "one error an image": World(things=12, false_alarms=5, wrong=0.25, one_an_image=True),
    "weak detector": World(recall=0.5, noise=0.15, confused=0.3, false_alarms=8),
    "strong detector": World(recall=0.97, noise=0.03, confused=0.02, false_alarms=1),
    "crowds": World(things=15, clustered=0.8),
    "10 classes": World(n_classes=10, confused=0.3),
}


@dataclass(frozen=True)
class Scenes:
    """Annotations beside a detector's beliefs, and which of the images are wrong."""

    items: list[Item]
    labels: list[str]
    is_wrong: NDArray[np.bool_]


def draw_scenes(world: World, n_images: int, seed: int) -> Scenes:
    rng = np.random.default_rng(seed)
    labels = [f"class {number}" for number in range(world.n_classes)]
    items, is_wrong = [], []
    for number in range(n_images):
        things = draw_things(world, rng)
        given, wrong = label(things, world, rng)
        drawn = tuple(Region(f"r{place}", labels[each[4]], to_box(each)) for place, each in enumerate(given))
        detected = [(each, score) for each, score in detect(things, world, rng)]
        believed = tuple(Region("", labels[each[4]], to_box(each), score) for each, score in detected)
        items.append(Item(drawn, Believed(believed), (WIDTH, HEIGHT), number))
        is_wrong.append(wrong)
    return Scenes(items, labels, np.array(is_wrong))


def draw_things(world: World, rng: np.random.Generator) -> list[Thing]:
    things: list[Thing] = []
    for _ in range(rng.poisson(rng.gamma(2, world.things / 2))):
        width, height = np.exp(rng.normal(3.9, 0.6) + np.array([1, -1]) * rng.normal(0, 0.3))
        if things and rng.random() < world.clustered:
            near = things[rng.integers(len(things))]
            left, top = np.array(near[:2]) + rng.normal(0, 1, 2) * near[2:4]
        else:
            left, top = rng.random(2) * (WIDTH, HEIGHT)
        left, top = np.clip(left, 0, WIDTH - width), np.clip(top, 0, HEIGHT - height)
        things.append((left, top, width, height, int(rng.integers(world.n_classes))))
    return things


def detect(things: list[Thing], world: World, rng: np.random.Generator) -> list[tuple[Thing, float]]:
    """Return the detector's boxes with scores: small things are missed more often, some are seen twice."""
    found = []
    for thing in things:
        ease = np.log(np.sqrt(thing[2] * thing[3]) / 50) + np.log(world.recall / (1 - world.recall))
        if rng.random() > sigmoid(ease + 1):
            continue
        score = sigmoid(ease + rng.normal(0, 1.2))
        seen = thing if rng.random() > world.confused else (*thing[:4], int(rng.integers(world.n_classes)))
        found.append((redrawn(seen, world.noise * (3 if rng.random() < 0.1 else 1), rng), score))
        if rng.random() < 0.3:
            found.append((redrawn(thing, 4 * world.noise, rng), score * rng.random() / 2))
    for _ in range(rng.poisson(world.false_alarms)):
        found.append((anywhere(world, rng), sigmoid(rng.normal(-2.5, 1.2))))
    return found


def label(things: list[Thing], world: World, rng: np.random.Generator) -> tuple[list[Thing], bool]:
    """Return what people draw, and whether something is wrong with it."""
    if world.one_an_image:
        chosen = np.zeros(len(things), dtype=bool)
        if things and rng.random() < world.wrong:
            chosen[rng.integers(len(things))] = True
    else:
        chosen = rng.random(len(things)) < world.wrong
    given = []
    for thing, is_wrong in zip(things, chosen.tolist(), strict=True):
        error = rng.choice(world.errors) if is_wrong else None
        drawn = redrawn(thing, 0.04, rng)
        left, top, width, height, column = drawn
        if error == SHIFTED:
            across, down = rng.uniform(0.25, 0.45) * rng.choice((-1, 1), 2)
            drawn = left + across * width, top + down * height, width, height, column
        elif error == SWAPPED:
            drawn = left, top, width, height, (column + int(rng.integers(1, world.n_classes))) % world.n_classes
        if error != MISSING:
            given.append(drawn)
        if error == SPURIOUS:
            given.append(anywhere(world, rng))
    return given, bool(chosen.any())


def anywhere(world: World, rng: np.random.Generator) -> Thing:
    width, height = np.exp(rng.normal(3.8, 0.6, 2))
    left, top = rng.random(2) * (max(WIDTH - width, 0), max(HEIGHT - height, 0))
    return left, top, width, height, int(rng.integers(world.n_classes))


def redrawn(thing: Thing, noise: float, rng: np.random.Generator) -> Thing:
    left, top, width, height, column = thing
    across, down = rng.normal(0, noise, 2) * (width, height)
    wider, higher = np.exp(rng.normal(0, 1.2 * noise, 2))
    return left + across, top + down, width * wider, height * higher, column


def to_box(thing: Thing) -> Box:
    left, top, width, height, _ = map(float, thing)
    return Box(left / WIDTH, top / HEIGHT, width / WIDTH, height / HEIGHT)


def sigmoid(value: float) -> float:
    return float(1 / (1 + np.exp(-value)))
