"""Our worlds as Gymnasium's, and Gymnasium's spaces as ours; needs gymnasium.

Importing it enters our ids in Gymnasium's table: see `volition.gymnasium_ids`.
"""

from volition.env.gym.many import GymVectorEnv as GymVectorEnv
from volition.env.gym.one import GymEnv as GymEnv
from volition.env.gym.registered import make as make, make_vec as make_vec
from volition.env.gym.reward import RewardWrapper as RewardWrapper
from volition.env.gym.spaces import our_space as our_space, their_space as their_space
