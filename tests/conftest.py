"""Settings of every test. The package is not imported here: its hook comes first."""

import fnmatch
import os
from pathlib import Path

# Most of the time of these tests is compilation: a quarter of it is saved so. Must
# stand before JAX is imported.
os.environ.setdefault(
    "XLA_FLAGS",
    "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true "
    # As `volition.configure()` has it: the package is not imported here.
    "--xla_backend_extra_options=xla_cpu_small_while_loop_byte_threshold=100000000",
)

import jax
import pytest

jax.config.update("jax_enable_x64", True)
jax.config.update("jax_numpy_dtype_promotion", "strict")
jax.config.update("jax_numpy_rank_promotion", "raise")


# Rows of suites that compile for long: the everyday run has a row of each kind beside
# them, and `pytest -m slow` runs these.
SLOW = (
    "src/volition/env/driving/*",
    "src/volition/testing/controls/motorway.py*",
    "src/volition/report/driving_text.py*",
    "src/volition/value/deep/*",
    "src/volition/inference/irl/adversarial.py*",
    "src/volition/inference/irl/alternatives.py*",
    "src/volition/evaluation/regret.py*",
    "src/volition/evaluation/exchange.py::*.exchange_rates",
    "src/volition/evaluation/short_form.py::*.short_form",
    "src/volition/evaluation/rank_correlation.py::*.rank_correlation",
    "src/volition/inference/imitation/dagger.py*",
    "src/volition/inference/imitation/density.py*",
    "src/volition/inference/imitation/sqil.py*",
    "src/volition/inference/irl/t_rex.py*",
    "src/volition/inference/irl/f_irl.py*",
    "src/volition/inference/irl/policy_walk.py*",
    "src/volition/inference/imitation/d_rex.py*",
    "test_adversarial.py::test_a_learner_with_replay*",
    # `volition run` is run as it is by .ci/run.
    "tests/study/test_highway.py::*",
    "test_label.py::test_a_simulated_person*",
    "test_learners.py::test_it_goes*Dyna*",
    "test_learners.py::test_it_goes*prioritised*",
    "test_learners.py::test_it_goes*double*",
    "test_learners.py::test_it_goes*Peng*",
    "test_learners.py::test_it_goes*Watkins*",
    "test_learners.py::test_it_goes*tree*",
    "test_learners.py::test_a_world_without*Dyna*",
    "test_learners.py::test_a_world_without*double*",
    "test_learners.py::test_a_world_without*expected*",
    "test_deep_learners.py::*DQN*",
    "test_environments.py::*Merge*",
    "test_parity.py::test_wheel*",
    "test_parity.py::test_who_steers*",
    "test_sequential.py::test_it_says_so*",
    "test_sequential.py::test_it_begins*",
    "test_preferences.py::test_learning_goes_on*",
    "test_preferences.py::test_several_tasks*",
    "test_benchmarks.py::test_taxi*",
    "test_benchmarks.py::test_a_run_on_cart_pole*",
    "test_benchmarks.py::test_both_planners*maze*",
    "test_state_of_the_world.py::*far vase*",
    "test_gym.py::test_gymnasiums_checker*Exit*",
    "test_gym.py::test_gymnasiums_checker*Merge*",
    "test_textbook.py::test_a_policy_earns*1-18*",
    "test_scene.py::test_slots*",
    "test_replay.py::test_a_changed_reward*",
    "test_host.py::*SAC*",
    "test_replay.py::test_relabelled_rewards*DQN*",
    "test_options.py::*soft PQN*",
    "test_options.py::*dueling quantiles*",
    "test_options.py::*M-PQN*",
    "test_options.py::*soft, 3 ahead*",
    "test_sutton_barto.py::test_q_learning_walks*",
    "test_sutton_barto.py::test_longer_returns*",
    "test_finer_mazes.py::*",
    "test_label.py::test_every_person_is_asked*",
    "test_label.py::test_sides_are_drawn*",
    "test_gym.py::test_gymnasiums_checker*TwoWay*",
    "test_gym.py::test_gymnasiums_checker*Highway*",
    "test_ask.py::test_every_kind_can_be_asked*5*",
    "test_people.py::test_two_groups*1*",
    "test_textbook.py::test_a_policy_earns*1-20*",
    "test_learners.py::test_to_go_on*Dyna-Q+*",
    "test_learners.py::test_to_go_on*Monte Carlo*",
    "test_rewards.py::test_it_is_worth_the_same*highway*",
    "test_environments.py::*Continuing*",
    "test_label.py::test_what_is_asked_is_the_same*",
    "test_learners.py::test_it_goes*Monte Carlo*",
    "test_irl.py::test_without_a_horizon*",
    "test_irl.py::test_few_paths*1*",
    "test_irl.py::test_few_paths*2*",
    "test_power_cut.py::test_the_test_notices*",
    "test_kill.py::test_volition_label_loses_nothing*",
    "test_power_cut.py::test_the_name_of_the_log*",
    "test_proxy_reward.py::test_draws_of_it*",
    "test_proxy_reward.py::test_who_is_not_sure*",
    "test_drive.py::test_a_saved_policy*",
    "test_label.py::test_interrupted*",
    "test_sequential.py::test_the_same_key*",
    "test_ensemble.py::test_of_a_linear*",
    "test_learners.py::test_it_goes*expected*",
    "test_preferences.py::test_further_rounds*",
    "test_preferences.py::test_a_network_and_replay*",
    "test_sequential.py::test_it_goes_on_from_draws*",
    "test_sequential.py::test_the_effective_draws*",
    "test_contrastive.py::*without_a_reward*",
    "test_contrastive.py::*same_key*",
    "test_answers.py::test_a_reward_is_understood*thumb*",
    "test_answers.py::test_a_reward_is_understood*best 2*",
    "test_answers.py::test_a_reward_is_understood*without tie*",
    "test_answers.py::test_a_reward_is_understood*approval*",
    "test_benchmarks.py::test_asking_well*",
    "test_bench.py::test_every_figure",
    "test_environments.py::*Exit*",
    "test_environments.py::*TwoWay*",
    "test_environments.py::*absent_supervisor*",
    "test_environments.py::*conveyor_belt*",
    "test_environments.py::*distributional_shift*",
    "test_environments.py::*island_navigation*",
    "test_environments.py::*rocks_diamonds*",
    "test_environments.py::*side_effects_sokoban*",
    "test_environments.py::*tomato_patch*",
    "test_environments.py::*Highway by hand*",
    "test_rewards.py::*exit*",
    "test_rewards.py::*merge*",
    "test_rewards.py::*two*way*",
    "test_parity.py::test_other_roads*",
    "test_parity.py::test_episodes*-[1-9]*",
    "test_deep_learners.py::*SAC*",
    "test_examples.py::test_the_chapters_table_equals_ours",
    "test_replay.py::*SAC*",
    "test_scene.py::test_sub_steps*pedals*",
    "test_state_of_the_world.py::*apples*",
    "test_state_of_the_world.py::*batteries*",
    "test_state_of_the_world.py::*train: [!sd]*",
    "test_networks.py::test_what_pictures_are_worth*",
    "test_preferences.py::test_a_rule_chooses*",
    "test_replay.py::test_a_learner_without_replay*",
    "test_scene.py::test_sub_steps*words*",
    "test_answers.py::test_a_reward_is_understood*demonstration-3*",
    "test_benchmarks.py::test_each_learners_loop*Q-learning*",
    "test_people.py::test_two_groups*2*",
    "test_host.py::test_it_learns*DQN*",
    "test_learners.py::test_to_go_on*Dyna-Q]*",
    "test_parity.py::test_without_lane_changes*merge-idle*",
    "test_options.py::*Munchausen*",
    "test_options.py::*quantiles_are_those*",
    "test_generate.py::test_what_is_imagined*1*",
    "test_findings.py::test_runs_that_are_kept*",
    "test_probes.py::test_a_probe_tells*-1]",
    "test_probes.py::test_a_probe_tells*groups*",
    "test_findings.py::test_what_is_found_is_asked*",
    "test_people.py::test_one_group_is_found*",
    "test_people.py::test_who_answers_at_random*1*",
    "test_parity.py::test_episodes*merge-0*",
    "test_adversarial.py::test_a_reward_of_the_state*",
    "test_groups.py::test_the_plain_model*privileged-control*",
    "test_learners.py::test_it_goes*n-step SARSA*",
    "test_learners.py::test_a_world_without*Monte Carlo*",
    "test_host.py::test_the_same_key*DQN*",
    "test_pace.py::test_time_tells_more*",
    "src/volition/inference/robust.py::*.over_clusters",
    "src/volition/inference/people.py::*.fit_people",
    "src/volition/inference/imitation/cloning.py::*.behaviour_cloning",
    "src/volition/feedback/demonstration.py::*.demonstration",
    "src/volition/human/designer.py::*.bag",
    "test_policies.py::test_scaled_return*0-no end*",
    "test_rewards.py::test_it_is_differentiable*highway*",
    "test_benchmarks.py::test_the_way_is_as_long*",
    "test_benchmarks.py::test_each_learners_loop*SARSA*",
    "test_benchmarks.py::test_each_learners_loop*prioritised*",
    "test_benchmarks.py::test_both_planners*random, dense*",
    "test_probes.py::test_a_probe_tells*potentials-0*",
    "test_bargain.py::test_an_audit_shows_both*",
    "test_one_step.py::test_the_table_and_the_curve*7-QLearning-cliff*",
    "test_kill.py::test_the_test_notices*",
    "test_gymnasium_ids.py::*program1*",
    "test_gymnasium_ids.py::*program2*",
    "test_drive.py::test_a_policy_of_another_world*Random*",
    # Other units and precisions, and what is not finite: a row of each kind stays.
    "test_audits.py::test_the_unit_of_the_*",
    "test_audits.py::test_the_verdict_is_the_same_in_32_bits[[]grid*",
    "test_audits.py::test_the_verdict_is_the_same_in_32_bits[[]random*",
    "test_audits.py::test_true_rewards_of_worlds_drawn_anew*",
    "test_audits.py::test_where_the_source_states*",
    "test_audits.py::test_what_is_as_good_as_can_be*",
    "test_audits.py::test_without_one_of_it*[[]t*",
    "test_audits.py::test_without_one_of_it*[[]unshaped*",
    "test_audits.py::test_without_one_of_it*[[]latent*",
    "test_audits.py::test_without_one_of_it*[[]groups*",
    "test_audits.py::test_without_one_of_it*[[]nuisance*",
    "test_audits.py::test_a_discount_of_1*1.0]",
    "test_audits.py::test_a_family_brings*",
    "contracts/test_units.py::*changes_a_plan[[]delivery*",
    "contracts/test_units.py::*changes_a_plan[[]no discount*",
    "contracts/test_units.py::*changes_a_plan[[]random*",
    "contracts/test_units.py::*changes_a_plan[[]ties-[SV]*",
    "contracts/test_units.py::*changes_a_score[[][hprw]*",
    "contracts/test_units.py::*changes_a_score[[]scaled*",
    "test_fits_in_any_unit.py::*NUTS*",
    "test_fits_in_any_unit.py::*Ensemble*",
    "test_fits_in_any_unit.py::*LastLayer*",
    "test_fits_in_any_unit.py::*Sequential*",
    "test_not_finite.py::test_a_reward_stops_a_tabular_learner[[][!Q]*",
    "test_not_finite.py::*inf-*",
    "test_not_finite.py::*SAC*",
    "test_learners_units.py::test_tables_are_those_of_the_unit*[[][!QM]*",
    "inference/test_units.py::*by_walk*",
    "inference/test_units.py::*by_states*",
    "inference/test_units.py::*huge*",
    "inference/test_units.py::*mixed*",
)


def pytest_collection_modifyitems(items):
    """Mark what `SLOW` names."""
    for item in items:
        if any(fnmatch.fnmatch(item.nodeid, f"*{pattern}*") for pattern in SLOW):
            item.add_marker(pytest.mark.slow)


# Each compiled function takes a few mappings of memory; Linux gives a process 65,530,
# and XLA dies where there are none left.
MOST_MAPPINGS = 40_000
CHECKED_EVERY = 25  # tests: counting them takes 20 ms


def pytest_runtest_teardown(item):
    """Let go of what was compiled, before there is too much of it."""
    maps = Path("/proc/self/maps")
    item.session.n_run = getattr(item.session, "n_run", 0) + 1
    due = item.session.n_run % CHECKED_EVERY == 0 and maps.exists()
    if due and maps.read_bytes().count(b"\n") > MOST_MAPPINGS:
        jax.clear_caches()


@pytest.fixture(scope="session")
def volition_data() -> Path:
    """The folder of recorded human data that some tests are checked against."""
    folder = os.environ.get("VOLITION_DATA")
    if not folder:
        pytest.skip("VOLITION_DATA is not set: name the folder of recorded answers.")
    path = Path(folder)
    if not path.is_dir():
        pytest.fail(f"VOLITION_DATA names {folder}, which is not a folder.")
    return path
