"""Our worlds and the rewards that are stated for them, under ids of Gymnasium's.

Gymnasium keeps a table of ids for the process, looks for no packages by itself (since
1.0), and asks packages to enter theirs when they are imported. Ours are entered with
`import volition` where Gymnasium is imported already, and with `import
volition.env.gym`, which imports it, in every order:

    import gymnasium, volition

    gymnasium.register_envs(volition)  # or, whichever came first, volition.env.gym
    gymnasium.make("volition/CartPole-v0")
    gymnasium.make("volition.env.gym:volition/CartPole-v0")  # without an import

A row names the world and the reward, which are imported when they are made.
"""

import sys

# One row, one id: the name of the world, of `volition.env`, and of the reward.
IDS = {
    "Acrobot-v0": ("Acrobot", "acrobot"),
    "Blackjack-v0": ("blackjack", "blackjack"),
    "CartPole-v0": ("CartPole", "cartpole"),
    "CliffWalking-v0": ("cliff_walking", "cliff_walking"),
    "Delivery-v0": ("delivery", "delivery_true"),
    "DynaMaze-v0": ("dyna_maze", "dyna_maze"),
    "Exit-v0": ("Exit", "ExitReward"),
    "Highway-v0": ("Highway", "HighwayReward"),
    "MaximizationBias-v0": ("MaximizationBias", "maximization_bias"),
    "Merge-v0": ("Merge", "MergeReward"),
    "MountainCar-v0": ("MountainCar", "mountain_car"),
    "Pendulum-v0": ("Pendulum", "pendulum"),
    "RandomWalk-v0": ("random_walk", "random_walk"),
    "TwoWay-v0": ("TwoWay", "TwoWayReward"),
    "WindyGridworld-v0": ("windy_gridworld", "windy_gridworld"),
}
MAKERS = "volition.env.gym.registered"


def register() -> None:
    """Enter the ids in Gymnasium's table, those that are not there."""
    import gymnasium

    for name in IDS:
        if (entry := f"volition/{name}") not in gymnasium.registry:
            gymnasium.register(
                entry,
                entry_point=f"{MAKERS}:make",
                vector_entry_point=f"{MAKERS}:make_vec",
                kwargs={"name": name},
            )


if "gymnasium.envs.registration" in sys.modules:
    register()
