"""The page this project started from: a reward for a car and the Q-learning update.

The textbook's plain reward and its update, run by hand in a small road world, beside
`vl.learn` on the same random numbers. The two tables are equal. Then the question the
page does not ask: what has the car learned?

Run it: python examples/chapter.py
"""

import equinox as eqx
import jax
import numpy as np

import volition as vl

N_STEPS, ALPHA, GAMMA, EPSILON = 200_000, 0.1, 0.95, 0.1


def reward_function(state, action):
    """Go fast, do not crash: the reward of the page."""
    return state.get_speed() - state.get_collision()


def q_learning(state, action, reward, next_state, alpha, gamma, q_values):
    """One update of a table of action values, as the page has it.

    It does not know of endings. That makes no difference as long as the rows of states
    that end an episode stay 0, which they do: nothing is ever done there.
    """
    best_next = max(q_values[next_state])
    old = q_values[state][action]
    q_values[state][action] = old + alpha * (reward + gamma * best_next - old)


def textbook_table(road, method, key):
    """Learn with the page's update, one step after the other."""
    every = jax.tree.map(np.asarray, road.states)
    states = [
        jax.tree.map(lambda leaf, i=i: leaf[i], every) for i in range(road.n_states)
    ]
    rewards = [
        [float(reward_function(state, action)) for action in range(road.n_actions)]
        for state in states
    ]
    world = vl.value.tabular.experience(road, vl.reward.Function(reward_function))
    draw = eqx.filter_jit(vl.value.tabular.draws)
    successor = np.asarray(road.successor).tolist()
    terminal = np.asarray(road.terminal).tolist()
    # The successor that a uniform number picks: the first whose cumulative probability
    # exceeds it.
    cumulative = np.cumsum(np.asarray(road.probability), axis=-1).tolist()
    q_values = [[0.0] * road.n_actions for _ in range(road.n_states)]
    state, time = int(vl.value.tabular.first(key, world).index), 0
    time_limit = int(road.time_limit)
    for stretch in range(method.n_stretches):
        draws = draw(method, key, world, np.int32(stretch))
        numbers = (
            draws.explore,
            draws.action(world.n_actions),
            draws.world.branch,
            draws.world.restart,
        )
        for explore, action, uniform, restart in zip(
            *(np.asarray(each).tolist() for each in numbers), strict=True
        ):
            if not explore:
                action = q_values[state].index(max(q_values[state]))
            branch = sum(uniform >= share for share in cumulative[state][action][:-1])
            next_state = successor[state][action][branch]
            reward = rewards[state][action]
            q_learning(state, action, reward, next_state, ALPHA, GAMMA, q_values)
            state, time = next_state, time + 1
            if terminal[state] or time >= time_limit:
                state, time = restart, 0
    return np.array(q_values)


def main():
    """Learn twice, compare, and look at what was learned."""
    jax.config.update("jax_enable_x64", True)
    road = vl.env.three_lane_road(discount=GAMMA)
    reward = vl.reward.Function(reward_function)
    method = vl.value.QLearning(N_STEPS, step_size=ALPHA, exploration=EPSILON)
    key = jax.random.key(0)
    learned = vl.learn(key, road, reward, method)
    difference = np.abs(textbook_table(road, method, key) - np.asarray(learned.q)).max()
    print(f"largest difference between the two tables: {difference:.1e}")

    best = vl.plan(road, reward)
    for name, policy in (
        ("learned", vl.policy.greedy(learned.q)),
        ("best", best.policy),
    ):
        crashing = vl.evaluation.outcomes(road, policy).elsewhere
        share = vl.evaluation.share_of_starts(road, crashing)
        worth = float(vl.evaluation.mean_return(road, policy, reward))
        print(f"{name} policy: return {worth:.1f}, ends in a crash: {share:.0%}")
    return difference


if __name__ == "__main__":
    main()
