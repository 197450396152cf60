"""The `sayso` command: reads settings, plugs the adapters into the core, runs. Importing it must stay nearly free."""

import os
import sys


def main() -> None:
    """Run the command; exits with 0 allowed or done, 1 denied, 2 usage or configuration, 3 no decision.

    A coding agent starts `sayso hook` before every tool call, so that path imports nothing that the others need.
    """
    if sys.argv[1:2] == ["hook"] and not {"-h", "--help"} & set(sys.argv[2:]):
        from sayso_bots.commands.hook import hook

        sys.exit(hook.main(sys.argv[2:]))
    import gc

    # imports leave next to no garbage, and to look for it takes a tenth of a start; `cli` switches it on again
    gc.disable()
    # to look for plugins of Pydantic, every package that is installed would be read, and none is for a command
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    from sayso_bots import cli

    cli.run()
