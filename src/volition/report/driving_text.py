"""An episode of driving in words, for those who do not see its pictures."""

import numpy as np

from volition.env.driving import SceneLog


def episode_in_words(log: SceneLog) -> str:
    """How long, how fast, doing what, and how it ended.

    Args:
        log: the episode; of numbered actions.

    Example:
        >>> import jax
        >>> from volition.env.driving import Highway, scene_log
        >>> from volition.policy import Always, episode
        >>> road = Highway(n_vehicles=0)
        >>> seen = episode(jax.random.key(0), road, Always(1), 3)
        >>> episode_in_words(scene_log(road, seen.transition))
        '3 s at 25.0 m/s on average (3 s idle); no crash.'
    """
    decisions, words = log.decisions, log.decisions.words
    speed = float(np.mean(np.asarray(decisions.speed)[1:]))
    parts = [f"{log.duration:.0f} s at {speed:.1f} m/s on average"]
    if words:
        done = np.bincount(np.asarray(decisions.action), minlength=len(words))
        each = log.interval * log.n_between
        order = np.argsort(-done, kind="stable")
        parts.append(
            " ("
            + ", ".join(
                f"{done[number] * each:.0f} s {words[number]}"
                for number in order
                if done[number]
            )
            + ")"
        )
    end = "no crash"
    if log.crashed:
        end = f"crashes at {float(np.asarray(log.frames.speed)[-1, 0]):.1f} m/s"
        before = float(np.asarray(decisions.speed)[-2])
        end += f", {before:.1f} m/s a second before"
    return f"{''.join(parts)}; {end}."
