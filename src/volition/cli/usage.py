"""The commands as they are called: arguments, options and help.

Nothing here needs JAX, so that help and every mistake in a call are answered at once.
What a command does is in the file of its name, which is loaded when it is run.
"""

import os
from pathlib import Path

import click

from volition import files
from volition.cli import keys
from volition.cli.start import InputError, one_of, start_jax
from volition.report.contents import study_config

ROADS = ("highway", "merge", "two-way", "exit")
ACTIONS = ("left", "idle", "right", "faster", "slower")  # of a car, in their order
MODELS = ("default", "plain")  # of people
ASKED_ABOUT = ("delivery", "highway")  # worlds of `volition label`
NO_DATA = {
    "delivery": "give --data the folder with the groups' *.npz files, or set "
    "VOLITION_DATA to the folder above delivery/.",
    "drivers": "give --data a folder or a tar archive with CommonRoad's files, or set "
    "VOLITION_DATA to the folder of ngsim_us101.tar.xz.",
}


@click.command()
@click.argument("subject")
@click.option("--seed", type=click.IntRange(0, 2**31 - 1), default=0, show_default=True)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="chapter: where replays go; default: audits/chapter.",
)
@click.option("--json", "as_json", is_flag=True, help="One line of JSON, last.")
def audit(subject: str, seed: int, out: Path | None, as_json: bool) -> None:
    """Look for what a reward pays for and nobody wants.

    SUBJECT is the folder of a highway study: the reward of the textbook with the
    policies that were learned there, audit.json and replays go into the folder and so
    into its report; the folder of a delivery study: the reward of each group; the file
    of a saved reward for the delivery world; or `chapter`: the reward of the textbook,
    without a study.
    """
    if out is not None and subject != "chapter":
        raise InputError(f"--out is of `volition audit chapter`, not of {subject}.")
    if subject != "chapter" and not files.named(subject).is_file():
        study_config(Path(subject))
    start_jax()
    from volition.cli import audit as command

    command.audit(subject, seed, out, as_json)


@click.group()
def bench() -> None:
    """Run known experiments again, as numbers and pictures."""


@bench.command()
@click.option("--seed", type=click.IntRange(0, 2**31 - 1), default=0, show_default=True)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("bench/tabular"),
    show_default=True,
    help="Folder for the pictures.",
)
@click.option("--json", "as_json", is_flag=True, help="One line of JSON, last.")
def tabular(seed: int, out: Path, as_json: bool) -> None:
    """Tabular learning: figures of Sutton and Barto, chapters 4 to 8 and 10.

    Every figure is drawn from runs made now, in a minute and a half, and stands in the
    folder as PNG; the table has its numbers.
    """
    start_jax()
    from volition.cli import bench as command

    command.tabular(seed, out, as_json)


@click.command()
@click.argument("road")
@click.option(
    "--policy",
    "driver",
    default="idle",
    show_default=True,
    help="random, an action to take always (left, idle, right, faster, slower), or the "
    "file of a saved policy.",
)
@click.option("--seed", type=click.IntRange(0, 2**31 - 1), default=0, show_default=True)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for the pictures; default: drives/ROAD.",
)
@click.option("--json", "as_json", is_flag=True, help="One line of JSON, last.")
def drive(road: str, driver: str, seed: int, out: Path | None, as_json: bool) -> None:
    """Drive one episode: a strip of its moments, an animation and the scene log.

    ROAD is `highway`, `merge`, `two-way` or `exit`. The folder gets episode.png,
    episode.gif and episode.json.
    """
    one_of(road, ROADS, "there is no road")
    path = files.named(driver)
    known = driver in ("random", *ACTIONS)
    if not path.is_file() and (known or not path.exists()):
        one_of(driver, ("random", *ACTIONS), "there is no policy and no file")
    start_jax()
    from volition.cli import drive as command

    command.drive(road, driver, seed, out, as_json)


@click.command()
@click.argument("subject")
@click.option("--seed", type=click.IntRange(0, 2**31 - 1), default=0, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="One line of JSON, last.")
def evaluate(subject: str, seed: int, as_json: bool) -> None:
    """Score what a study learned: rewards, policies, and how well it explains itself.

    SUBJECT is the folder of a delivery, simulated or highway study, whose evaluation
    goes into it as evaluation.json and so into its report; or the file of a saved
    reward for the delivery world.
    """
    if not files.named(subject).is_file():
        study_config(Path(subject))
    start_jax()
    from volition.cli import evaluate as command

    command.evaluate(subject, seed, as_json)


@click.command(epilog=f"\b\nKeys:\n{keys.KEYS_HELP}")
@click.argument("study", type=click.Path(path_type=Path))
@click.option(
    "--person", default="me", show_default=True, help="The name of who answers."
)
@click.option(
    "--env",
    type=click.Choice(ASKED_ABOUT),
    help="The world, of a new study.  [default: delivery]",
)
@click.option(
    "--n",
    "n_questions",
    type=click.IntRange(1, 1000),
    help="Questions for each person, of a new study.  [default: 20]",
)
@click.option(
    "--seed",
    type=click.IntRange(0, 2**31 - 1),
    help="Of what is asked, of a new study.  [default: 0]",
)
def label(
    study: Path, person: str, env: str | None, n_questions: int | None, seed: int | None
) -> None:
    """Answer a study's questions: of two clips, which is better?

    STUDY is its folder, made where it is not there yet. Every answer is on the disk
    before the next question is shown. Stop at any time: the same command goes on. Where
    standard input is no terminal, each line of it is a key.
    """
    if not person.strip():
        raise InputError("--person is empty: say who answers.")
    start_jax()
    from volition.cli import label as command

    command.label(study, person, env, n_questions, seed)


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write one file: the page, or with --json or --markdown those.",
)
@click.option("--json", "as_json", is_flag=True, help="One line of JSON, and no page.")
@click.option("--markdown", is_flag=True, help="Markdown, and no page.")
def report(folder: Path, out: Path | None, as_json: bool, markdown: bool) -> None:
    """Write the report of a study: report.html, report.json and report.md.

    FOLDER is a study's, such as studies/highway. The page needs nothing but itself: no
    network, no script. What `volition audit FOLDER` found is part of it.
    """
    if as_json and markdown:
        raise InputError("--json and --markdown are two reports: say one of them.")
    study_config(files.named(str(folder)))
    from volition.cli import report as command

    command.report(folder, out, as_json, markdown)


@click.command()
@click.argument(
    "study",
    type=click.Choice(["highway", "delivery", "drivers", "simulated"]),
    required=False,
)
@click.option(
    "--seeds",
    type=click.IntRange(2, 100),
    help="highway: how often each reward is learned.  [default: 3]",
)
@click.option(
    "--real",
    type=click.IntRange(0, 1000),
    help="highway: episodes of each in highway-env, over all seeds.  [default: 24]",
)
@click.option(
    "--answers",
    "n_answers",
    type=click.IntRange(0, 10_000),
    help="highway: of a simulated person, for each seed.  [default: 200]",
)
@click.option(
    "--findings",
    is_flag=True,
    help="highway: from the second round on, ask about what the policy is found to do.",
)
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    help="delivery: folder with the groups' *.npz files; default: delivery in "
    "$VOLITION_DATA. drivers: folder or tar archive with CommonRoad's *.xml files; "
    "default: ngsim_us101.tar.xz there.",
)
@click.option(
    "--group", "groups", multiple=True, help="Only this group; can be repeated."
)
@click.option(
    "--model",
    type=click.Choice(MODELS),
    help="delivery, simulated: of the people.  [default: default]",
)
@click.option("--seed", type=click.IntRange(0, 2**31 - 1), default=0, show_default=True)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="The study's folder; default: studies/STUDY or studies/STUDY-plain.",
)
@click.option("--json", "as_json", is_flag=True, help="One line of JSON, last.")
def run(
    study: str | None,
    seeds: int | None,
    real: int | None,
    n_answers: int | None,
    findings: bool,
    data: Path | None,
    groups: tuple[str, ...],
    model: str | None,
    seed: int,
    out: Path | None,
    as_json: bool,
) -> None:
    """Run a study from its beginning to its table.

    STUDY is `highway` (the default: a car optimises the textbook's reward, and what
    answers say of driving, and is driven on roads that it did not learn on), `delivery`
    (from the answers of real people to a reward, a plan and a verdict), `drivers` (from
    what real drivers did on a motorway to what they wanted, and where others go next)
    or `simulated` (as delivery, from the answers of a simulated person).
    """
    study = study or ("delivery" if data or groups or model else "highway")
    if study == "highway" and (data or groups or model):
        raise InputError(
            "the highway has no --data, --group or --model: say `volition run "
            "delivery` for the answers of people."
        )
    if study != "highway" and (
        (seeds, real, n_answers, findings) != (None, None, None, False)
    ):
        raise InputError(
            "--seeds, --real, --answers and --findings are of the highway, not of "
            f"{study}."
        )
    if study == "drivers" and (groups or model):
        raise InputError(
            "drivers have no --group and no --model: those are of delivery."
        )
    if study == "simulated" and (data is not None or groups):
        raise InputError(
            "a simulated person has no --data and no --group: say `volition run "
            "delivery` for the answers of real people."
        )
    if data is None and "VOLITION_DATA" not in os.environ and study in NO_DATA:
        raise InputError(f"no data: {NO_DATA[study]}")
    start_jax()
    from volition.cli import run as command

    command.run(
        study, seeds, real, n_answers, findings, data, groups, model, seed, out, as_json
    )
