"""What recorded drivers chose between, and how far that is from what they did."""

import dataclasses
import itertools
from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Float, Int

from volition.env import Transition
from volition.env.driving import (
    Moment,
    Paths,
    candidates,
    constant_velocity,
    driven_path,
    follow_leader,
    path_features,
    present,
    published_features,
    surroundings,
)
from volition.feedback import Dataset, OneOf
from volition.policy import Segment

# The drivers among whom a fitted IDM is chosen: acceleration, distance, headway, speed.
IDM_GRID = np.array(
    list(
        itertools.product(
            (0.25, 0.5, 1.0, 2.0), (5.0, 7.0, 10.0), (0.5, 0.8, 1.2, 1.6), (20, 25, 29)
        )
    )
)


@dataclasses.dataclass(frozen=True)
class Choices:
    """What drivers chose between at some moments, half second by half second.

    Distances are from where the driver was at the same time, m; the present moment is
    left out.

    Args:
        driver: number of the driver, `[moment]`.
        features: with the others predicted, `[moment, option, time, feature]`.
        leaking: with the others as they were recorded, which nobody knew.
        published: of the published method, `[moment, option + 1, feature]`; the last is
            what the driver did.
        away: distance of each option, `[moment, option, time]`.
        constant_velocity: distance, `[moment, time]`.
        idm: distance with the library's constants, `[moment, time]`.
        idm_grid: distance with each row of `IDM_GRID`, `[moment, row, time]`.
        present: what the driver sees, in the order of `PRESENT`.
        number: of each option: by how much its end speed differs from the present one,
            m/s, and whether it turns left, or right.
    """

    driver: Int[np.ndarray, " moment"]
    features: Float[np.ndarray, "moment option time feature"]
    leaking: Float[np.ndarray, "moment option time feature"]
    published: Float[np.ndarray, "moment option1 published"]
    away: Float[np.ndarray, "moment option time"]
    constant_velocity: Float[np.ndarray, "moment time"]
    idm: Float[np.ndarray, "moment time"]
    idm_grid: Float[np.ndarray, "moment row time"]
    present: Float[np.ndarray, "moment present"]
    number: Float[np.ndarray, "moment option 3"]

    @property
    def chosen(self) -> Int[np.ndarray, " moment"]:
        """The option that is nearest to what the driver did, on average over time.

        It stands for all paths that are nearer to it than to any other option: so the
        choice is one among the same options for everybody, and its probability can be
        told before it is made. The recorded path as one more option would be neither:
        it is known afterwards only, and the noise in its jerk gives it away.
        """
        return np.argmin(self.away.mean(axis=-1), axis=-1)

    @property
    def published_only(self) -> Float[np.ndarray, "moment option once published"]:
        """The published features of the options, as of a single time."""
        return self.published[:, :-1, None]

    def subset(self, rows: Bool[np.ndarray, " moment"]) -> "Choices":
        """Some of the moments."""
        fields = dataclasses.fields(self)
        return Choices(**{one.name: getattr(self, one.name)[rows] for one in fields})

    @property
    def as_classes(self) -> Float[np.ndarray, "moment option once input"]:
        """What is seen and which option it is; nothing of what it leads to."""
        n_options = self.number.shape[1]
        seen = np.repeat(self.present[:, None], n_options, axis=1)
        return np.concatenate([seen, self.number], axis=-1)[:, :, None]


def driver_choices(moments: Sequence[Moment]) -> Choices:
    """What the drivers chose between.

    Args:
        moments: at least one.
    """
    acceleration, distance, headway, desired = IDM_GRID.T
    found: dict[str, list[np.ndarray]] = {
        field.name: [] for field in dataclasses.fields(Choices)
    }
    for moment in moments:
        paths, driven = candidates(moment), driven_path(moment)
        around = surroundings(moment, paths)
        x, y = moment.frame.place(paths.along, paths.left)
        own = published_features(driven, surroundings(moment, driven))
        grid = follow_leader(
            moment,
            acceleration=acceleration,
            distance=distance,
            headway=headway,
            desired=desired,
        )
        each = {
            "driver": np.array(moment.driver),
            "features": path_features(paths, around),
            "leaking": path_features(paths, surroundings(moment, paths, True)),
            "published": np.concatenate([published_features(paths, around), own]),
            "away": _away(moment, np.stack([x, y], axis=-1)),
            "constant_velocity": _away(moment, constant_velocity(moment)),
            "idm": _away(moment, follow_leader(moment)),
            "idm_grid": _away(moment, grid),
            "present": present(moment),
            "number": _number(paths),
        }
        for name, value in each.items():
            found[name].append(value)
    return Choices(**{name: np.stack(values) for name, values in found.items()})


def _number(paths: Paths) -> Float[np.ndarray, "option 3"]:
    faster = paths.speed[:, -1] - paths.speed[:, 0]
    return np.stack([faster, paths.turn == 1, paths.turn == -1], axis=-1)


def _away(
    moment: Moment, places: Float[np.ndarray, "*any time 2"]
) -> Float[np.ndarray, "*any later"]:
    away = places - moment.driven[:: moment.stride]
    return np.hypot(away[..., 0], away[..., 1])[..., 1:]


def choice_answers(
    features: Float[np.ndarray, "moment option time feature"],
    chosen: Int[np.ndarray, " moment"],
    driver: Int[np.ndarray, " moment"],
) -> Dataset:
    """The choices as answers of drivers: one of the options, by the mean over time.

    Args:
        features: of the options, each worth the mean reward of its times.
        chosen: which one.
        driver: who chose.
    """
    n_moments = len(chosen)
    shape = features.shape[:-1]
    still = jnp.zeros((*shape, 1))
    numbers = jnp.arange(n_moments, dtype=jnp.int32)
    return Dataset.of(
        OneOf(
            options=Segment(
                Transition(
                    still,
                    jnp.zeros(shape, dtype=jnp.int32),
                    still,
                    jnp.asarray(features),
                    jnp.zeros(shape, dtype=bool),
                ),
                weight=jnp.full(shape, 1.0 / shape[-1]),
                present=jnp.ones(shape, dtype=bool),
            ),
            choice=jnp.asarray(chosen, dtype=jnp.int32),
            person=jnp.asarray(driver, dtype=jnp.int32),
            question=numbers,
            seconds=jnp.full(n_moments, jnp.nan),
        )
    )
