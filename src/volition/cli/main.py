"""The command `volition`."""

import click

from volition.cli import usage
from volition.cli.ending import run_command


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="volition")
def command() -> None:
    """Learn what people want, build agents that do it, see how far to trust them."""


command.add_command(usage.audit)
command.add_command(usage.bench)
command.add_command(usage.drive)
command.add_command(usage.evaluate)
command.add_command(usage.label)
command.add_command(usage.report)
command.add_command(usage.run)


def main() -> None:
    """Run the command; unusable input ends in one sentence and exit code 2."""
    run_command(command)
