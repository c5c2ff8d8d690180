"""The command line. Each command parses, calls one service and prints; data goes to stdout, the rest to stderr."""

import click

from gateway import __version__
from gateway.cli.admin import admin
from gateway.cli.alert import alert
from gateway.cli.audit import audit
from gateway.cli.config import config
from gateway.cli.doctor import doctor
from gateway.cli.hold import hold
from gateway.cli.job import job
from gateway.cli.key import key
from gateway.cli.policy import policy
from gateway.cli.price import price
from gateway.cli.sandbox import sandbox
from gateway.cli.serve import serve
from gateway.cli.simulate import simulate
from gateway.cli.store import store
from gateway.cli.team import team
from gateway.cli.webhook import webhook


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="tollhouse")
def main() -> None:
    """Tollhouse: no team spends money it was not given."""


for command in (
    serve,
    sandbox,
    store,
    key,
    policy,
    price,
    hold,
    job,
    team,
    alert,
    webhook,
    admin,
    audit,
    doctor,
    config,
):
    main.add_command(command)
policy.add_command(simulate)
