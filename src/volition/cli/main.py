"""The command `volition`."""

import click

from volition.cli.audit import audit
from volition.cli.bench import bench
from volition.cli.drive import drive
from volition.cli.ending import run_command
from volition.cli.evaluate import evaluate
from volition.cli.label import label
from volition.cli.report import report
from volition.cli.run import run


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="volition")
def command() -> None:
    """Learn what people want, build agents that do it, see how far to trust them."""


command.add_command(audit)
command.add_command(bench)
command.add_command(drive)
command.add_command(evaluate)
command.add_command(label)
command.add_command(report)
command.add_command(run)


def main() -> None:
    """Run the command; unusable input ends in one sentence and exit code 2."""
    run_command(command)
