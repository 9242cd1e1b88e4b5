"""Draw one synthetic frontal chest X-ray and its exact lung mask from two seeds.

The patient's seed fixes the anatomy; the image's seed fixes positioning, exposure and noise. The picture is a sum of
depths along the beam: soft tissue, minus air, plus bone. Anatomy has its own coordinates: x from -1 (image left, the
patient's right side) to 1, y from -1 (neck) to 1 (abdomen), so that a picture shows the same chest at every size.
"""

from collections.abc import Callable
from typing import NamedTuple

import cv2
import numpy as np

from pxr_tf.errors import PxrError
from pxr_tf.phantoms.splat import splat, splat_tubes

MIN_SIZE, MAX_SIZE = 16, 4096  # pixels: below it ribs and vessels vanish; at most 2 GB of memory
RIBS = 11
SCATTER = 0.12  # share of scattered rays, a veil over the picture
BEHIND = 0.12  # least distance of the lungs behind the heart from the middle of the spine; vertebrae reach 0.09 out
LESION = 0.2  # share of the air; the mildest haze and the rims of spots are below it
AIR = 0.66  # how much less a full depth of lung weakens a beam than the same depth of soft tissue


class Chest(NamedTuple):
    """A phantom and the truth about it."""

    image: np.ndarray  # uint8 [size, size], bright = dense, as on film
    lungs: np.ndarray  # bool [size, size], the lung fields that heart and diaphragm do not cover
    whole_lungs: np.ndarray  # bool [size, size], also behind the heart, as most people outline them
    lesions: np.ndarray  # bool [size, size], where fluid replaces at least a share `LESION` of the air


class Anatomy(NamedTuple):
    """What stays the same between two X-rays of one patient; lengths in anatomy units."""

    body_width: float  # half the trunk's width
    cage_width: float  # half the rib cage's width, where it is widest
    cage_shape: float  # how fast the cage widens below the apex
    apex: float  # y of the lungs' upper end
    dome_right: float  # y of the diaphragm
    dome_left: float
    heart_size: float
    heart_tilt: float  # radians
    aorta: float  # radius of the knob
    rib_spacing: float
    rib_drop: float  # how far a rib descends from back to front
    rib_height: float
    bone: float  # density of bone, 1 = average
    spine_bend: float
    clavicle_rise: float
    breast: float  # 0 = not visible
    vessels: float  # how strong the lung markings are
    stomach: float  # radius of the gas bubble under the left dome


class Pose(NamedTuple):
    """Changes to the position and breathing that an image's seed decides; none by default."""

    turn: float = 0.0  # degrees
    zoom: float = 1.0  # factor; smaller values show more around the chest
    inspiration: float = 0.0  # anatomy units; negative is expiration


STANDARD = Pose()


class View(NamedTuple):
    """How one X-ray was taken, and the grid of its pixels in anatomy units."""

    x: np.ndarray  # float32 [size, size]
    y: np.ndarray
    to_pixels: np.ndarray  # float64 [2, 3]: anatomy -> pixel (column, row)
    inspiration: float  # how far the diaphragm sits below its average
    level: float  # exposure: which density becomes middle grey
    contrast: float
    grain: float  # noise at a middle density
    blur: float  # standard deviation, anatomy units


class LungView(NamedTuple):
    """The lungs in one view; arrays are [size, size]."""

    air: np.ndarray  # depth of air along the beam, 0-1
    mask: np.ndarray  # bool
    whole: np.ndarray  # bool, `mask` and the lungs behind the heart and the great vessels
    outward: np.ndarray  # 0 at the midline, 1 at the chest wall
    downward: np.ndarray  # 0 at the apex, 1 at the diaphragm


# (the patient's generator, the image's generator, view, lungs) -> fluid, float32 [size, size]: the share of the air
# that fluid has replaced, 0-1. Values outside the lungs are ignored.
Disease = Callable[[np.random.Generator, np.random.Generator, View, LungView], np.ndarray]


def draw_chest(
    patient_seed: int, image_seed: int, size: int, disease: Disease | None = None, pose: Pose = STANDARD
) -> Chest:
    """Return a synthetic frontal chest X-ray of `size` x `size` pixels and its lung mask.

    Seeds are whole numbers from 0; the same seeds give the same bytes. `disease` changes the chest only inside the
    lungs, and in the blur at their edge. Raises `PxrError` below `MIN_SIZE` and above `MAX_SIZE`.
    """
    if not MIN_SIZE <= size <= MAX_SIZE:
        raise PxrError(f"Cannot draw a phantom of {size} pixels; accepted: {MIN_SIZE} to {MAX_SIZE}. Change it.")
    patient_rngs = [np.random.default_rng([patient_seed, stream]) for stream in range(3)]
    image_rng, day_rng = (np.random.default_rng([patient_seed, image_seed, stream]) for stream in (3, 4))
    anatomy = _draw_anatomy(patient_rngs[0])
    view = _take_view(image_rng, size, pose)
    lungs = _place_lungs(anatomy, view)
    density = _lay_soft_tissue(anatomy, view) + _lay_bones(anatomy, view) - AIR * lungs.air
    density += _lay_markings(anatomy, view, lungs, patient_rngs[1])
    density += SCATTER * (cv2.GaussianBlur(density, (0, 0), 0.06 * size) - density)
    lesions = np.zeros_like(lungs.mask)
    if disease is not None:
        fluid = np.clip(disease(patient_rngs[2], day_rng, view, lungs), 0, 1)
        density += (1 - SCATTER) * AIR * lungs.air * fluid * lungs.mask
        lesions = (fluid >= LESION) & lungs.mask
    return Chest(_expose(density, view, image_rng), lungs.mask, lungs.whole, lesions)


def _draw_anatomy(rng: np.random.Generator) -> Anatomy:
    between = rng.uniform
    cage_width, dome = between(0.64, 0.76), between(0.36, 0.52)
    return Anatomy(
        body_width=cage_width + between(0.12, 0.24),
        cage_width=cage_width,
        cage_shape=between(1.9, 2.6),
        apex=between(-0.8, -0.68),
        dome_right=dome,
        dome_left=dome + between(0.0, 0.1),
        heart_size=between(0.86, 1.14),
        heart_tilt=between(0.35, 0.75),
        aorta=between(0.05, 0.1),
        rib_spacing=between(0.118, 0.14),
        rib_drop=between(0.9, 1.2),
        rib_height=between(0.026, 0.036),
        bone=between(0.7, 1.3),
        spine_bend=between(-0.03, 0.03),
        clavicle_rise=between(0.02, 0.16),
        breast=between(0.0, 0.14) * (rng.random() < 0.4),
        vessels=between(0.7, 1.4),
        stomach=between(0.04, 0.12) * (rng.random() < 0.5) + 1e-6,
    )


def _take_view(rng: np.random.Generator, size: int, pose: Pose) -> View:
    turn, zoom = np.deg2rad(rng.normal(0, 2.0) + pose.turn), rng.uniform(1.06, 1.2) * pose.zoom
    scale = zoom * size / 2
    linear = scale * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    offset = scale * rng.normal(0, 0.03, 2) + (size - 1) / 2
    pixels = np.meshgrid(np.arange(size) - offset[0], np.arange(size) - offset[1])
    x, y = np.tensordot(np.linalg.inv(linear), pixels, axes=1).astype(np.float32)
    return View(
        x=x,
        y=y,
        to_pixels=np.column_stack([linear, offset]),
        inspiration=rng.normal(0, 0.025) + pose.inspiration,
        level=rng.uniform(0.62, 0.88),
        contrast=rng.uniform(3.0, 4.6),
        grain=rng.uniform(0.008, 0.022),
        blur=rng.uniform(0.004, 0.009),
    )


def _cage_width(anatomy: Anatomy, y: np.ndarray) -> np.ndarray:
    """Return the inner half-width of the rib cage at height `y`; 0 above the apex."""
    depth = np.clip((y - anatomy.apex) / (0.55 - anatomy.apex), 0, 1)
    return anatomy.cage_width * (1 - (1 - depth) ** anatomy.cage_shape) ** 0.5


def _chord(x: np.ndarray, y: np.ndarray, width: float, height: float) -> np.ndarray:
    """Return the depth of an ellipsoid along the beam, 1 at its centre, 0 outside; `width`, `height` are half-axes."""
    return np.sqrt(np.clip(1 - (x / width) ** 2 - (y / height) ** 2, 0, None))


def ramp(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """Return 0 below `low`, 1 above `high` and a smooth step between."""
    t = np.clip((values - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def _place_lungs(anatomy: Anatomy, view: View) -> LungView:
    x, y = view.x, view.y
    outward = np.abs(x) / np.maximum(_cage_width(anatomy, y), 1e-3)
    dome = np.where(x < 0, anatomy.dome_right, anatomy.dome_left) + view.inspiration
    # Domes fall off towards the chest wall (the costophrenic angle) and a little towards the spine.
    lateral = (np.abs(x) - 0.3) / anatomy.cage_width
    floor = dome + np.where(lateral > 0, 0.75, 0.25) * lateral**2 + 0.5 * np.clip(lateral - 0.4, 0, None) ** 2
    downward = (y - anatomy.apex) / (floor - anatomy.apex)
    middle, inside = _lay_mediastinum(anatomy, view), (outward < 1) & (y > anatomy.apex)
    cage = np.sqrt(np.clip(1 - outward**2.6, 0, 1)) * ramp(downward, 0, 0.3) ** 0.5
    # The lung reaches down behind the dome, so the abdomen replaces the air gradually.
    abdomen = np.clip((y - floor) / 0.12, 0, 1) ** 0.4
    air = np.where(inside, cage * (1 - abdomen) * np.clip(1 - middle, 0, 1), 0).astype(np.float32)
    fields = inside & (downward < 1) & (outward < 0.985)
    mask = fields & (middle < 0.35)
    whole = mask | (fields & (np.abs(x - _bend_spine(anatomy, y)) > BEHIND))
    return LungView(air, mask, whole, outward, np.clip(downward, 0, 1))


def _bend_spine(anatomy: Anatomy, y: np.ndarray) -> np.ndarray:
    """Return the x of the spine's middle at height `y`."""
    return anatomy.spine_bend * np.sin(2.5 * y)


def _lay_mediastinum(anatomy: Anatomy, view: View) -> np.ndarray:
    """Return the share of the cage's depth that heart, great vessels and spine fill, 0 to about 1.2."""
    x, y = view.x - _bend_spine(anatomy, view.y), view.y
    heart_y = 0.5 * (anatomy.dome_right + anatomy.dome_left) - 0.12 + 0.8 * view.inspiration
    cos, sin = np.cos(anatomy.heart_tilt), np.sin(anatomy.heart_tilt)
    along, across = cos * (x - 0.12) + sin * (y - heart_y), cos * (y - heart_y) - sin * (x - 0.12)
    heart = _chord(along, across, 0.42 * anatomy.heart_size, 0.29 * anatomy.heart_size)
    atrium = _chord(x + 0.06, y - heart_y - 0.01, 0.18 * anatomy.heart_size, 0.25 * anatomy.heart_size)
    knob = _chord(x - 0.11, y + 0.33, anatomy.aorta + 0.05, anatomy.aorta + 0.07)
    trunk = _chord(x - 0.09, y + 0.12, 0.15, 0.24)  # pulmonary artery
    band = np.sqrt(np.clip(1 - (x / (0.14 + 0.05 * ramp(y, -0.45, -1.0))) ** 2, 0, None))
    hearts = np.maximum.reduce([heart, atrium, 0.9 * knob, 0.9 * trunk])
    return np.clip(np.maximum(1.15 * hearts, band) + 0.15 * np.minimum(heart, band), 0, None) ** 0.7


def _lay_soft_tissue(anatomy: Anatomy, view: View) -> np.ndarray:
    """Return the depth of soft tissue along the beam, about 1 at the trunk's centre, 0 outside the body."""
    x, y = np.abs(view.x), view.y
    width = anatomy.body_width - 0.12 * ramp(y, 0.1, -0.75)
    shoulder_top = -0.98 + 0.3 * np.clip(x - 0.22, 0, None) ** 1.2
    trunk = np.sqrt(np.clip(1 - (x / width) ** 3.5, 0, 1) * np.clip((y - shoulder_top) / 0.3, 0, 1))
    neck = 0.8 * np.sqrt(np.clip(1 - (x / 0.32) ** 2, 0, 1)) * ramp(y, -0.5, -0.8)
    shoulder = 0.62 * _chord(x - 0.84, y + 0.5, 0.42, 0.36)
    arm = 0.5 * np.sqrt(np.clip(1 - ((x - 1.12 - 0.25 * y) / 0.17) ** 2, 0, 1)) * ramp(y, -0.62, -0.45)
    breast = anatomy.breast * _chord(x - 0.4, y - 0.36, 0.3, 0.24) ** 1.5
    gas = -0.2 * _chord(view.x - 0.36, y - anatomy.dome_left - 0.17, 1.8 * anatomy.stomach, anatomy.stomach)
    windpipe = -0.17 * np.sqrt(np.clip(1 - ((view.x - anatomy.spine_bend) / 0.045) ** 2, 0, 1)) * ramp(y, -0.22, -0.3)
    solid = np.maximum.reduce([(0.9 + 0.12 * ramp(y, 0.1, 0.8)) * trunk, neck, shoulder, arm])
    return solid + breast + (gas + windpipe) * (solid > 0.3)


def _lay_bones(anatomy: Anatomy, view: View) -> np.ndarray:
    tubes = [tube for draw in (_ribs, _shoulders) for tube in draw(anatomy, np.linspace(0, 1, len(view.x)))]
    lines = np.array([line * [side, 1] for line, _, _ in tubes for side in (-1, 1)])
    half_height, mass = np.repeat([tube[1:] for tube in tubes], 2, axis=0).T
    x = view.x - _bend_spine(anatomy, view.y)
    beat = np.cos(2 * np.pi * view.y / (1.05 * anatomy.rib_spacing))  # one period per vertebra
    body = np.sqrt(np.clip(1 - (x / (0.085 + 0.008 * beat)) ** 4, 0, 1)) * (0.07 + 0.04 * ramp(beat, -0.9, -0.5))
    pedicles = 0.07 * np.exp(-(((np.abs(x) - 0.055) / 0.014) ** 2)) * ramp(beat, 0.3, 0.8)
    return anatomy.bone * (splat_tubes(lines, half_height, mass, view.to_pixels, len(view.x)) + body + pedicles)


def _ribs(anatomy: Anatomy, t: np.ndarray) -> list[tuple[np.ndarray, float, float]]:
    """Return each left rib as (centre line [t, 2], half height, mass): a tilted ring, seen from the front."""
    ribs = []
    for number in range(RIBS):
        start = anatomy.apex + 0.02 + anatomy.rib_spacing * number
        drop = anatomy.rib_drop * (0.16 + 0.34 * min(number, 7) / 7)
        radius = 1.01 * float(_cage_width(anatomy, np.array(start + 0.5 * drop)))
        # From the spine round to where the rib becomes cartilage, which casts no shadow; the floating ribs are short.
        end = 0.8 * np.pi if number < 9 else (1.25 - 0.075 * number) * np.pi
        turn = 0.1 + (end - 0.1) * t
        rise = 0.035 * np.sin(2 * turn) * (turn < np.pi / 2)
        line = np.column_stack([radius * np.sin(turn) ** 0.9, start + 0.5 * drop * (1 - np.cos(turn)) - rise])
        # Mass follows the ring's length, not its shadow's: at the chest wall, seen end-on, a rib is brighter.
        ribs.append((line, anatomy.rib_height, 0.14 * anatomy.rib_height * radius * end))
    return ribs


def _shoulders(anatomy: Anatomy, t: np.ndarray) -> list[tuple[np.ndarray, float, float]]:
    """Return the left clavicle and shoulder blade as `_ribs` does."""
    slope = anatomy.apex + 0.1 - anatomy.clavicle_rise * t + 0.035 * np.sin(2 * np.pi * t)
    blade = np.column_stack([0.88 - 0.22 * np.sin(np.pi * t) ** 0.6 + 0.02 * t, -0.62 + 0.8 * t])
    return [(np.column_stack([0.09 + 0.62 * t, slope]), 0.03, 0.006), (blade, 0.02, 0.0028)]


def _lay_markings(anatomy: Anatomy, view: View, lungs: LungView, rng: np.random.Generator) -> np.ndarray:
    """Return the density of the lungs' vessels, which branch from the hila and thin out."""
    side = np.repeat([-1.0, 1.0], 8)
    start = np.column_stack([side * 0.16, np.where(side < 0, -0.02, -0.06) + rng.normal(0, 0.06, 16)])
    heading = np.tile(np.linspace(-1.2, 1.45, 8), 2) + rng.normal(0, 0.15, 16)  # up and out … down and out
    t, radius, vessels = np.linspace(0, 1, 8 + len(view.x) // 6)[:, None], 0.017, np.zeros(view.x.shape)
    for _ in range(4):
        length, bend = rng.uniform(0.12, 0.25, len(side)), rng.normal(0, 0.25, len(side))
        along = np.stack([side * np.cos(heading + bend * t), np.sin(heading + bend * t)], axis=-1)
        path = start + np.cumsum(along * length[:, None] / len(t), axis=0)  # [steps, branches, 2]
        edge = 0.6 * radius * along[..., ::-1] * [-1, 1]
        points = np.concatenate([path - edge, path, path + edge]).reshape(-1, 2)
        vessels += splat(points, np.tile(4.0 * radius**2 * length / len(t), 3 * len(t)), view.to_pixels, len(view.x))
        start, side, radius = np.repeat(path[-1], 2, axis=0), np.repeat(side, 2), 0.7 * radius
        heading = np.repeat(heading + bend, 2) + np.tile([-0.35, 0.35], len(bend)) + rng.normal(0, 0.2, len(side))
    hila = 0.1 * (_chord(view.x + 0.2, view.y + 0.03, 0.08, 0.17) + _chord(view.x - 0.2, view.y + 0.08, 0.07, 0.15))
    return 0.22 * np.tanh(anatomy.vessels * (vessels + hila) / 0.22) * ramp(lungs.air, 0, 0.25)


def _expose(density: np.ndarray, view: View, rng: np.random.Generator) -> np.ndarray:
    """Return the film: uint8 [size, size]."""
    # At least about half a pixel of blur, because edges are drawn without smoothing.
    density = cv2.GaussianBlur(density, (0, 0), max(view.blur * len(view.x) / 2, 0.45))
    # Fewer photons pass through dense parts, so the logarithm is noisier there.
    noise = cv2.GaussianBlur(rng.standard_normal(density.shape), (0, 0), 0.5) * np.exp(0.6 * (density - 0.7))
    film = 1 / (1 + np.exp(-view.contrast * (density + 1.6 * view.grain * noise - view.level)))
    dark = 1 / (1 + np.exp(view.contrast * view.level))
    return np.clip(np.rint(250 * (film - dark) / (1 - dark)), 0, 255).astype(np.uint8)
